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

from inference.agreement import SAME_ENGINE, tolerance
from inference.bundle import BundleBroken
from inference.manifest import Golden, Manifest
from inference.refusal import Refusal
from inference.score import Score

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


def score_golden(classifier: "Classifier", png: bytes) -> Score | Refusal:
    """Return what ``classifier`` makes of the golden image.

    Raises
    ------
    AirlockUnavailable
        Nobody opens the picture, so nothing is known.
    """
    (answer,) = classifier.classify([png], gates=False)
    return answer


def drift_of(classifier: "Classifier", png: bytes) -> str:
    """Return how what ``classifier`` makes of the golden image differs from what it must, or "".

    Raises
    ------
    AirlockUnavailable, ValueError
        See `score_golden` and `drift_in`.
    """
    return drift_in(classifier.manifest, score_golden(classifier, png))


def drift_in(manifest: Manifest, answer: Score | Refusal, first: Score | None = None) -> str:
    """Return how an answer to the golden image differs from what it must be, or "".

    Parameters
    ----------
    manifest : Manifest
        Of the model: it says what was made of the picture when the version was packed.
    answer : Score or Refusal
        What is made of it now.
    first : Score, optional
        What the same process made of it before, with the same engine.

    Raises
    ------
    ValueError
        The bundle has no golden image.
    """
    golden = manifest.golden
    if golden is None:
        raise ValueError("there is no golden image in this bundle")
    if isinstance(answer, Refusal):
        return f"the golden image gets no score ({answer.code}); it was {golden.score:.6f}"
    slope = manifest.calibration.slope
    moved = (answer.probability - golden.score, answer.logit - golden.logit)
    if not _are_small(moved, tolerance(golden.engine, answer.engine), slope):
        was = f"it was {golden.score:.6f} (logit {golden.logit:.5f}) on {golden.engine}"
        return f"{_said(answer)}; {was}"
    if first is None:
        return ""
    moved = (answer.probability - first.probability, answer.logit - first.logit)
    if not _are_small(moved, SAME_ENGINE, slope):
        was = f"in this process it was {first.probability:.6f} (logit {first.logit:.5f})"
        return f"{_said(answer)}; {was}"
    return ""


def _are_small(moved: tuple[float, float], allowed: float, slope: float) -> bool:
    """Return whether score and logit moved by as little as a score may.

    A score near 0 or 1 hardly moves; the logit below it does.
    """
    score, logit = moved
    return abs(score) <= allowed and abs(logit) <= allowed / (STEEPEST * slope)


def _said(answer: Score) -> str:
    scores = f"{answer.probability:.6f} (logit {answer.logit:.5f})"
    return f"the golden image scores {scores} on {answer.engine}"


def _bump(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.exp(-(x**4) - y**4))
