"""From a logit to a probability, and what the figures about probabilities are."""

import numpy as np
import numpy.typing as npt

from inference.manifest import Calibration

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]

CONVERGED = 1e-10
BINS = 15
"""Of equal width between 0 and 1, in which a calibration error is reckoned."""


def to_probability(logits: Floats, calibration: Calibration) -> npt.NDArray[np.float64]:
    """Return calibrated probabilities for ``logits``, elementwise; NaN where one is not finite."""
    certain = np.where(np.isfinite(logits), logits, np.nan).astype(np.float64)
    return sigmoid(calibration.slope * certain + calibration.intercept)


def sigmoid(values: Floats) -> npt.NDArray[np.float64]:
    """Return 1 / (1 + exp(-values)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * values)), np.float64)


def fit_platt(logits: Floats, labels: Labels, *, fitted_on: str) -> Calibration:
    """Return the slope and intercept under which ``labels`` are likeliest.

    Newton's method on the log-likelihood, with the targets of Platt 1999 (a little away from 0
    and 1) so that separable classes do not send the slope to infinity.

    Parameters
    ----------
    logits, labels : (n,) arrays
        Labels are 0 or 1.
    fitted_on : str
        What the radiographs are, for the record.

    Raises
    ------
    ValueError
        One class only, or higher logits go with the absence of pneumonia.
    """
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    if not positives or not negatives:
        raise ValueError("calibration needs both classes")
    high, low = (positives + 1) / (positives + 2), 1 / (negatives + 2)
    targets = np.where(labels == 1, high, low)
    design = np.stack([logits.astype(np.float64), np.ones(len(logits))], axis=1)
    scale = float(design[:, 0].std()) or 1.0  # Newton from a sensible start
    weights = np.array([1.0 / scale, -design[:, 0].mean() / scale])
    for _ in range(100):
        probability = sigmoid(design @ weights)
        gradient = design.T @ (targets - probability)
        spread = probability * (1 - probability) + 1e-9
        step = np.linalg.solve(design.T @ (design * spread[:, None]) + 1e-9 * np.eye(2), gradient)
        weights = weights + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < CONVERGED:
            break
    if weights[0] <= 0:
        raise ValueError("the score runs against the labels")
    return Calibration(float(weights[0]), float(weights[1]), fitted_on)


def threshold_for(probabilities: Floats, labels: Labels, *, sensitivity: float) -> float:
    """Return the highest threshold at which at least ``sensitivity`` of the sick are found.

    It lies half-way between the last score that must be present and the next lower one, so that
    a last bit of rounding cannot turn the finding of the image that decided it.
    """
    sick = np.sort(probabilities[labels == 1])[::-1]
    last = sick[int(np.ceil(sensitivity * len(sick))) - 1]
    below = probabilities[probabilities < last]
    return float((last + (below.max() if below.size else 0.0)) / 2)


def auc(scores: Floats, labels: Labels) -> float:
    """Return the area under the ROC curve (ties count half); NaN if a class is missing."""
    _, rank, count = np.unique(scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2.0
    positives = int((labels == 1).sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    total = float(middle[rank][labels == 1].sum())
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def expected_calibration_error(probabilities: Floats, labels: Labels, *, bins: int = BINS) -> float:
    """Return the mean gap between probability and outcome over equal-width bins, by their size.

    Guo et al. 2017, arXiv:1706.04599, for the probability of pneumonia.
    """
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [
        abs(float(probabilities[place == b].mean()) - float(labels[place == b].mean()))
        * float((place == b).mean())
        for b in range(bins)
        if (place == b).any()
    ]
    return sum(gaps)
