"""How well each simple measure alone tells the classes apart: what a network may learn instead."""

from collections.abc import Callable, Sequence
from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from inference.calibration import auc
from inference.training.explore.simple import SIMPLE
from inference.training.explore.table import NAMES, Measured, groups_of
from inference.training.measures import bootstrap, resamples
from inference.training.splits import labels_of

STRONG = 0.7
"""From this AUC on, in either direction, a measure is called a shortcut."""


class Shortcut(TypedDict):
    """One measure in one group. Without an ``auc``, ``note`` says why there is none."""

    measure: str
    images: int
    auc: float | None
    low: float | None
    high: float | None
    direction: str
    shortcut: bool
    note: str


class Group(TypedDict):
    """All measures in one split or source."""

    by: Literal["split", "source"]
    name: str
    images: int
    patients: int
    measures: list[Shortcut]


Value = Callable[[Measured], float | None]


def _simple(key: str) -> Value:
    return lambda item: item.values[key]


STATED: dict[str, tuple[str, Value]] = {
    "age": ("Age, as stated", lambda item: item.row.age),
    "male": (
        "Sex, as stated: male",
        lambda item: float(item.row.sex == "M") if item.row.sex else None,
    ),
    "ap": (
        "View, as stated: AP",
        lambda item: float(item.row.view == "AP") if item.row.view else None,
    ),
}
"""What is no measure of the file but known of the person, and may tell the classes as well."""
TITLES = {simple.key: simple.title for simple in SIMPLE} | {
    key: title for key, (title, _) in STATED.items()
}
VALUES: dict[str, Value] = {simple.key: _simple(simple.key) for simple in SIMPLE} | {
    key: value for key, (_, value) in STATED.items()
}


def shortcuts_of(items: Sequence[Measured], seed: int) -> list[Group]:
    """Return the AUC of every measure in every split and source; intervals are by patient."""
    groups = [("split", *group) for group in groups_of(items, "split").items()]
    sources = groups_of(items, "source")
    if len(sources) > 1:
        groups += [("source", *group) for group in sources.items()]
    found: list[Group] = []
    with tqdm(desc="shortcuts", total=len(groups) * len(VALUES), unit="figure") as bar:
        for by, name, members in groups:
            measures = []
            draw = _drawn_once(members, seed)
            for key, value in VALUES.items():
                measures.append(_shortcut(key, [value(item) for item in members], members, draw))
                bar.update()
            found.append(
                {
                    "by": "split" if by == "split" else "source",
                    "name": name,
                    "images": len(members),
                    "patients": len({item.row.patient for item in members}),
                    "measures": measures,
                }
            )
    return found


Samples = list[npt.NDArray[np.int64]]


def _drawn_once(members: Sequence[Measured], seed: int) -> Callable[[Sequence[Measured]], Samples]:
    """Return what draws resamples, those of all ``members`` only once: they take a while."""
    kept: list[Samples] = []

    def draw(some: Sequence[Measured]) -> Samples:
        if len(some) < len(members):
            return resamples([item.row for item in some], seed)
        if not kept:
            kept.append(resamples([item.row for item in members], seed))
        return kept[0]

    return draw


def _shortcut(
    key: str,
    values: Sequence[float | None],
    members: Sequence[Measured],
    draw: Callable[[Sequence[Measured]], Samples],
) -> Shortcut:
    stated = [(m, v) for m, v in zip(members, values, strict=True) if v is not None]
    some = [member for member, _ in stated]
    numbers = np.array([value for _, value in stated], np.float64)
    labels = labels_of([member.row for member in some])
    if note := _why_not(numbers, labels):
        return _entry(key, len(some), None, note)
    found = bootstrap(auc, numbers, labels, draw(some))
    return _entry(key, len(some), (found.value, found.low, found.high), "")


def _why_not(numbers: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> str:
    if not len(numbers):
        return "not stated"
    if len(set(labels.tolist())) < len(NAMES):
        return "one class only"
    return "the same in all" if np.ptp(numbers) == 0 else ""


def _entry(
    key: str, images: int, figures: tuple[float, float, float] | None, note: str
) -> Shortcut:
    value, low, high = figures or (None, None, None)
    strong = value is not None and max(value, 1 - value) >= STRONG
    direction = "" if value is None else "higher" if value > 0.5 else "lower"  # noqa: PLR2004
    return {
        "measure": key,
        "images": images,
        "auc": value,
        "low": low,
        "high": high,
        "direction": direction,
        "shortcut": strong,
        "note": note,
    }
