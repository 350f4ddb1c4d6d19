"""What every engine gives, whichever runs the network."""

import dataclasses
import functools

import numpy as np
import pytest

from inference import vgg16
from inference.engines import TensorFlowEngine, TinyEngine
from inference.ncnn_engine import NcnnEngine
from inference.onnx_engine import OnnxEngine
from inference.vgg16 import FeatureSpec, build_body, compile_reader, set_weights, to_input
from inference.wanted import LAYERS, Wanted
from tests.bundles import tiny_manifest

SPEC = FeatureSpec("pooled", (3, 4, 5))
ALPHA = np.random.default_rng(2).normal(0, 0.05, 512).astype(np.float32)
WHOLE = Wanted("rgb_0_1", SPEC, ALPHA)


PROCESSOR_ENGINES = pytest.mark.parametrize("kind", [NcnnEngine, OnnxEngine], ids=["ncnn", "onnx"])


@pytest.fixture(scope="module")
def made(weights):
    """Return what gives each engine, made once."""
    return functools.cache(lambda kind: kind(weights, WHOLE))


@pytest.fixture(scope="module")
def expected(weights, pixels):
    """Return what TensorFlow makes of the pixels."""
    return compile_reader(weights, convention="rgb_0_1", spec=SPEC, alpha=ALPHA)(pixels)


def test_a_gpu_is_given_larger_batches_and_the_score_says_what_ran(monkeypatch):
    monkeypatch.setattr(vgg16, "compile_reader", lambda *_, **__: None)
    made = {}
    for device in ("cpu", "gpu"):
        monkeypatch.setattr(vgg16, "choose_device", lambda device=device: device)
        made[device] = TensorFlowEngine(tiny_manifest(), {})
    assert [made[device].device for device in made] == list(made)
    assert made["gpu"].batch_size > made["cpu"].batch_size
    assert all(made[device].name.endswith(f" {device}") for device in made)


@PROCESSOR_ENGINES
def test_it_computes_what_tensorflow_does(kind, made, expected, pixels):
    found = made(kind).read(pixels)
    np.testing.assert_allclose(found.features, expected.features, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.maps, expected.maps, rtol=1e-3, atol=1e-3)
    assert found.features.dtype == found.maps.dtype == np.float32


@PROCESSOR_ENGINES
@pytest.mark.parametrize(
    ("convention", "spec"),
    [
        ("bgr_imagenet_mean", FeatureSpec("pooled", (5,))),
        ("rgb_0_1", FeatureSpec("flattened", ())),
        ("rgb_0_1", FeatureSpec("stem", (3, 4))),
    ],
    ids=["other convention", "whole output", "stem"],
)
def test_it_does_so_for_every_convention_and_feature(kind, weights, pixels, convention, spec):
    found = kind(weights, Wanted(convention, spec)).read(pixels[:1])
    theirs = compile_reader(weights, convention=convention, spec=spec)(pixels[:1]).features
    assert found.maps is None
    np.testing.assert_allclose(found.features, theirs, rtol=1e-3, atol=1e-3 * theirs.max())


@PROCESSOR_ENGINES
def test_what_it_gives_does_not_depend_on_the_batch(kind, made, pixels):
    together = made(kind).read(pixels)
    alone = [made(kind).read(pixels[i : i + 1]) for i in range(len(pixels))]
    for name in ("features", "maps"):
        joined = np.concatenate([getattr(one, name) for one in alone])
        np.testing.assert_allclose(getattr(together, name), joined, rtol=1e-5, atol=1e-5)


def test_reduced_it_comes_near_and_is_no_copy(weights, pixels, expected):
    from tensorflow import keras

    body = build_body()
    set_weights(body, weights)
    taps = keras.Model(body.input, [body.get_layer(name).output for name in LAYERS])
    ranges = np.array([np.asarray(one).max() for one in taps(to_input(pixels, "rgb_0_1"))])
    engine = OnnxEngine(weights, dataclasses.replace(WHOLE, ranges=ranges))
    found = engine.read(pixels)
    for name in ("features", "maps"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        assert 1e-5 < np.abs(ours - theirs).mean() / np.abs(theirs).mean() < 0.05
    assert "int8" in engine.name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"alpha": np.ones(64, np.float32)}, "weights of a map"),
        ({"convention": "grey"}, "convention"),
        ({"ranges": np.ones(12, np.float32)}, "ranges are not 13"),
        ({"ranges": np.zeros(13, np.float32)}, "ranges are not 13"),
    ],
)
def test_what_does_not_fit_the_network_is_refused(weights, change, said):
    with pytest.raises(ValueError, match=said):
        OnnxEngine(weights, dataclasses.replace(WHOLE, **change))


@PROCESSOR_ENGINES
def test_other_weights_are_refused(kind, weights):
    with pytest.raises(ValueError, match="block5_conv3/bias"):
        kind({n: a for n, a in weights.items() if n != "block5_conv3/bias"}, WHOLE)


def test_a_pass_that_ncnn_gives_up_is_an_error_and_no_score(weights, pixels):
    class OutOfMemory:
        def create_extractor(self):
            return self

        def input(self, *_):
            return 0

        def extract(self, _):
            return -100, None

    engine = NcnnEngine(weights, WHOLE)
    engine._net = OutOfMemory()
    with pytest.raises(RuntimeError, match="status -100"):
        engine.read(pixels[:1])


def test_the_tiny_engine_shows_what_is_bright():
    pixels = np.zeros((2, 224, 224), np.float32)
    pixels[1, :16, 16:32] = 1
    reading = TinyEngine(np.full(512, 0.5, np.float32)).read(pixels)
    assert reading.maps.shape == (2, 14, 14)
    assert reading.maps[1, 0, 1] == 256
    assert np.count_nonzero(reading.maps) == 1
    np.testing.assert_array_equal(reading.features, TinyEngine().read(pixels).features)


def test_the_tiny_engine_shows_nothing_without_weights():
    assert TinyEngine().read(np.zeros((1, 224, 224), np.float32)).maps is None
