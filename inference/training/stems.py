"""Every view as the fitted part wants it, and batches of it in which nobody is drowned."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from inference.training.body import Body
from inference.training.features import FeatureCache, View
from inference.training.frozen import FrozenPart, frozen_part
from inference.training.recipe import Mixture, Settings
from inference.training.splits import FITTED, LABELS, BadData, Row, fitting_rows, labels_of
from inference.vgg16 import BLOCKS, SIZE, STEM, FeatureSpec

if TYPE_CHECKING:
    from tensorflow import keras

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]

SECOND = "external_dev"
"""The split of the second hospital that may be learned from."""
STEMS = FeatureSpec("stem", (3, 4))
"""What is kept of the frozen part: the input of block 5, and blocks 3 and 4 pooled."""
PIXELS = SIZE * SIZE


@dataclass(frozen=True, slots=True)
class Looks:
    """Some radiographs, each in one or several views.

    Parameters
    ----------
    rows : tuple of Row
    views : tuple of (m, length) float16
        Memory-mapped, the first as they are, the others augmented: what the frozen part makes of
        them (`STEMS`), or their `PIXELS`.
    places : (n,) int
        Where in ``views`` the n ``rows`` are.
    seconds : float
        What computing the views took.
    """

    rows: tuple[Row, ...]
    views: tuple[npt.NDArray[np.float16], ...]
    places: Places
    seconds: float = 0.0

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Return 1 for pneumonia, 0 for none."""
        return labels_of(self.rows)

    def only(self, chosen: Sequence[bool]) -> "Looks":
        """Return those where ``chosen`` is true."""
        kept = np.flatnonzero(np.asarray(chosen, bool))
        return replace(
            self, rows=tuple(self.rows[index] for index in kept), places=self.places[kept]
        )

    def of_folds(self, folds: Sequence[str]) -> "Looks":
        """Return those of the second hospital that are in ``folds``."""
        return self.only([_is_of(row, folds) for row in self.rows])

    def without(self, folds: Sequence[str]) -> "Looks":
        """Return all but those of `of_folds`."""
        return self.only([not _is_of(row, folds) for row in self.rows])

    def read(self, view: int, chosen: Places) -> tuple[Floats, ...]:
        """Return what the network takes in: (n, 224, 224) pixels, or input of block 5 and pooled.

        The input of block 5 is (n, 14, 14, 512), what is pooled is of the blocks of `STEMS`.
        """
        kept = self.views[view][self.places[chosen]].astype(np.float32)
        if kept.shape[1] == PIXELS:
            return (kept.reshape(-1, SIZE, SIZE),)
        size = math.prod(STEM)
        return kept[:, :size].reshape(-1, *STEM), kept[:, size:]


@dataclass(frozen=True, slots=True)
class Loader:
    """What makes `Looks` of radiographs; what it computes is kept on disk, and not done again.

    Parameters
    ----------
    from_block : int
        The first block that will be fitted: with 5 the frozen part is computed.
    others : sequence of Row
        Whose spectra the augmented views may take.
    """

    body: Body
    settings: Settings
    from_block: int
    others: Sequence[Row]

    def load(self, rows: Sequence[Row], split: str, *, views: int) -> Looks:
        """Return the radiographs of ``split`` as they are and in ``views`` augmented views.

        Radiographs whose text label experts contradicted are left out.

        Raises
        ------
        BadData
            A file is not a readable image.
        """
        chosen = fitting_rows(rows, split, self.settings.limit)
        cache = FeatureCache(self.settings.cache, self._kept())
        seed = self.settings.seed
        found = [
            cache.load(View(f"{split}-{number}", chosen, number, seed, self.others))
            for number in range(views + 1)
        ]
        return Looks(tuple(chosen), tuple(found), np.arange(len(chosen)), cache.seconds)

    def _kept(self) -> FrozenPart:
        """Return what makes of pixels that which is kept of them."""
        if self.from_block < len(BLOCKS):
            return FrozenPart(lambda pixels: pixels.reshape(len(pixels), -1), PIXELS, "pixels")
        return frozen_part(self.body, STEMS)


def _is_of(row: Row, folds: Sequence[str]) -> bool:
    return row.split == SECOND and row.fold in folds


def fitted_splits(rows: Sequence[Row], data: Mixture) -> tuple[str, ...]:
    """Return the splits that a recipe learns from.

    Raises
    ------
    BadData
        It learns from the second hospital, of which there is nothing, or holds folds of it out of
        which there are not both classes.
    """
    if not data.second_hospital:
        return (FITTED,)
    second = fitting_rows(rows, SECOND)
    if not second:
        raise BadData(f"The recipe learns from {SECOND}, of which the folder holds nothing.")
    for folds in data.folds_apart:
        if {row.label for row in second if _is_of(row, folds)} != set(LABELS.values()):
            raise BadData(
                f"The recipe holds the folds {' and '.join(folds)} of {SECOND} out: there "
                "splits.csv (its column 'fold') needs radiographs of both classes."
            )
    return FITTED, SECOND


def strata_of(parts: Sequence[Looks], *, second_hospital: float) -> list[tuple[Looks, float]]:
    """Return the strata of ``parts``, each with its share of a batch; the shares add up to 1.

    A stratum is a hospital and a class, at the second hospital also a view: there the view alone
    tells the classes apart.

    Parameters
    ----------
    second_hospital : float
        Share of all strata of the second hospital together.
    """
    strata = []
    for part in parts:
        groups: dict[tuple[str, int], list[bool]] = defaultdict(list)
        kinds = [(row.view if row.split == SECOND else "", row.label) for row in part.rows]
        for kind in sorted(set(kinds)):
            groups[kind] = [one == kind for one in kinds]
        of_part = second_hospital if part.rows[0].split == SECOND else 1 - second_hospital
        strata += [(part.only(chosen), of_part / len(groups)) for chosen in groups.values()]
    return strata


def counts_of(shares: Sequence[float], batch: int) -> list[int]:
    """Return how many of a batch each share gets: they add up, and nobody is off by one or more."""
    ends = np.round(np.cumsum(shares) * batch).astype(int)
    return [int(count) for count in np.diff(ends, prepend=0)]


def batches_of(
    strata: Sequence[tuple[Looks, float]], *, steps: int, batch: int, seed: Sequence[int]
) -> "keras.utils.PyDataset":
    """Return ``steps`` batches of (what `Looks.read` gives, label), each stratum with its share.

    What is drawn depends on ``seed`` and the number of the batch alone.
    """
    from tensorflow import keras

    counts = counts_of([share for _, share in strata], batch)

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return steps

        def __getitem__(self, index: int) -> tuple[tuple[Floats, ...], Floats]:
            rng = np.random.default_rng([*seed, index])
            drawn = [_draw(looks, n, rng) for (looks, _), n in zip(strata, counts, strict=True)]
            *read, labels = (np.concatenate(part) for part in zip(*drawn, strict=True))
            return tuple(read), labels

    return Batches()


def _draw(looks: Looks, count: int, rng: np.random.Generator) -> tuple[Floats, ...]:
    """Return ``count`` radiographs, each in a view of its own choice, and last their labels."""
    chosen = rng.choice(len(looks.rows), count, replace=count > len(looks.rows))
    views = rng.integers(len(looks.views), size=count)
    read = [looks.read(view, chosen[views == view]) for view in range(len(looks.views))]
    order = np.concatenate([chosen[views == view] for view in range(len(looks.views))])
    labels = looks.labels[order].astype(np.float32)[:, None]
    return (*(np.concatenate(part) for part in zip(*read, strict=True)), labels)
