"""The golden image: a picture of nobody, and what every worker must make of it.

A worker that has the right weights can still compute wrongly: another library, a broken driver, a
memory that flips bits. It scores this picture before it claims anything, and again every day.
"""

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.agreement import tolerance
from inference.bundle import BundleBroken
from inference.manifest import Golden
from inference.refusal import Refusal

if TYPE_CHECKING:
    from inference.classifier import Classifier

FILE = "golden.png"
SHAPE = (300, 360)
"""Rows and columns: neither square nor of the network's size, so that it is resampled."""
STEEPEST = 0.25
"""Largest slope of the logistic function: what a logit may differ where a score may by as much."""


def golden_png() -> bytes:
    """Return a drawing with the tones of a chest radiograph: two lungs, a heart, ribs, a grain.

    It is made once, when a version is packed; the bundle keeps the bytes.
    """
    rows, columns = SHAPE
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    body = 0.75 * _bump(x / 0.95, (y + 0.1) / 1.3)
    lungs = _bump((x + 0.42) / 0.36, y / 0.75) + _bump((x - 0.45) / 0.33, y / 0.72)
    heart = 0.35 * _bump((x - 0.12) / 0.28, (y - 0.35) / 0.4)
    spine = 0.2 * np.exp(-((x / 0.07) ** 2))
    ribs = 0.06 * np.sin(16 * (y + 0.35 * x**2)) * lungs
    patch = 0.15 * _bump((x + 0.45) / 0.2, (y - 0.4) / 0.2)
    grain = 0.02 * np.random.default_rng(16).standard_normal(SHAPE)
    white = np.clip(body - 0.5 * lungs + heart + spine + ribs + patch + grain, 0, 1)
    stream = io.BytesIO()
    Image.fromarray((white * 255).round().astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def write_golden(folder: Path, classifier: "Classifier") -> Golden:
    """Write the picture into a bundle and return what ``classifier`` makes of it.

    Raises
    ------
    BundleBroken
        It makes no score of it.
    """
    png = golden_png()
    (answer,) = classifier.classify([png], gates=False)
    if isinstance(answer, Refusal):
        raise BundleBroken(f"The golden image gets no score: {answer.code}.")
    (folder / FILE).write_bytes(png)
    pin = hashlib.sha256(png).hexdigest()
    return Golden(FILE, pin, answer.logit, answer.probability, answer.engine)


def drift_of(classifier: "Classifier", png: bytes) -> str:
    """Return how what ``classifier`` makes of the golden image differs from what it must, or "".

    Raises
    ------
    AirlockUnavailable
        Nobody opens the picture, so nothing is known.
    ValueError
        The bundle has no golden image.
    """
    manifest = classifier.manifest
    golden = manifest.golden
    if golden is None:
        raise ValueError("there is no golden image in this bundle")
    (answer,) = classifier.classify([png], gates=False)
    if isinstance(answer, Refusal):
        return f"the golden image gets no score ({answer.code}); it was {golden.score:.6f}"
    allowed = tolerance(golden.engine, answer.engine)
    # A score near 0 or 1 hardly moves; the logit below it does.
    logit_allowed = allowed / (STEEPEST * manifest.calibration.slope)
    if (
        abs(answer.probability - golden.score) <= allowed
        and abs(answer.logit - golden.logit) <= logit_allowed
    ):
        return ""
    return (
        f"the golden image scores {answer.probability:.6f} (logit {answer.logit:.5f}) on "
        f"{answer.engine}; it was {golden.score:.6f} (logit {golden.logit:.5f}) on {golden.engine}"
    )


def _bump(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.exp(-(x**4) - y**4))
