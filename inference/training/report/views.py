"""How well the classes are told apart where the view does not tell them already."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from inference.manifest import Interval
from inference.training.measures import (
    CLASSES,
    FEWEST,
    Labels,
    Probabilities,
    Samples,
    interval_of,
)
from inference.training.report.scoring import Scored
from inference.training.splits import labels_of

VIEWS = 2
"""So many must be there: with one the view tells nothing anyway."""

Weights = npt.NDArray[np.float64]


def view_matched_auc(scored: Scored, samples: Samples) -> Interval | None:
    """Return the AUC of ``scored`` with each view and class weighted alike, and its interval.

    Weighted so, the sick are as often of one view as the well are, and knowing the view alone
    gives 0.5. The weights are made anew in each of ``samples``, resamples of all of ``scored``.
    Radiographs without a view, or of one with fewer than `FEWEST` of a class, do not count. None
    where fewer than two views are left.
    """
    labels = labels_of(scored.rows)
    views = np.array([row.view for row in scored.rows], object)
    counted = [view for view in sorted(set(views.tolist()) - {""}) if _enough(labels, views, view)]
    if len(counted) < VIEWS:
        return None
    drawn = []
    for sample in (np.arange(len(labels)), *samples):
        weights = _weights(labels[sample], views[sample], counted)
        if weights is not None:
            drawn.append(weighted_auc(scored.probabilities[sample], labels[sample], weights))
    return interval_of(drawn[0], drawn[1:])


def weighted_auc(probabilities: Probabilities, labels: Labels, weights: Weights) -> float:
    """Return the weight of the pairs whose sick one scores higher, ties half, over that of all."""
    sick, well = labels == 1, labels == 0
    order = np.argsort(probabilities[well], kind="stable")
    scores = probabilities[well][order]
    below = np.append(0.0, np.cumsum(weights[well][order]))
    lower, upto = (
        below[np.searchsorted(scores, probabilities[sick], side)] for side in ("left", "right")
    )
    whole = weights[sick].sum() * below[-1]
    return float((weights[sick] * (lower + upto) / 2).sum() / whole)


def _enough(labels: Labels, views: npt.NDArray[np.object_], view: str) -> bool:
    return all(((views == view) & (labels == kind)).sum() >= FEWEST for kind in range(CLASSES))


def _weights(
    labels: Labels, views: npt.NDArray[np.object_], counted: Sequence[str]
) -> Weights | None:
    """Return weights that add up to 1 for each view and class; None if one of them is missing."""
    weights = np.zeros(len(labels))
    for view in counted:
        for kind in range(CLASSES):
            cell = (views == view) & (labels == kind)
            if not cell.any():
                return None
            weights[cell] = 1 / cell.sum()
    return weights
