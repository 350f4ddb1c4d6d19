"""What the watch counts, made into figures: plain arithmetic over counts, without a database."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

BINS = 20
"""Equal bins of 0 to 1, those of the histograms in a model's report."""
COARSE = 10
"""Bins of the stability index and of the calibration: pairs of the `BINS`."""
PSI_WATCH, PSI_SHIFTED = 0.1, 0.25
"""Below the one the scores are usually called stable, from the other on shifted (Siddiqi 2006)."""
_SMOOTH = 0.5


def stability(counts: Sequence[float], reference: Sequence[float]) -> float | None:
    """Return the population stability index of two histograms of `BINS`; None if one is empty.

    Over `COARSE` bins, half a count being added to each, so that an empty one is no infinity.
    """
    if not sum(counts) or not sum(reference):
        return None
    here, there = (_smoothed(_coarse(one)) for one in (counts, reference))
    return sum((p - q) * math.log(p / q) for p, q in zip(here, there, strict=True))


def distance(counts: Sequence[float], reference: Sequence[float]) -> float | None:
    """Return the Kolmogorov-Smirnov distance of two histograms, at the edges of their bins."""
    here, there = sum(counts), sum(reference)
    if not here or not there:
        return None
    gap, largest = 0.0, 0.0
    for one, other in zip(counts, reference, strict=True):
        gap += one / here - other / there
        largest = max(largest, abs(gap))
    return largest


def kappa(table: Mapping[tuple[str, str], int]) -> float | None:
    """Return Cohen's kappa of counts by what one and the other said; None if it is undefined."""
    total = sum(table.values())
    if not total:
        return None
    words = {word for pair in table for word in pair}
    agreed = sum(n for (one, other), n in table.items() if one == other) / total
    by_chance = sum(
        sum(n for (one, _), n in table.items() if one == word)
        * sum(n for (_, other), n in table.items() if other == word)
        for word in words
    ) / (total * total)
    return None if by_chance == 1 else (agreed - by_chance) / (1 - by_chance)


def reference_of(document: Mapping[str, Any] | None, share: float | None) -> list[float]:
    """Return the histogram of the validation scores in a report; empty if it has none.

    Parameters
    ----------
    share : float, optional
        How common pneumonia is here, 0 to 1: the two classes are mixed so. None: as in validation.
    """
    part: Any = document or {}
    for key in ("splits", "val", "histogram"):
        part = part.get(key) if isinstance(part, Mapping) else None
    classes = [part.get(name) for name in ("normal", "pneumonia")] if part else []
    if len(classes) != 2 or not all(map(_is_histogram, classes)):  # noqa: PLR2004
        return []
    normal, sick = classes
    if share is None or not sum(normal) or not sum(sick):
        return [float(one + other) for one, other in zip(normal, sick, strict=True)]
    total = sum(normal) + sum(sick)
    return [
        total * ((1 - share) * one / sum(normal) + share * other / sum(sick))
        for one, other in zip(normal, sick, strict=True)
    ]


def _is_histogram(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == BINS
        and all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in value)
    )


def _coarse(counts: Sequence[float]) -> list[float]:
    step = BINS // COARSE
    return [sum(counts[start : start + step]) for start in range(0, BINS, step)]


def _smoothed(counts: Sequence[float]) -> list[float]:
    total = sum(counts) + _SMOOTH * len(counts)
    return [(one + _SMOOTH) / total for one in counts]
