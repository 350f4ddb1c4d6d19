"""What a recipe is given and what it hands on, whichever recipe it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from inference.manifest import Head
from inference.training.body import Body
from inference.training.features import FeatureCache, View
from inference.training.splits import CHOSEN_ON, FITTED, Row, of_split
from inference.vgg16 import FeatureSpec, compile_features

Floats = npt.NDArray[np.floating]

CACHED = FeatureSpec("pooled", (3, 4, 5))
"""What is cached of a frozen body: the last three blocks, of which a head picks."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says.

    Parameters
    ----------
    views : int
        Augmented views of the training set, beside the plain one.
    limit : int, optional
        At most so many radiographs of each split, for trying things out.
    final : bool
        Open the internal test and the external report.
    """

    data: Path
    base_weights: str
    out: Path
    cache: Path
    recipe: Literal["quick", "article"] = "quick"
    seed: int = 0
    epochs: int = 0
    views: int = 2
    limit: int | None = None
    final: bool = False
    name: str = "vgg16-pneumonia"
    version: str = "0.1.0"
    share_body: bool = False


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted network, rounded as it will be shipped.

    ``history`` has, for each epoch, ``loss``, ``val_loss``, ``accuracy`` and ``val_accuracy``;
    ``best_epoch`` counts from 1.
    """

    body: Body
    spec: FeatureSpec
    head: Head
    head_arrays: dict[str, Floats]
    history: dict[str, list[float]]
    best_epoch: int
    seconds_an_epoch: float
    images: int
    views: tuple[str, ...]
    note: str
    fitted: dict[str, object] = field(default_factory=dict)


def rows_of(rows: Sequence[Row], split: str, settings: Settings) -> list[Row]:
    """Return the radiographs of ``split`` that the settings leave.

    Those whose text label experts contradicted are never fitted.
    """
    chosen = of_split(rows, split, settings.limit)
    if split in {FITTED, CHOSEN_ON}:
        chosen = [row for row in chosen if row.label_tier != "expert-contradicted"]
    return chosen


def labels_of(rows: Sequence[Row]) -> npt.NDArray[np.int64]:
    """Return the labels of ``rows``, 1 for pneumonia."""
    return np.array([row.label for row in rows], np.int64)


def open_cache(body: Body, spec: FeatureSpec, settings: Settings) -> FeatureCache:
    """Return the cache of the features that ``body`` gives."""
    run = compile_features(body.weights, convention=body.input_convention, spec=spec)
    named = f"{body.fingerprint} {spec.kind} {spec.blocks}"
    return FeatureCache(settings.cache, run, length=spec.length, body=named)


def plain_features(cache: FeatureCache, split: str, rows: Sequence[Row]) -> Floats:
    """Return the features of ``rows`` as they are.

    Those that figures rest on are kept in full precision, those that are only fitted in half.
    """
    dtype = np.float16 if split == FITTED else np.float32
    return cache.load(View(f"{split}-0", rows), dtype=dtype)
