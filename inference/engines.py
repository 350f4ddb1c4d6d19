"""What runs a network: pixels in, features out; and the head, which turns features into a logit."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Protocol

import numpy as np
import numpy.typing as npt

from inference import vgg16
from inference.choice import EngineUnavailable, choose_engine
from inference.manifest import Head, Manifest
from inference.ncnn_engine import NcnnEngine
from inference.onnx_engine import OnnxEngine
from inference.vgg16 import MAP, FeatureSpec, Reading
from inference.wanted import Wanted

Floats = npt.NDArray[np.float32]
Arrays = Mapping[str, npt.NDArray[np.floating]]

TINY_GRID = 8
BATCH_SIZE = {"cpu": 8, "gpu": 32}
"""Larger batches leave a processor's cache and are slower there (measured on two cores)."""


class Engine(Protocol):
    """Anything that runs a body."""

    name: str
    """What ran, with its version, as it is stored beside a score."""
    device: str
    """``cpu`` or ``gpu``: what was found, not what was asked for."""
    batch_size: int
    """How many radiographs are best given at a time."""

    def read(self, pixels: Floats) -> Reading:
        """Return what one pass gives of (n, 224, 224) float32 pixels in [0, 1].

        There are maps where the engine was made with weights for them.
        """


class TensorFlowEngine:
    """VGG16 on TensorFlow, on the device that ``OVERREAD_DEVICE`` names. Slow to make, once.

    Parameters
    ----------
    manifest : Manifest
        Says the input convention and the features.
    body : mapping
        The arrays of the body.
    alpha : (512,) float32, optional
        The weights of a map: one for each channel of the last convolution.

    Raises
    ------
    DeviceUnavailable
        A GPU is demanded and there is none.
    ValueError
        The arrays are not those of a VGG16, or there are not 512 weights.
    """

    def __init__(self, manifest: Manifest, body: Arrays, alpha: Floats | None = None) -> None:
        self.device = vgg16.choose_device()
        self.name = f"tensorflow {version('tensorflow')} {self.device}"
        self.batch_size = BATCH_SIZE[self.device]
        convention, spec = manifest.input.input_convention, spec_of(manifest)
        self._read = vgg16.compile_reader(body, convention=convention, spec=spec, alpha=alpha)

    def read(self, pixels: Floats) -> Reading:
        """Return what one pass gives; see `Engine`."""
        return self._read(pixels)


class TinyEngine:
    """A stand-in for tests: the mean of each cell of an 8 x 8 grid. Same path, no network.

    Its maps are the means of 14 x 14 cells, times the sum of ``alpha``: what is bright is shown.
    """

    name = f"tiny 1 numpy {np.__version__}"
    device = "cpu"
    batch_size = 8

    def __init__(self, alpha: Floats | None = None) -> None:
        self._weight = None if alpha is None else np.float32(alpha.sum())

    def read(self, pixels: Floats) -> Reading:
        """Return what one pass gives; see `Engine`."""
        features = _cells(pixels, TINY_GRID).reshape(len(pixels), -1)
        maps = None if self._weight is None else self._weight * _cells(pixels, MAP[0])
        return Reading(features, maps)


def _cells(pixels: Floats, grid: int) -> Floats:
    """Return the (n, grid, grid) means of the cells of square ``pixels``."""
    count, side, _ = pixels.shape
    cells = pixels.reshape(count, grid, side // grid, grid, side // grid)
    return np.asarray(cells.mean(axis=(2, 4)), np.float32)


class DenseHead:
    """The layers on top of the features, in numpy: the same on every engine.

    Parameters
    ----------
    spec : Head
        The layers that the manifest promises.
    arrays : mapping
        ``mean`` and ``scale`` of the features, then ``dense1/kernel``, ``dense1/bias`` and so on.

    Raises
    ------
    ValueError
        An array is missing, superfluous, or does not fit the next one.
    """

    def __init__(self, spec: Head, arrays: Arrays) -> None:
        names = [f"dense{number}" for number in range(1, len(spec.layers) + 1)]
        wanted = {"mean", "scale"} | {f"{n}/{kind}" for n in names for kind in ("kernel", "bias")}
        if set(arrays) != wanted:
            raise ValueError(f"the head's arrays differ: {sorted(set(arrays) ^ wanted)[:3]}")
        self._mean = arrays["mean"].astype(np.float32)
        self._scale = arrays["scale"].astype(np.float32)
        self._index = spec.logit_index
        self._layers = []
        length = self._mean.size
        for name, layer in zip(names, spec.layers, strict=True):
            kernel, bias = (
                arrays[f"{name}/{kind}"].astype(np.float32) for kind in ("kernel", "bias")
            )
            if kernel.shape != (length, layer.units) or bias.shape != (layer.units,):
                raise ValueError(f"{name} has shape {kernel.shape}, not {(length, layer.units)}")
            self._layers.append((kernel, bias, layer.activation))
            length = layer.units

    def logits(self, features: Floats) -> Floats:
        """Return the (n,) float32 logits of pneumonia for (n, length) float32 features.

        NaN where a feature is not a finite number.
        """
        with np.errstate(invalid="ignore", over="ignore"):  # the answer says it
            flow = (features.astype(np.float32) - self._mean) * self._scale
            for kernel, bias, activation in self._layers:
                flow = flow @ kernel + bias
                if activation == "relu":
                    flow = np.maximum(flow, 0)
        # A layer can hide that what came in was infinite.
        sound = np.isfinite(features).all(axis=1)
        return np.where(sound, flow[:, self._index], np.float32(np.nan)).astype(np.float32)


def spec_of(manifest: Manifest) -> FeatureSpec:
    """Return what an engine reads of the body: what the head needs, and what the gates need."""
    of_gates = manifest.gates.blocks if manifest.gates else ()
    blocks = tuple(sorted({*manifest.head.blocks, *of_gates}))
    return FeatureSpec(manifest.head.features, blocks)


def load_engine(manifest: Manifest, body: Arrays, alpha: Floats | None = None) -> Engine:
    """Return the engine that runs this model here, with maps if there are weights for them.

    Raises
    ------
    DeviceUnavailable
        See `inference.choice.choose_engine` and `TensorFlowEngine`.
    EngineUnavailable
        The engine's library is not here or cannot run it.
    ValueError
        The arrays are not those of the network: see the engines.
    """
    if manifest.network == "tiny":
        return TinyEngine(alpha)
    chosen = choose_engine(manifest)
    try:
        return _make_engine(chosen, manifest, body, alpha)
    except (ImportError, OSError, RuntimeError) as error:
        model = f"{manifest.name} {manifest.version}"
        raise EngineUnavailable(f"The engine {chosen} cannot run {model} here: {error}.") from error


def _make_engine(chosen: str, manifest: Manifest, body: Arrays, alpha: Floats | None) -> Engine:
    if chosen == "tensorflow":
        return TensorFlowEngine(manifest, body, alpha)
    if chosen == "ncnn":
        return NcnnEngine(body, wanted_of(manifest, alpha))
    return OnnxEngine(body, wanted_of(manifest, alpha, reduced=chosen == "reduced"))


def wanted_of(manifest: Manifest, alpha: Floats | None = None, *, reduced: bool = False) -> Wanted:
    """Return what an engine on processors is to give of this model, whole or reduced."""
    ranges = np.array(manifest.reduced.ranges) if reduced and manifest.reduced else None
    return Wanted(manifest.input.input_convention, spec_of(manifest), alpha, ranges)
