"""Figures with their 95 % intervals, bootstrapped by patient."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from inference.calibration import auc, expected_calibration_error, threshold_for
from inference.manifest import Interval
from inference.training.splits import Row

Probabilities = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Figure = Callable[[Probabilities, Labels], float]
Samples = Sequence[npt.NDArray[np.int64]]

RESAMPLES = 1000
SENSITIVITY = 0.95
"""At which specificity is reported beside that at the model's own threshold."""
CLASSES = 2
FEWEST = 10
"""Radiographs of each class of a subgroup: of fewer a figure says nothing."""


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
    labels: Labels, probabilities: Probabilities, samples: Samples, *, threshold: float
) -> dict[str, Interval]:
    """Return every figure of `figures_at` with its interval. Both classes must be there."""
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
    samples: Samples,
) -> Interval:
    """Return ``figure`` with the 2.5 and 97.5 % quantiles of its values on ``samples``.

    Resamples that lack a class are left out.
    """
    values = [
        figure(probabilities[sample], labels[sample])
        for sample in samples
        if 0 < labels[sample].sum() < len(sample)
    ]
    return interval_of(figure(probabilities, labels), values)


def interval_of(value: float, drawn: Sequence[float]) -> Interval:
    """Return ``value`` with the 2.5 and 97.5 % quantiles of what was ``drawn``."""
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(*(round(float(v), 4) for v in (value, low, high)))


def resamples(rows: Sequence[Row], seed: int) -> list[npt.NDArray[np.int64]]:
    """Return resamples of patients, each as the indices of all their radiographs.

    Patients are drawn whole, within strata: those with normal radiographs alone, with pneumonia
    alone, and with both. So whoever has both is drawn once with all of them, and a class that is
    in ``rows`` is in every resample.
    """
    rng = np.random.default_rng(seed)
    patients: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        patients.setdefault(row.patient, []).append(index)
    strata: dict[tuple[int, ...], list[npt.NDArray[np.int64]]] = {}
    for members in patients.values():
        kinds = tuple(sorted({rows[index].label for index in members}))
        strata.setdefault(kinds, []).append(np.array(members))
    groups = [strata[kinds] for kinds in sorted(strata)]
    return [
        np.concatenate([group[i] for group in groups for i in _drawn(rng, len(group))])
        for _ in range(RESAMPLES)
    ]


def _drawn(rng: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
    return rng.integers(0, count, count)
