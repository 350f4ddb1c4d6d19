"""Figures with their 95 % intervals, bootstrapped by patient."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from inference.calibration import auc, expected_calibration_error, threshold_for
from inference.manifest import Interval
from inference.training.splits import Row, labels_of

Probabilities = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Figure = Callable[[Probabilities, Labels], float]

RESAMPLES = 1000
SENSITIVITY = 0.95
"""At which specificity is reported beside that at the model's own threshold."""
CLASSES = 2


def figures_at(threshold: float) -> dict[str, Figure]:
    """Return what is measured of scores and labels, by name; "present" is ``threshold`` or more."""
    return {
        "auc": auc,
        "average_precision": average_precision,
        "accuracy": lambda p, y: float(((p >= threshold) == (y == 1)).mean()),
        "sensitivity": lambda p, y: float((p[y == 1] >= threshold).mean()),
        "specificity": lambda p, y: float((p[y == 0] < threshold).mean()),
        "specificity_at_95_sensitivity": specificity_at_sensitivity,
        "ece": expected_calibration_error,
        "brier": lambda p, y: float(np.mean((p - y) ** 2)),
    }


def average_precision(probabilities: Probabilities, labels: Labels) -> float:
    """Return the mean precision over recall, without interpolation."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(labels, probabilities))


def specificity_at_sensitivity(probabilities: Probabilities, labels: Labels) -> float:
    """Return the specificity at the highest threshold that finds `SENSITIVITY` of the sick."""
    cut = threshold_for(probabilities, labels, sensitivity=SENSITIVITY)
    return float((probabilities[labels == 0] < cut).mean())


def predictive_values(
    sensitivity: float, specificity: float, prevalence: float
) -> tuple[float, float]:
    """Return the positive and negative predictive value at a ``prevalence``; NaN if void."""
    found, alarm = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    missed, cleared = (1 - sensitivity) * prevalence, specificity * (1 - prevalence)
    positive = found / (found + alarm) if found + alarm else float("nan")
    return positive, cleared / (missed + cleared) if missed + cleared else float("nan")


def intervals(
    rows: Sequence[Row], probabilities: Probabilities, *, threshold: float, seed: int
) -> dict[str, Interval]:
    """Return every figure of `figures_at` with its interval. Both classes must be there."""
    labels, samples = labels_of(rows), resamples(rows, seed)
    return {
        name: bootstrap(figure, probabilities, labels, samples)
        for name, figure in figures_at(threshold).items()
    }


def patients_of(rows: Sequence[Row]) -> int:
    """Return how many patients ``rows`` are of."""
    return len({row.patient for row in rows})


def bootstrap(
    figure: Figure,
    probabilities: Probabilities,
    labels: Labels,
    samples: Sequence[npt.NDArray[np.int64]],
) -> Interval:
    """Return ``figure`` with the 2.5 and 97.5 % quantiles of its values on ``samples``.

    Resamples that lack a class are left out.
    """
    values = [
        figure(probabilities[sample], labels[sample])
        for sample in samples
        if 0 < labels[sample].sum() < len(sample)
    ]
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(*(round(float(v), 4) for v in (figure(probabilities, labels), low, high)))


def resamples(rows: Sequence[Row], seed: int) -> list[npt.NDArray[np.int64]]:
    """Return resamples of patients, each as the indices of their radiographs.

    Patients are drawn within normal and pneumonia apart, so that the share of the sick stays.
    """
    rng = np.random.default_rng(seed)
    groups: dict[int, dict[str, list[int]]] = {0: {}, 1: {}}
    for index, row in enumerate(rows):
        groups[row.label].setdefault(row.patient, []).append(index)
    members = [[np.array(one) for one in group.values()] for group in groups.values() if group]
    return [
        np.concatenate(
            [group[i] for group in members for i in rng.integers(0, len(group), len(group))]
        )
        for _ in range(RESAMPLES)
    ]
