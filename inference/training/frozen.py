"""The part of a body that is not fitted, on what computes it fastest here."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference.ncnn_engine import NcnnEngine
from inference.training.body import Body
from inference.vgg16 import FeatureSpec, Reading, choose_device, compile_reader
from inference.wanted import Wanted

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FrozenPart:
    """What makes of radiographs that which is kept of them, once a view.

    Parameters
    ----------
    run : callable
        From (n, 224, 224) float32 in [0, 1] to (n, ``length``) float32.
    name : str
        Everything that what it gives depends on: what was kept under another name is left alone.
    """

    run: Callable[[Floats], Floats]
    length: int
    name: str


def frozen_part(body: Body, spec: FeatureSpec) -> FrozenPart:
    """Return what gives the features ``spec`` of ``body``: TensorFlow on a GPU, else ncnn."""
    if choose_device() == "gpu":
        return on_tensorflow(body, spec)
    read = NcnnEngine(body.weights, Wanted(body.input_convention, spec)).read
    return _named("ncnn", read, body, spec)


def on_tensorflow(body: Body, spec: FeatureSpec) -> FrozenPart:
    """Return what gives the features ``spec`` of ``body`` on TensorFlow, wherever that runs."""
    read = compile_reader(body.weights, convention=body.input_convention, spec=spec)
    return _named("tensorflow", read, body, spec)


def _named(
    engine: str, read: Callable[[Floats], Reading], body: Body, spec: FeatureSpec
) -> FrozenPart:
    name = f"{body.fingerprint} {spec.kind} {spec.blocks} {engine}"
    return FrozenPart(lambda pixels: read(pixels).features, spec.length, name)
