"""Figures with their 95 % intervals, bootstrapped by patient."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from inference.calibration import auc, expected_calibration_error
from inference.manifest import External, Interval, Metrics
from inference.training.recipe import labels_of
from inference.training.splits import Row

Probabilities = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Figure = Callable[[Probabilities, Labels], float]

RESAMPLES = 1000
EXTERNAL_NOTE = (
    "Another hospital, mostly adults, labels mined from report text. A model of a single "
    "hospital's archive is likely worse than chance there (an AUC below 0.5): adults are outside "
    "the intended use, and this figure is the reason."
)


def measure(
    rows: Sequence[Row], probabilities: Probabilities, *, threshold: float, seed: int
) -> Metrics:
    """Return the figures of one split at ``threshold``."""
    labels, samples = labels_of(rows), _samples(rows, seed)

    def interval(figure: Figure) -> Interval:
        return bootstrap(figure, probabilities, labels, samples)

    return Metrics(
        images=len(rows),
        pneumonia=int(labels.sum()),
        patients=len({row.patient for row in rows}),
        auc=interval(auc),
        sensitivity=interval(lambda p, y: float((p[y == 1] >= threshold).mean())),
        specificity=interval(lambda p, y: float((p[y == 0] < threshold).mean())),
        accuracy=interval(lambda p, y: float(((p >= threshold) == (y == 1)).mean())),
        ece=interval(expected_calibration_error),
    )


def measure_external(rows: Sequence[Row], probabilities: Probabilities, *, seed: int) -> External:
    """Return the figures of another hospital, the view apart: there it tells the classes alone."""
    labels = labels_of(rows)
    by_view = {}
    for view in sorted({row.view for row in rows}):
        some = [index for index, row in enumerate(rows) if row.view == view]
        some_rows = [rows[index] for index in some]
        if len(set(labels[some].tolist())) == 2:  # noqa: PLR2004 - both classes
            by_view[view] = bootstrap(
                auc, probabilities[some], labels[some], _samples(some_rows, seed)
            )
    return External(
        images=len(rows),
        pneumonia=int(labels.sum()),
        patients=len({row.patient for row in rows}),
        auc=bootstrap(auc, probabilities, labels, _samples(rows, seed)),
        auc_by_view=by_view,
        note=EXTERNAL_NOTE,
    )


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


def _samples(rows: Sequence[Row], seed: int) -> list[npt.NDArray[np.int64]]:
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
