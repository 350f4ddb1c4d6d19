"""The points of the plots, so that what a picture shows stands in ``report.json`` as well."""

from typing import TypedDict

import numpy as np
import numpy.typing as npt

from inference.calibration import BINS
from inference.training.report.scoring import Scored
from inference.training.splits import labels_of

Floats = npt.NDArray[np.float64]
Document = dict[str, object]

MOST = 200
"""Points of a curve that are kept."""
DIGITS = 4


class Roc(TypedDict):
    """Points of a ROC curve, from that at which nothing is called."""

    false_positive_rate: list[float]
    sensitivity: list[float]
    threshold: list[float | None]


class PrecisionRecall(TypedDict):
    """Points of a precision-recall curve, down to that at which nothing is called."""

    sensitivity: list[float]
    precision: list[float]
    threshold: list[float | None]


class Bin(TypedDict):
    """The radiographs whose score lies from here up to there."""

    start: float
    end: float
    n: int
    mean_score: float | None
    share: float | None


def points_of(scored: Scored) -> Document:
    """Return ``roc``, ``precision_recall`` and ``reliability`` of ``scored``, as JSON.

    The curves are None where a class is missing.
    """
    return {
        "roc": roc_of(scored) if scored.whole else None,
        "precision_recall": precision_recall_of(scored) if scored.whole else None,
        "reliability": reliability_of(scored),
    }


def roc_of(scored: Scored) -> Roc:
    """Return at most `MOST` points of the ROC curve: both rates, and from which score they hold.

    The first point, at which nothing is called, has no threshold: None.
    """
    from sklearn.metrics import roc_curve

    alarms, found, thresholds = roc_curve(labels_of(scored.rows), scored.probabilities)
    kept = _thinned(alarms, found)
    return {
        "false_positive_rate": _rounded(alarms[kept]),
        "sensitivity": _rounded(found[kept]),
        "threshold": _thresholds(thresholds[kept]),
    }


def precision_recall_of(scored: Scored) -> PrecisionRecall:
    """Return at most `MOST` points of the precision-recall curve, by falling sensitivity.

    The last point, at which nothing is called, has no threshold: None.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(
        labels_of(scored.rows), scored.probabilities, drop_intermediate=True
    )
    kept = _thinned(recall, precision)
    return {
        "sensitivity": _rounded(recall[kept]),
        "precision": _rounded(precision[kept]),
        "threshold": _thresholds(np.append(thresholds, np.inf)[kept]),
    }


def reliability_of(scored: Scored) -> list[Bin]:
    """Return each of the `BINS` bins of the calibration error: how many, their score, the truth.

    ``mean_score`` and ``share`` (of pneumonia) are None where no score lies in the bin.
    """
    labels, probabilities = labels_of(scored.rows), scored.probabilities
    place = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    return [
        {
            "start": round(index / BINS, DIGITS),
            "end": round((index + 1) / BINS, DIGITS),
            "n": int((place == index).sum()),
            "mean_score": _mean(probabilities[place == index]),
            "share": _mean(labels[place == index]),
        }
        for index in range(BINS)
    ]


def _thinned(across: Floats, up: Floats) -> npt.NDArray[np.intp]:
    """Return the indices of at most `MOST` points, evenly along the curve, both ends among them."""
    if len(across) <= MOST:
        return np.arange(len(across))
    length = np.append(0.0, np.cumsum(np.abs(np.diff(across)) + np.abs(np.diff(up))))
    wanted = np.linspace(0, length[-1], MOST)
    kept = np.searchsorted(length, wanted).clip(0, len(across) - 1)
    kept[0], kept[-1] = 0, len(across) - 1
    return np.unique(kept)


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), DIGITS) for value in values]


def _thresholds(values: Floats) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in _rounded(values)]


def _mean(values: npt.NDArray[np.generic]) -> float | None:
    return round(float(values.mean()), DIGITS) if values.size else None
