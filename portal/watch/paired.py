"""Two models on the same signed studies, as figures: plain arithmetic, without a database."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap

_Z = 1.959963984540054
_NO_SPREAD = 1e-15
"""A variance of a difference below this is rounding."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Second minus first, with a 95 % interval and p; None of either where there is no spread."""

    value: float
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True, slots=True)
class Matched:
    """How often both of two findings are right, one alone, and none."""

    both: int
    only_first: int
    only_second: int
    none: int

    @property
    def of(self) -> int:
        """How many there are."""
        return self.both + self.only_first + self.only_second + self.none


def auc(present: Sequence[float], absent: Sequence[float]) -> float | None:
    """Return how often a score of ``present`` is above one of ``absent``; ties count half."""
    if not present or not absent:
        return None
    placed = _placements(present, absent)
    return sum(placed) / len(placed)


def auc_difference(
    first: tuple[Sequence[float], Sequence[float]], second: tuple[Sequence[float], Sequence[float]]
) -> Difference | None:
    """Return by how much the second AUC is higher, on the same studies in the same order.

    Each is its scores of the studies with pneumonia, then of those without. DeLong, DeLong and
    Clarke-Pearson 1988 (doi 10.2307/2531595). None where a class has fewer than two studies.
    """
    if min(len(first[0]), len(first[1])) < 2:  # noqa: PLR2004 (a variance needs two)
        return None
    sick = [_placements(*one) for one in (first, second)]
    well = [[1 - value for value in _placements(one[1], one[0])] for one in (first, second)]
    variance = _variance_of_difference(*sick) + _variance_of_difference(*well)
    value = sum(sick[1]) / len(sick[1]) - sum(sick[0]) / len(sick[0])
    if variance < _NO_SPREAD:
        return Difference(value, None, None, None)
    error = math.sqrt(variance)
    low, high = max(-1.0, value - _Z * error), min(1.0, value + _Z * error)
    return Difference(value, low, high, math.erfc(abs(value) / error / math.sqrt(2)))


def matched(first: Sequence[bool], second: Sequence[bool]) -> Matched:
    """Return the counts of two findings being right, study by study."""
    pairs = list(zip(first, second, strict=True))
    ways = ((True, True), (True, False), (False, True), (False, False))
    return Matched(*map(pairs.count, ways))


def share_difference(counts: Matched) -> Difference | None:
    """Return by how much the second is right more often, as a share; None of nothing.

    The interval is Agresti and Min's for matched pairs (2005, doi 10.1002/sim.1781), half a pair
    being added to each cell; p is McNemar's exact one (1947, doi 10.1007/BF02295996).
    """
    if not counts.of:
        return None
    value = (counts.only_second - counts.only_first) / counts.of
    total, first, second = counts.of + 2, counts.only_first + 0.5, counts.only_second + 0.5
    middle = (second - first) / total
    half = _Z * math.sqrt((first + second) - (second - first) ** 2 / total) / total
    low, high = max(-1.0, middle - half), min(1.0, middle + half)
    return Difference(value, low, high, mcnemar(counts.only_first, counts.only_second))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided exact p that two models are as often right where they differ."""
    many, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(starmap(math.comb, ((many, index) for index in range(fewer + 1))))
    return min(1.0, 2 * tail / (1 << many))


def _placements(scores: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return which share of ``others`` each of ``scores`` is above; ties count half."""
    known, many = sorted(others), len(others)
    return [(bisect_left(known, one) + bisect_right(known, one)) / 2 / many for one in scores]


def _variance_of_difference(first: Sequence[float], second: Sequence[float]) -> float:
    gaps = [one - other for one, other in zip(second, first, strict=True)]
    mean = sum(gaps) / len(gaps)
    return sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1) / len(gaps)
