"""The VGG16 body, built in code. With ``inference.training`` the only home of TensorFlow.

Keras model files can run code, so none is ever opened: the layers stand here and only arrays are
loaded into them. TensorFlow is imported inside functions, as importing it costs ten seconds.

References
----------
Simonyan & Zisserman 2015, arXiv:1409.1556, configuration D without its three dense layers.
"""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from inference.processors import cores

if TYPE_CHECKING:
    from tensorflow import keras

Floats = npt.NDArray[np.float32]

SIZE = 224
BLOCKS: tuple[tuple[int, ...], ...] = (
    (64, 64),
    (128, 128),
    (256, 256, 256),
    (512, 512, 512),
    (512, 512, 512),
)
MAP = (SIZE // 16, SIZE // 16)
"""Rows and columns of a map: those of the last convolution, before it is pooled."""
STEM = (SIZE // 16, SIZE // 16, BLOCKS[3][-1])
OUTPUT = (SIZE // 32, SIZE // 32, BLOCKS[4][-1])
"""Rows, columns and channels of what goes into block 5, and of what comes out of it."""
CONVENTIONS = ("rgb_0_1", "bgr_imagenet_mean")
BGR_IMAGENET_MEAN = (103.939, 116.779, 123.68)
"""Mean of ImageNet's training set, 0 to 255: blue, green, red (Keras, "caffe" mode)."""


class DeviceUnavailable(Exception):
    """The device asked for is not there."""


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """What is read from the body: a whole output or none, then what is pooled, block by block.

    Parameters
    ----------
    kind : str
        ``pooled``: no whole output. ``flattened``: the 7 x 7 x 512 output of the body. ``stem``:
        the 14 x 14 x 512 input of block 5.
    blocks : tuple of int
        Of each block named (1 to 5), in that order: mean, maximum and standard deviation over the
        positions of its last convolution.
    """

    kind: Literal["pooled", "flattened", "stem"]
    blocks: tuple[int, ...] = (5,)

    @property
    def whole(self) -> int:
        """Return the number of features of the whole output, which come first."""
        return {"pooled": 0, "flattened": math.prod(OUTPUT), "stem": math.prod(STEM)}[self.kind]

    @property
    def length(self) -> int:
        """Return the number of features of one radiograph."""
        return self.whole + sum(_width(block) for block in self.blocks)

    def select(self, features: npt.NDArray[np.floating], blocks: tuple[int, ...]) -> Floats:
        """Return, of (n, length) ``features``, what is pooled of ``blocks``, as float32."""
        stops = self.whole + np.cumsum([_width(block) for block in self.blocks])
        column = {b: slice(e - _width(b), e) for b, e in zip(self.blocks, stops, strict=True)}
        parts = [features[:, column[block]] for block in blocks]
        return np.concatenate([features[:, :0], *parts], axis=1, dtype=np.float32)

    def read(self, features: npt.NDArray[np.floating], wanted: "FeatureSpec") -> Floats:
        """Return, of ``features``, those of ``wanted``: the same whole output, some blocks."""
        whole = features[:, : wanted.whole]
        return np.concatenate([whole, self.select(features, wanted.blocks)], 1, dtype=np.float32)


def _width(block: int) -> int:
    return 3 * BLOCKS[block - 1][-1]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one pass of a network gives.

    Parameters
    ----------
    features : (n, length) float32
    maps : (n, 14, 14) float32, or None
        The output of the last convolution, ``block5_conv3``, before it is pooled: the sum over its
        channels, each times its weight. None where no weights were given.
    """

    features: Floats
    maps: Floats | None = None


def layer_shapes() -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every array of the body, in the order of the network."""
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 3
    for block, widths in enumerate(BLOCKS, start=1):
        for number, width in enumerate(widths, start=1):
            shapes[f"block{block}_conv{number}/kernel"] = (3, 3, channels, width)
            shapes[f"block{block}_conv{number}/bias"] = (width,)
            channels = width
    return shapes


def choose_device(wanted: str | None = None) -> str:
    """Return ``cpu`` or ``gpu`` after telling TensorFlow which devices it may touch.

    Parameters
    ----------
    wanted : str, optional
        ``auto``, ``cpu`` or ``gpu``; by default the environment's ``OVERREAD_DEVICE``, else auto.

    Raises
    ------
    DeviceUnavailable
        A GPU is wanted and TensorFlow sees none, or the word is not one of the three.
    """
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(cores()))  # it knows of no quota
    import tensorflow as tf

    wanted = wanted or os.environ.get("OVERREAD_DEVICE", "auto")
    if wanted not in {"auto", "cpu", "gpu"}:
        raise DeviceUnavailable(f"OVERREAD_DEVICE is {wanted!r}; it may be auto, cpu or gpu.")
    found = tf.config.list_physical_devices("GPU")
    if wanted == "gpu" and not found:
        raise DeviceUnavailable("OVERREAD_DEVICE is gpu, but TensorFlow sees no GPU here.")
    if wanted == "cpu" or not found:
        tf.config.set_visible_devices([], "GPU")
        return "cpu"
    for device in found:  # several workers may share one card
        tf.config.experimental.set_memory_growth(device, True)  # noqa: FBT003
    return "gpu"


def build_body(*, size: int = SIZE) -> "keras.Model":
    """Return the untrained body: (n, size, size, 3) float32 in, (n, size/32, size/32, 512) out."""
    from tensorflow import keras

    image = keras.Input((size, size, 3), name="image")
    flow = image
    for block, widths in enumerate(BLOCKS, start=1):
        for number, width in enumerate(widths, start=1):
            name = f"block{block}_conv{number}"
            flow = keras.layers.Conv2D(width, 3, padding="same", activation="relu", name=name)(flow)
        flow = keras.layers.MaxPooling2D(2, name=f"block{block}_pool")(flow)
    return keras.Model(image, flow, name="vgg16")


def set_weights(body: "keras.Model", weights: Mapping[str, npt.NDArray[np.floating]]) -> None:
    """Copy ``weights``, named as in `layer_shapes`, into ``body``.

    Raises
    ------
    ValueError
        An array is missing, superfluous or of another shape.
    """
    check_arrays(weights)
    for name in layer_shapes():
        layer, kind = name.split("/")
        getattr(body.get_layer(layer), kind).assign(weights[name].astype(np.float32))


def check_arrays(weights: Mapping[str, npt.NDArray[np.floating]]) -> None:
    """Raise ValueError unless ``weights`` has every array of `layer_shapes`, and no other."""
    shapes = layer_shapes()
    if set(weights) != set(shapes):
        odd = ", ".join(sorted(set(weights) ^ set(shapes))[:3])
        raise ValueError(f"these are not the arrays of a VGG16 body: {odd}")
    for name, shape in shapes.items():
        if weights[name].shape != shape:
            raise ValueError(f"{name} has shape {weights[name].shape}, not {shape}")


def get_weights(body: "keras.Model") -> dict[str, Floats]:
    """Return every array of ``body``, named as in `layer_shapes`."""
    arrays = {}
    for name in layer_shapes():
        layer, kind = name.split("/")
        arrays[name] = np.asarray(getattr(body.get_layer(layer), kind), np.float32)
    return arrays


def to_input(pixels: object, convention: str) -> object:
    """Return the body's input for display-ready radiographs, as a tensor.

    Parameters
    ----------
    pixels : (n, height, width) float32, in [0, 1], 1 = white (MONOCHROME2)
    convention : str
        ``rgb_0_1``: the grey value three times, as it is. ``bgr_imagenet_mean``: times 255, less
        the ImageNet mean of blue, green and red.

    Returns
    -------
    (n, height, width, 3) float32 tensor. ``pixels`` is not written to.

    Raises
    ------
    ValueError
        Another convention.
    """
    import tensorflow as tf

    if convention not in CONVENTIONS:
        raise ValueError(f"unknown input convention {convention!r}")
    three = tf.repeat(tf.convert_to_tensor(pixels, tf.float32)[..., None], 3, axis=-1)
    if convention == "rgb_0_1":
        return three
    return three * 255.0 - tf.constant(BGR_IMAGENET_MEAN, tf.float32)


def read_features(body: "keras.Model", spec: FeatureSpec) -> "keras.Model":
    """Return a model from the input of ``body`` to the features of ``spec``."""
    from tensorflow import keras

    parts = []
    if spec.kind != "pooled":
        whole = body.output if spec.kind == "flattened" else body.get_layer("block4_pool").output
        parts.append(keras.layers.Flatten(name=spec.kind)(whole))
    for block in spec.blocks:
        tap = body.get_layer(f"block{block}_conv{len(BLOCKS[block - 1])}").output
        parts += [keras.ops.mean(tap, axis=(1, 2)), keras.ops.max(tap, axis=(1, 2))]
        parts += [keras.ops.std(tap, axis=(1, 2))]
    return keras.Model(body.input, keras.ops.concatenate(parts, axis=-1))


def compile_reader(
    weights: Mapping[str, npt.NDArray[np.floating]],
    *,
    convention: str,
    spec: FeatureSpec,
    alpha: Floats | None = None,
) -> Callable[[Floats], Reading]:
    """Return a function from pixels to features, and to maps where ``alpha`` weighs them.

    The function takes (n, 224, 224) float32 in [0, 1]; the features have ``spec.length``. It is
    traced once, and one trace serves every n: a batch is not padded, so that a single image costs
    a single image.

    Raises
    ------
    ValueError
        ``weights`` are not those of a VGG16 body, ``alpha`` is not one number for each of the 512
        channels, or the convention is unknown.
    """
    import tensorflow as tf
    from tensorflow import keras

    body = build_body()
    set_weights(body, weights)
    reader = read_features(body, spec)
    if alpha is not None:
        check_alpha(alpha)
        last = body.get_layer("block5_conv3").output
        projected = keras.ops.tensordot(last, alpha.astype(np.float32), axes=1)
        reader = keras.Model(body.input, [reader.output, projected])

    def forward(pixels: object) -> object:
        return reader(to_input(pixels, convention), training=False)

    signature = [tf.TensorSpec((None, SIZE, SIZE), tf.float32)]
    traced = tf.function(
        forward, input_signature=signature, autograph=False
    ).get_concrete_function()

    def read(pixels: Floats) -> Reading:
        found = traced(tf.constant(pixels, tf.float32))
        return Reading(*(np.asarray(one, np.float32) for one in tf.nest.flatten(found)))

    return read


def check_alpha(alpha: npt.NDArray[np.floating]) -> None:
    """Raise ValueError unless ``alpha`` is one number for each channel of the last convolution."""
    if alpha.shape != (OUTPUT[-1],):
        raise ValueError(f"the weights of a map have shape {alpha.shape}, not {(OUTPUT[-1],)}")
