"""Which engine runs the network here: what is asked for, what is there, what may be."""

import os
from pathlib import Path

from inference.manifest import Manifest
from inference.vgg16 import DeviceUnavailable, choose_device

ENGINES = ("auto", "tensorflow", "ncnn", "onnx", "reduced")
AUC_LOST_AT_MOST = 0.002
NVIDIA = Path("/proc/driver/nvidia")
"""There where a machine has a driver for a GPU: asking TensorFlow would take ten seconds."""


class EngineUnavailable(DeviceUnavailable):
    """The engine asked for cannot or may not run this model here. The message is a sentence."""


def choose_engine(manifest: Manifest, wanted: str | None = None) -> str:
    """Return ``tensorflow``, ``ncnn``, ``onnx`` or ``reduced``.

    On processors ncnn: of those that compute in float32 twice as fast as the others and the
    smallest in memory; on a GPU TensorFlow. Only who asks for it gets the reduced one.

    Parameters
    ----------
    manifest : Manifest
        Says whether the reduced engine may stand in for the others.
    wanted : str, optional
        One of `ENGINES`; by default the environment's ``OVERREAD_ENGINE``, else auto.

    Raises
    ------
    EngineUnavailable
        The word is not one of the five, the engine does not run on the device that
        ``OVERREAD_DEVICE`` asks for, or this model may not be reduced.
    DeviceUnavailable
        See `inference.vgg16.choose_device`.
    """
    wanted = wanted or os.environ.get("OVERREAD_ENGINE", "auto")
    device = os.environ.get("OVERREAD_DEVICE", "auto")
    if wanted not in ENGINES:
        raise EngineUnavailable(
            f"OVERREAD_ENGINE is {wanted!r}; it may be auto, tensorflow, ncnn, onnx or reduced."
        )
    if device not in {"auto", "cpu", "gpu"}:
        raise DeviceUnavailable(f"OVERREAD_DEVICE is {device!r}; it may be auto, cpu or gpu.")
    if wanted in {"ncnn", "onnx", "reduced"} and device == "gpu":
        raise EngineUnavailable(
            f"OVERREAD_ENGINE is {wanted}, which runs on processors, but OVERREAD_DEVICE is gpu."
        )
    if wanted == "reduced":
        check_reduced(manifest)
    if wanted != "auto":
        return wanted
    if device == "gpu":
        return "tensorflow"
    may_be_there = device == "auto" and NVIDIA.exists()
    return "tensorflow" if may_be_there and choose_device() == "gpu" else "ncnn"


def check_reduced(manifest: Manifest) -> None:
    """Raise EngineUnavailable, with the figure, unless the reduced engine may run this model."""
    named, reduced = f"{manifest.name} {manifest.version}", manifest.reduced
    if reduced is None:
        raise EngineUnavailable(
            f"OVERREAD_ENGINE is reduced, but the bundle of {named} brings no ranges for it."
        )
    if not reduced.auc_lost <= AUC_LOST_AT_MOST:
        raise EngineUnavailable(
            f"OVERREAD_ENGINE is reduced, but on {named} that lost {reduced.auc_lost:.4f} of the "
            f"AUC of val; {AUC_LOST_AT_MOST} is allowed."
        )
    ece = manifest.measured.val.ece
    if not reduced.ece <= ece.high:
        raise EngineUnavailable(
            f"OVERREAD_ENGINE is reduced, but the calibration error of {named} on val was "
            f"{reduced.ece:.4f} with it; at most {ece.high:.4f} is within the report's interval."
        )
