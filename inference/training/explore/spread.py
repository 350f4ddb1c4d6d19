"""How the simple measures and the grey levels are spread, by source and class."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from inference.training.explore.simple import SIMPLE, Simple
from inference.training.explore.table import NAMES, Measured, Table, groups_of, of_class

QUANTILES = {"lowest": 0, "p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
BINS = 40
TAILS = (0.5, 99.5)
"""Percentiles, of whichever source reaches further, between which histograms are drawn."""
FLOOR = 1e-6
"""What is drawn for 0 on a logarithmic axis."""


class Spread(TypedDict):
    """One measure of one source: its quantiles by class, and its histogram."""

    source: str
    images: dict[str, int]
    quantiles: dict[str, dict[str, float]]
    shares: dict[str, list[float]]


class Spreads(TypedDict):
    """One measure: the edges of its bins, the same for every source, and each source."""

    edges: list[float]
    outside: float
    sources: list[Spread]


def spreads_of(items: Sequence[Measured]) -> dict[str, Spreads]:
    """Return every simple measure by its key."""
    return {simple.key: _spreads(simple, items) for simple in SIMPLE}


def greys_of(items: Sequence[Measured]) -> list[dict[str, object]]:
    """Return the mean grey-level histogram of each source and class."""
    return [
        {
            "source": source,
            "class": NAMES[label],
            "images": len(members),
            "shares": _rounded(np.mean([item.greys for item in members], axis=0)),
        }
        for source, some in groups_of(items, "source").items()
        for label in NAMES
        if (members := of_class(some, label))
    ]


def mean_differences(table: Table) -> dict[str, float]:
    """Return, by source, by how much the means of the classes differ where they do most."""
    pairs = {
        source: [table.means[source, label] for label in NAMES if (source, label) in table.means]
        for source, _ in table.means
    }
    return {
        source: round(float(np.abs(means[1] - means[0]).max()), 4)
        for source, means in pairs.items()
        if len(means) == len(NAMES)
    }


def values_of(items: Sequence[Measured], key: str) -> npt.NDArray[np.float64]:
    """Return one measure of ``items``."""
    return np.array([item.values[key] for item in items], np.float64)


def _spreads(simple: Simple, items: Sequence[Measured]) -> Spreads:
    values = values_of(items, simple.key)
    sources = groups_of(items, "source")
    edges = _edges([values_of(some, simple.key) for some in sources.values()], log=simple.log)
    outside = float(((values < edges[0]) | (values > edges[-1])).mean())
    return {
        "edges": _rounded(edges),
        "outside": round(outside, 4),
        "sources": [_spread(simple, source, some, edges) for source, some in sources.items()],
    }


def _spread(
    simple: Simple, source: str, some: Sequence[Measured], edges: npt.NDArray[np.float64]
) -> Spread:
    members = {NAMES[label]: values_of(of_class(some, label), simple.key) for label in NAMES}
    there = {name: values for name, values in members.items() if len(values)}
    return {
        "source": source,
        "images": {name: len(values) for name, values in there.items()},
        "quantiles": {name: _quantiles(values) for name, values in there.items()},
        "shares": {
            name: _rounded(
                np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / len(values)
            )
            for name, values in there.items()
        },
    }


def _edges(sources: Sequence[npt.NDArray[np.float64]], *, log: bool) -> npt.NDArray[np.float64]:
    """Return edges that show every source, however small, without its last stragglers."""
    ends = [np.percentile(np.maximum(v, FLOOR) if log else v, TAILS) for v in sources]
    low, high = np.min(ends), np.max(ends)
    if low == high:  # nearly all of them alike
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    return np.geomspace(low, high, BINS + 1) if log else np.linspace(low, high, BINS + 1)


def _quantiles(values: npt.NDArray[np.float64]) -> dict[str, float]:
    found = np.quantile(values, [*QUANTILES.values(), 1.0])
    return dict(zip([*QUANTILES, "highest"], _rounded(found), strict=True))


def _rounded(values: npt.NDArray[np.floating]) -> list[float]:
    """Return six significant digits: what is drawn and what is written are the same."""
    return [float(f"{value:.6g}") for value in values.tolist()]
