"""A map in closed form is the map that a gradient gives; and only of a version that may show it."""

import dataclasses
import io
import json

import numpy as np
import pytest
from PIL import Image

from inference import gradcam
from inference.bundle import read_bundle
from inference.classifier import Classifier
from inference.manifest import Head, Layer, ManifestInvalid, MapCheck, read_manifest, write_manifest
from inference.score import Score
from inference.vgg16 import build_body, layer_shapes, set_weights, to_input
from tests.bundles import tiny_bundle, tiny_manifest
from tests.dicom_files import png_chest
from tests.inference.test_bundle import sealed

LINEAR = Layer(1, "linear")
CHECK = MapCheck(gradcam.METHOD, 24, 0, {"head": 0.1, "block 5": 0.05, "block 4": 0.0}, 0.5, True)
FAILED = dataclasses.replace(CHECK, correlations={"head": 0.9}, passed=False)


def head_arrays(rng, length, units=1):
    return {
        "mean": rng.normal(0, 1, length).astype(np.float32),
        "scale": rng.uniform(0.5, 2, length).astype(np.float32),
        "dense1/kernel": rng.normal(0, 1, (length, units)).astype(np.float32),
        "dense1/bias": np.zeros(units, np.float32),
    }


def body_by_chance(rng):
    """Return weights by chance that keep the signal from fading on its way."""
    return {
        name: rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape).astype(np.float32)
        if name.endswith("kernel")
        else np.zeros(shape, np.float32)
        for name, shape in layer_shapes().items()
    }


@pytest.mark.parametrize("blocks", [(4, 5), (5,), (5, 3)])
def test_the_weights_are_the_mean_gradients_of_the_logit(blocks):
    """TensorFlow's own gradient of the whole head at the output of the last convolution."""
    import tensorflow as tf
    from tensorflow import keras

    rng = np.random.default_rng(5)
    spec = Head("pooled", blocks, (LINEAR,), 0)
    width = {3: 768, 4: 1536, 5: 1536}
    arrays = head_arrays(rng, sum(width[block] for block in blocks))
    body = build_body(size=64)
    set_weights(body, body_by_chance(rng))
    taps = {block: body.get_layer(f"block{block}_conv3").output for block in blocks}
    outputs = keras.Model(body.input, taps)(
        to_input(rng.random((2, 64, 64), np.float32), "rgb_0_1")
    )
    with tf.GradientTape() as tape:
        last = outputs[5]
        tape.watch(last)
        parts = []
        for block in blocks:
            tap = last if block == 5 else outputs[block]
            parts += [keras.ops.mean(tap, (1, 2)), keras.ops.max(tap, (1, 2))]
            parts += [keras.ops.sqrt(keras.ops.var(tap, (1, 2)) + 1e-12)]
        flow = (tf.concat(parts, -1) - arrays["mean"]) * arrays["scale"]
        logit = flow @ arrays["dense1/kernel"]
    gradient = tape.gradient(logit, last).numpy()
    wanted = gradient.mean(axis=(1, 2))
    # In the product there are 14 x 14 positions; this body looks at a smaller picture.
    found = gradcam.alpha_of(spec, arrays) * 14 * 14 / (gradient.shape[1] * gradient.shape[2])
    np.testing.assert_allclose(np.stack([found, found]), wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "head",
    [
        Head("pooled", (5,), (Layer(8, "relu"), LINEAR), 0),
        Head("flattened", (5,), (LINEAR,), 0),
        Head("pooled", (3, 4), (LINEAR,), 0),
    ],
)
def test_of_another_head_there_is_no_map(head):
    assert gradcam.alpha_of(head, {}) is None


def test_the_map_is_what_speaks_for_it_and_its_maximum_is_kept():
    projection = np.full((14, 14), -3.0, np.float32)
    projection[2, 5], projection[9, 9] = 4.0, 1.0
    found = gradcam.explain(projection)
    pixels = np.asarray(Image.open(io.BytesIO(found.png)))
    assert found.maximum == 4.0
    assert (pixels.shape, pixels.dtype) == ((14, 14), np.uint8)
    assert (pixels[2, 5], pixels[9, 9], pixels[0, 0]) == (255, 64, 0)


def test_where_nothing_speaks_for_it_the_map_is_empty():
    found = gradcam.explain(np.full((14, 14), -1.0, np.float32))
    assert found.maximum == 0.0
    assert not np.asarray(Image.open(io.BytesIO(found.png))).any()


@pytest.mark.parametrize(("check", "shown"), [(CHECK, True), (FAILED, False), (None, False)])
def test_only_a_version_whose_check_was_passed_has_maps(
    tmp_path, airlock, monkeypatch, check, shown
):
    monkeypatch.setenv("OVERREAD_ALLOW_TEST_BUNDLE", "1")
    bundle = read_bundle(tiny_bundle(tmp_path / "tiny-0.0.1"))
    checked = dataclasses.replace(bundle.manifest, explanation=check)
    with Classifier(dataclasses.replace(bundle, manifest=checked), airlock) as classifier:
        answers = classifier.classify([png_chest()] * 11)  # more than a batch
    assert all(isinstance(answer, Score) for answer in answers)
    assert [answer.explanation is not None for answer in answers] == [shown] * 11


def test_a_check_is_read_as_it_was_written():
    manifest = dataclasses.replace(tiny_manifest(), explanation=CHECK)
    assert read_manifest(write_manifest(manifest)) == manifest


@pytest.mark.parametrize(
    "changes",
    [{"passed": False}, {"bound": 0.01}, {"correlations": {}}, {"bound": 1.5}],
)
def test_a_check_that_contradicts_itself_is_refused(changes):
    text = write_manifest(dataclasses.replace(tiny_manifest(), explanation=CHECK))
    document = json.loads(text)
    document["explanation"] |= changes
    with pytest.raises(ManifestInvalid, match=r"explanation\.passed"):
        read_manifest(sealed(document))
