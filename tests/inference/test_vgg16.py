"""The network built here is VGG16, and what it answers does not hang on how it is asked."""

import numpy as np
import pytest

from inference.ncnn_engine import NcnnEngine
from inference.vgg16 import (
    BGR_IMAGENET_MEAN,
    DeviceUnavailable,
    FeatureSpec,
    build_body,
    choose_device,
    compile_reader,
    get_weights,
    read_features,
    set_weights,
    to_input,
)
from inference.wanted import Wanted

POOLED = FeatureSpec("pooled", (4, 5))


@pytest.fixture(scope="module")
def pooled(weights):
    read = compile_reader(weights, convention="rgb_0_1", spec=POOLED)
    return lambda pixels: read(pixels).features


@pytest.fixture
def gpus(monkeypatch):
    """Two cards as TensorFlow would show them; return what is done to them."""
    import tensorflow as tf

    done, cards = [], ["one card", "another"]
    config = tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: cards * (kind == "GPU"))
    monkeypatch.setattr(config, "set_visible_devices", lambda *_: done.append("hidden"))
    monkeypatch.setattr(
        config.experimental, "set_memory_growth", lambda card, grows: done.append((card, grows))
    )
    return done


def test_it_is_the_vgg16_of_keras_layer_by_layer(weights, pixels):
    from tensorflow import keras

    theirs = keras.applications.VGG16(include_top=False, weights=None, input_shape=(224, 224, 3))
    ours = build_body()
    assert [layer.name for layer in ours.layers[1:]] == [layer.name for layer in theirs.layers[1:]]
    set_weights(ours, weights)
    set_weights(theirs, weights)
    image = to_input(pixels[:1], "rgb_0_1")
    np.testing.assert_allclose(ours(image), theirs(image), rtol=1e-5, atol=1e-6)


def test_weights_come_out_as_they_went_in(weights):
    body = build_body()
    set_weights(body, weights)
    for name, array in get_weights(body).items():
        np.testing.assert_array_equal(array, weights[name])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: w.pop("block1_conv1/bias"), "block1_conv1/bias"),
        (lambda w: w.update({"block6_conv1/bias": np.zeros(3)}), "block6_conv1/bias"),
        (lambda w: w.update({"block2_conv1/kernel": np.zeros((3, 3, 3, 3))}), "shape"),
    ],
)
def test_other_weights_are_refused(weights, change, said):
    changed = dict(weights)
    change(changed)
    with pytest.raises(ValueError, match=said):
        set_weights(build_body(), changed)


def test_pooled_features_are_mean_maximum_and_deviation(weights, pixels, pooled):
    from tensorflow import keras

    body = build_body()
    set_weights(body, weights)
    tap = keras.Model(body.input, body.get_layer("block5_conv3").output)
    activations = np.asarray(tap(to_input(pixels[:1], "rgb_0_1")))
    found = pooled(pixels[:1])
    assert found.shape == (1, POOLED.length)
    expected = [f(activations, axis=(1, 2)) for f in (np.mean, np.max, np.std)]
    np.testing.assert_allclose(
        POOLED.select(found, (5,)), np.concatenate(expected, axis=1), rtol=1e-3, atol=1e-5
    )


def test_a_map_is_the_last_convolution_weighed_channel_by_channel(weights, pixels, pooled):
    from tensorflow import keras

    alpha = np.random.default_rng(2).normal(0, 1, 512).astype(np.float32)
    read = compile_reader(weights, convention="rgb_0_1", spec=POOLED, alpha=alpha)
    reading = read(pixels)
    body = build_body()
    set_weights(body, weights)
    tap = keras.Model(body.input, body.get_layer("block5_conv3").output)
    expected = np.asarray(tap(to_input(pixels, "rgb_0_1"))) @ alpha
    assert reading.maps.shape == (3, 14, 14)
    np.testing.assert_allclose(reading.maps, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(reading.features, pooled(pixels), rtol=1e-5, atol=1e-6)


def test_without_weights_there_is_no_map(weights, pixels):
    read = compile_reader(weights, convention="rgb_0_1", spec=POOLED)
    assert read(pixels[:1]).maps is None


def test_a_map_needs_a_weight_for_each_channel(weights):
    with pytest.raises(ValueError, match="weights of a map"):
        compile_reader(weights, convention="rgb_0_1", spec=POOLED, alpha=np.ones(64, np.float32))


def test_flattened_features_are_the_whole_output(weights, pixels):
    body = build_body()
    set_weights(body, weights)
    image = to_input(pixels[:1], "rgb_0_1")
    spec = FeatureSpec("flattened", ())
    found = np.asarray(read_features(body, spec)(image))
    assert found.shape == (1, spec.length)
    np.testing.assert_array_equal(found.reshape(7, 7, 512), np.asarray(body(image))[0])


def test_the_features_do_not_depend_on_the_batch(pixels, pooled):
    together = pooled(pixels)
    alone = np.concatenate([pooled(pixels[i : i + 1]) for i in range(len(pixels))])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)


def test_white_becomes_three_ones_or_bgr_less_the_mean_of_imagenet():
    white = np.ones((1, 224, 224), np.float32)
    np.testing.assert_array_equal(to_input(white, "rgb_0_1")[0, 0, 0], [1, 1, 1])
    converted = np.asarray(to_input(white, "bgr_imagenet_mean"))
    np.testing.assert_allclose(converted[0, 0, 0], [151.061, 138.221, 131.32], atol=1e-3)
    np.testing.assert_allclose(255 - converted[0, 5, 5], BGR_IMAGENET_MEAN, atol=1e-3)
    assert (white == 1).all()


def test_the_conversion_is_the_one_of_keras(pixels):
    from tensorflow import keras

    rgb = np.repeat(pixels[..., None] * 255, 3, axis=-1)
    theirs = keras.applications.vgg16.preprocess_input(rgb.copy())
    np.testing.assert_allclose(to_input(pixels, "bgr_imagenet_mean"), theirs, atol=1e-3)


def test_another_convention_is_refused(pixels):
    with pytest.raises(ValueError, match="convention"):
        to_input(pixels, "grey")


def test_the_device_is_one_of_three_and_must_be_there():
    import tensorflow as tf

    with pytest.raises(DeviceUnavailable, match="auto, cpu or gpu"):
        choose_device("tpu")
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("a GPU is here, so it cannot be missing")
    with pytest.raises(DeviceUnavailable, match="sees no GPU"):
        choose_device("gpu")
    assert choose_device("auto") == "cpu"


@pytest.mark.parametrize("wanted", ["auto", "gpu"])
def test_a_card_is_shared_with_other_workers(gpus, wanted):
    assert choose_device(wanted) == "gpu"
    assert gpus == [("one card", True), ("another", True)]


def test_a_card_is_left_alone_where_processors_are_asked_for(gpus):
    assert choose_device("cpu") == "cpu"
    assert gpus == ["hidden"]


def test_the_network_on_a_gpu_is_that_of_a_processor_whatever_the_batch(weights, pixels):
    """Held to what is promised of scores: features are larger, so relative to the largest."""
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        pytest.skip("TensorFlow sees no GPU")
    assert choose_device("gpu") == "gpu"
    read = compile_reader(weights, convention="rgb_0_1", spec=POOLED)
    together = read(pixels).features
    theirs = NcnnEngine(weights, Wanted("rgb_0_1", POOLED)).read(pixels).features
    largest = np.abs(theirs).max()
    np.testing.assert_allclose(together, theirs, rtol=1e-3, atol=1e-3 * largest)
    alone = np.concatenate([read(pixels[i : i + 1]).features for i in range(len(pixels))])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-5 * largest)
