"""Differences of two models' figures on the same radiographs, with intervals and p-values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from inference.training.measures import CLASSES, figures_at, resamples
from inference.training.splits import Row, labels_of

Scores = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Document = dict[str, object]

COMPARED = (
    "auc", "sensitivity", "specificity", "accuracy", "specificity_at_95_sensitivity", "ece",
)  # fmt: skip
NO_SPREAD = 1e-15
"""A variance of a difference below this is rounding."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The scores of both models, A first, for the same ``rows``."""

    rows: tuple[Row, ...]
    scores: tuple[Scores, Scores]
    thresholds: tuple[float, float]

    @property
    def labels(self) -> Labels:
        """Return the labels, 1 for pneumonia."""
        return labels_of(self.rows)

    @property
    def whole(self) -> bool:
        """Return whether both classes are there: without them most figures mean nothing."""
        return len(set(self.labels.tolist())) == CLASSES

    @property
    def right(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Return for each model where its finding, at its own threshold, is the label."""
        sick, (a, b) = self.labels == 1, zip(self.scores, self.thresholds, strict=True)
        return (a[0] >= a[1]) == sick, (b[0] >= b[1]) == sick

    def only(self, chosen: Sequence[bool] | npt.NDArray[np.bool_]) -> "Pair":
        """Return those where ``chosen`` is true."""
        kept = [index for index, wanted in enumerate(chosen) if wanted]
        rows = tuple(self.rows[index] for index in kept)
        return Pair(rows, (self.scores[0][kept], self.scores[1][kept]), self.thresholds)


def differences(pair: Pair, seed: int, names: Sequence[str] = COMPARED) -> Document:
    """Return each figure of A and B and their difference, A - B; None where a class is missing.

    Both are measured on the same resamples of patients, so that what is common cancels.
    """
    if not pair.whole:
        return dict.fromkeys(names)
    samples, labels = resamples(pair.rows, seed), pair.labels
    measures = [figures_at(threshold) for threshold in pair.thresholds]
    found: Document = {}
    for name in names:
        both = [
            (measure[name], scores) for measure, scores in zip(measures, pair.scores, strict=True)
        ]
        values = [figure(scores, labels) for figure, scores in both]
        drawn = [[figure(scores[s], labels[s]) for s in samples] for figure, scores in both]
        gaps = np.array(drawn[0]) - np.array(drawn[1])
        found[name] = {
            "a": round(values[0], 4),
            "a_ci": _ends(drawn[0]),
            "b": round(values[1], 4),
            "b_ci": _ends(drawn[1]),
            "difference": round(values[0] - values[1], 4),
            "difference_ci": _ends(gaps),
        }
    return found


def delong(first: Scores, second: Scores, labels: Labels) -> Document:
    """Return the difference of two AUCs on the same radiographs, its 95 % interval and p.

    DeLong, DeLong, Clarke-Pearson 1988 (doi 10.2307/2531595), by the ranks of Sun and Xu 2014
    (doi 10.1109/LSP.2014.2337313). It takes radiographs as independent: those of one patient are
    not, and the bootstrap by patient beside it is the one to trust where there are many.
    ``z`` and ``p`` are None where the difference has no variance.
    """
    parts = [_placements(scores, labels) for scores in (first, second)]
    aucs = [float(sick.mean()) for sick, _ in parts]
    spread = [np.cov([part[kind] for part in parts]) / len(parts[0][kind]) for kind in (0, 1)]
    covariance = spread[0] + spread[1]
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    difference = aucs[0] - aucs[1]
    error = math.sqrt(variance) if variance > NO_SPREAD else 0.0
    half = NormalDist().inv_cdf(0.975) * error
    z = difference / error if error else None
    p = None if z is None else math.erfc(abs(z) / math.sqrt(2))
    return {
        "a": aucs[0], "b": aucs[1], "difference": difference,
        "difference_ci": [max(-1.0, difference - half), min(1.0, difference + half)],
        "standard_error": error, "z": z, "p": p,
    }  # fmt: skip


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the exact p of McNemar's test: radiographs that only A, and only B, gets right.

    McNemar 1947 (doi 10.1007/BF02295996), two-sided, by the binomial distribution.
    """
    many, fewer = only_a + only_b, min(only_a, only_b)
    tail: int = sum(math.comb(many, index) for index in range(fewer + 1))
    return min(1.0, 2 * tail / (1 << many))


def disagreement(pair: Pair) -> dict[str, dict[str, int]]:
    """Return by class how often both, one alone and none of the models is right."""
    a, b = pair.right
    counts = {}
    classes = {"normal": pair.labels == 0, "pneumonia": pair.labels == 1}
    for name, members in (classes | {"all": np.ones(len(a), bool)}).items():
        counts[name] = {
            "both_right": int((a & b & members).sum()),
            "only_a": int((a & ~b & members).sum()),
            "only_b": int((~a & b & members).sum()),
            "both_wrong": int((~a & ~b & members).sum()),
        }
    return counts


def _placements(scores: Scores, labels: Labels) -> tuple[Scores, Scores]:
    """Return which share of the other class each of the sick is above, and each of the well below.

    Ties count half.
    """
    sick, well = scores[labels == 1], scores[labels == 0]
    ranks = _middle_ranks(np.concatenate([sick, well]))
    above = (ranks[: len(sick)] - _middle_ranks(sick)) / len(well)
    below = 1 - (ranks[len(sick) :] - _middle_ranks(well)) / len(sick)
    return above, below


def _middle_ranks(values: Scores) -> Scores:
    _, rank, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2.0)[rank], np.float64)


def _ends(values: Sequence[float] | Scores) -> list[float]:
    return [round(float(end), 4) for end in np.quantile(values, [0.025, 0.975])]
