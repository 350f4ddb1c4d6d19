"""The gates of a bundle, fitted on radiographs alone: nothing has to be known of strangers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference import manifest as m
from inference.likeness import UPRIGHT, arrangement_chances, strangeness, thumbnails
from inference.preprocess import squash
from inference.quality import BOUNDS
from inference.training import statements
from inference.training.features import read_grey
from inference.training.splits import Row
from inference.vgg16 import SIZE

Floats = npt.NDArray[np.float32]
Arrays = dict[str, npt.NDArray[np.floating]]

BLOCKS = (3, 4)
"""What the gates look at: texture and small structures, before what tells findings apart."""
COMPONENTS = 100
STRENGTH = 1e-3
"""scikit-learn's ``C`` of the regression on thumbnails."""
REFUSED = 0.006
"""Share of radiographs that each of the two gates may refuse, each hospital counted alike."""
CERTAIN = 0.7
SILENT = 1e-6
"""Deviation below which a feature says nothing."""
HELD_OUT = ("0", "1")
"""Folds of the second hospital that the bounds are chosen on."""
FITTED_AT_MOST = 1500
"""Radiographs of one hospital: more change nothing, and the thumbnails of all take long."""

ARRANGE: dict[str, Callable[[Floats, Floats], Floats]] = {
    UPRIGHT: lambda one, _: one,
    "turned_left": lambda one, _: np.rot90(one, 1),
    "turned_right": lambda one, _: np.rot90(one, 3),
    "upside_down": lambda one, _: np.rot90(one, 2),
    "mirrored_top_to_bottom": lambda one, _: np.flipud(one),
    "inverted": lambda one, _: np.float32(1) - one,
    "side_by_side": lambda one, other: np.concatenate([one, other], axis=1),
    "one_above_the_other": lambda one, other: np.concatenate([one, other], axis=0),
}
"""How a radiograph is made into what each reason of `inference.likeness.REASONS` means."""


@dataclass(frozen=True, slots=True)
class Hospital:
    """Radiographs of one hospital to fit on and to choose the bounds on, of other patients.

    Parameters
    ----------
    fitted, chosen_on : sequence of Row
    fitted_features, chosen_on_features : (n, length) float32
        What is pooled of `BLOCKS`.
    """

    fitted: Sequence[Row]
    fitted_features: Floats
    chosen_on: Sequence[Row]
    chosen_on_features: Floats


def fit_gates(hospitals: Sequence[Hospital], seed: int) -> tuple[m.Gates, Arrays]:
    """Return the bounds and the arrays of the gates; each hospital counts alike.

    The bounds are such that each gate refuses `REFUSED` of the radiographs that are chosen on.

    Raises
    ------
    BadData
        A file is not a readable image.
    """
    # Each as often as the others, so that the larger archive does not decide what is usual.
    count = max(len(hospital.fitted) for hospital in hospitals)
    places = [np.resize(np.arange(len(one.fitted)), count) for one in hospitals]
    features = [one.fitted_features[at] for one, at in zip(hospitals, places, strict=True)]
    pixels = [pixels_of(one.fitted)[at] for one, at in zip(hospitals, places, strict=True)]
    arrays = fit_strangeness(np.concatenate(features), seed)
    arrays |= fit_arrangement(np.concatenate(pixels))
    strange, upright, weights = [], [], []
    for hospital in hospitals:
        strange.append(strangeness(hospital.chosen_on_features, arrays))
        small = thumbnails(pixels_of(hospital.chosen_on))
        upright.append(arrangement_chances(small, arrays)[:, 0])
        weights.append(np.full(len(small), 1 / len(small)))
    weight = np.concatenate(weights)
    gates = m.Gates(
        file=m.ArrayFile(
            "gates.npz", "0" * 64, "fitted by inference.training", statements.HEAD_LICENCE
        ),
        blocks=BLOCKS,
        strangeness_maximum=-bound_of(-np.concatenate(strange), weight),
        arrangements=tuple(ARRANGE),
        upright_minimum=bound_of(np.concatenate(upright), weight),
        arranged_minimum=CERTAIN,
        fitted_on=statements.GATES_FITTED_ON[len(hospitals)],
        how=statements.GATES_HOW,
        quality=BOUNDS,
    )
    return gates, arrays


def bound_of(values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> float:
    """Return the bound below which `REFUSED` of the weight lies, half-way between two values."""
    order = np.argsort(values)
    below = np.cumsum(weights[order]) / weights.sum()
    place = min(int(np.searchsorted(below, REFUSED, side="right")), len(values) - 1)
    previous = values[order[place - 1]] if place else values[order[0]] - 0.01 * np.ptp(values)
    return float(previous + values[order[place]]) / 2


def arranged(pixels: Floats, how: str) -> Floats:
    """Return (n, size, size) ``pixels``, each arranged as ``how``, some with a neighbour."""
    make = ARRANGE[how]
    others = np.roll(pixels, 1, axis=0)
    made = [make(one, other) for one, other in zip(pixels, others, strict=True)]
    return np.stack([squash(np.ascontiguousarray(one), pixels.shape[1]) for one in made])


def fit_strangeness(features: Floats, seed: int) -> Arrays:
    """Return ``mean``, ``scale`` and ``components`` of the features of radiographs."""
    from sklearn.decomposition import PCA

    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = np.where(spread > SILENT, 1 / np.maximum(spread, SILENT), 0.0).astype(np.float32)
    count = min(COMPONENTS, len(features) // 2)
    found = PCA(count, svd_solver="randomized", random_state=seed).fit((features - mean) * scale)
    return {"mean": mean, "scale": scale, "components": found.components_.astype(np.float16)}


def fit_arrangement(pixels: Floats) -> Arrays:
    """Return ``kernel`` and ``bias`` of the regression from thumbnails to `ARRANGE`."""
    from sklearn.linear_model import LogisticRegression

    small = [thumbnails(arranged(pixels, how)) for how in ARRANGE]
    labels = np.repeat(np.arange(len(ARRANGE)), len(pixels))
    model = LogisticRegression(C=STRENGTH, max_iter=1000).fit(np.concatenate(small), labels)
    return {"kernel": model.coef_.T.astype(np.float32), "bias": model.intercept_.astype(np.float32)}


def pixels_of(rows: Sequence[Row]) -> Floats:
    """Return the (n, 224, 224) pixels of ``rows``."""
    return np.stack([squash(read_grey(row.file), SIZE) for row in rows])
