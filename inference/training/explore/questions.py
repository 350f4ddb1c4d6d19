"""Which radiographs to look at: extremes, samples, doubtful labels, changed files."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from inference.training.explore.simple import SIMPLE, Simple
from inference.training.explore.spread import values_of
from inference.training.explore.table import NAMES, UNSTATED, Measured, groups_of, of_class

EXTREMES = 5
EXPERT = "expert-"
CONTRADICTED = "expert-contradicted"


class Looked(TypedDict):
    """One radiograph, and why it is looked at."""

    file: str
    split: str
    label: str
    patient: str
    value: float


class Extreme(TypedDict):
    """The radiographs with the lowest and the highest values; how many share the very ends."""

    measure: str
    lowest: list[Looked]
    highest: list[Looked]
    lowest_tied: int
    highest_tied: int


class Sheet(TypedDict):
    """A random sample of one split, source and class."""

    split: str
    source: str
    label: str
    of: int
    files: list[str]


def extremes_of(items: Sequence[Measured]) -> list[Extreme]:
    """Return the extremes of every measure; of a radiograph listed twice the native copy counts."""
    once = [item for item in items if item.row.native is None]
    return [_extreme(simple, once) for simple in SIMPLE if simple.shown]


def sheets_of(items: Sequence[Measured], size: int, seed: int) -> list[Sheet]:
    """Return at most ``size`` radiographs of each split, source and class, drawn by ``seed``."""
    rng = np.random.default_rng(seed)
    sheets: list[Sheet] = []
    for split, some in groups_of(items, "split").items():
        for source, members in groups_of(some, "source").items():
            for label in NAMES:
                of = of_class(members, label)
                drawn = sorted(rng.permutation(len(of))[:size].tolist())
                files = [of[index].name for index in drawn]
                if files:
                    sheets.append(
                        {
                            "split": split,
                            "source": source,
                            "label": NAMES[label],
                            "of": len(of),
                            "files": files,
                        }
                    )
    return sheets


def reread_of(items: Sequence[Measured]) -> list[dict[str, str]]:
    """Return the radiographs that experts read again, those that they contradicted first."""
    found = [item for item in items if item.row.label_tier.startswith(EXPERT)]
    found.sort(key=lambda item: item.row.label_tier != CONTRADICTED)
    return [
        {
            "file": item.name,
            "split": item.row.split,
            "label": item.class_name,
            "patient": item.row.patient,
            "label_tier": item.row.label_tier,
            "view": item.row.view or UNSTATED,
            "subtype": item.row.subtype or UNSTATED,
        }
        for item in found
    ]


def changed_of(items: Sequence[Measured]) -> list[str]:
    """Return the files whose SHA-256 is not the one that the list states."""
    return [i.name for i in items if i.row.sha256 and i.row.sha256.lower() != i.sha256]


def _extreme(simple: Simple, items: Sequence[Measured]) -> Extreme:
    values = values_of(items, simple.key)
    lowest = np.argsort(values, kind="stable")[:EXTREMES]
    highest = np.argsort(-values, kind="stable")[:EXTREMES]
    return {
        "measure": simple.key,
        "lowest": [_looked(items[i], values[i]) for i in lowest],
        "highest": [_looked(items[i], values[i]) for i in highest],
        "lowest_tied": int((values == values.min()).sum()),
        "highest_tied": int((values == values.max()).sum()),
    }


def _looked(item: Measured, value: float) -> Looked:
    return {
        "file": item.name,
        "split": item.row.split,
        "label": item.class_name,
        "patient": item.row.patient,
        "value": float(f"{value:.6g}"),
    }
