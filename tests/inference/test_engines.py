"""What every engine gives, whichever runs the network."""

import dataclasses
import functools
import os
import re
import signal
import warnings

import numpy as np
import pytest

from inference import engines, ncnn_engine, vgg16
from inference.choice import EngineUnavailable
from inference.engines import TensorFlowEngine, TinyEngine
from inference.manifest import read_manifest
from inference.ncnn_engine import EXACT, NcnnEngine
from inference.onnx_engine import OnnxEngine
from inference.vgg16 import FeatureSpec, build_body, compile_reader, set_weights, to_input
from inference.wanted import LAYERS, Wanted
from tests.bundles import SHIPPED, tiny_manifest

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


def test_the_option_of_each_kind_of_half_is_off(made):
    """On a processor that has them ncnn would compute in halves by itself."""
    options = made(NcnnEngine)._net.opt
    named = [name for name in dir(options) if re.match("use_(fp16|bf16)_", name)]
    assert set(named) == set(EXACT)
    assert not any(getattr(options, name) for name in named)


def test_ncnn_computes_in_float32_and_refuses_to_be_reduced(weights):
    ranges = np.ones(13, np.float32)
    with pytest.raises(ValueError, match="ranges are of the reduced engine"):
        NcnnEngine(weights, dataclasses.replace(WHOLE, ranges=ranges))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda written: written[:1_000_000], "1000000 bytes of weights, not 58858804"),
        (lambda written: written + b"\0", "58858805 bytes of weights, not 58858804"),
        (lambda written: written[:-4] + b"\0\0\x80\x7f", "no numbers of these weights"),
    ],
    ids=["cut off", "too long", "infinite"],
)
def test_weights_that_ncnn_does_not_load_are_an_error_at_once(weights, monkeypatch, spoil, said):
    written = ncnn_engine.write_weights(weights)
    monkeypatch.setattr(ncnn_engine, "write_weights", lambda _: spoil(written))
    with pytest.raises(RuntimeError, match=said):
        NcnnEngine(weights, WHOLE)


@pytest.mark.parametrize(
    "error", [ImportError("no wheel"), RuntimeError("no memory"), OSError(12, "?")]
)
def test_an_engine_that_is_not_to_be_had_here_is_said_in_a_sentence(monkeypatch, error):
    def unavailable(*_):
        raise error

    monkeypatch.setenv("OVERREAD_ENGINE", "ncnn")
    monkeypatch.setattr(engines, "NcnnEngine", unavailable)
    manifest = read_manifest((SHIPPED / "manifest.json").read_text())
    said = f"The engine ncnn cannot run {manifest.name} {manifest.version} here: {error}."
    with pytest.raises(EngineUnavailable, match=re.escape(said)):
        engines.load_engine(manifest, {})


def test_onnx_runtime_s_own_errors_are_said_too(monkeypatch, weights):
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    def refuse(*_, **__):
        raise state.InvalidGraph("a graph of another time")

    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    with pytest.raises(RuntimeError, match=r"take the network \(a graph of"):
        OnnxEngine(weights, WHOLE)


def test_a_fork_of_a_process_that_has_read_is_told_so_instead_of_waiting_for_ever(made, pixels):
    engine = made(NcnnEngine)
    engine.read(pixels[:1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this process has threads is the point
        child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            engine.read(pixels[:1])
        except RuntimeError as error:
            os._exit(7 if "-P solo" in str(error) else 8)
        os._exit(9)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    assert np.isfinite(engine.read(pixels[:1]).features).all()


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
