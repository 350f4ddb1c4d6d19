"""When a figure of the watch is an alert. Bounds with a reason; a few cases alone never are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from portal.shares import Share
from portal.watch.ages import NOT_STATED
from portal.watch.figures import PSI_SHIFTED, stability
from portal.watch.models import Alert
from portal.watch.selectors import Counts

BEFORE = 4
"""Weeks that a week is held against."""
FEWEST_SCORES = 100
"""Of fewer, the stability index of ten bins is mostly chance: about 9 / n + 9 / m."""
FEWEST_READ = 20
FEWEST_OVERRIDES = 5
FEWEST_ENDED = 50
REFUSED, FAILED = 0.2, 0.05
OFF_BY = 0.1
Figures = dict[str, float | int]
Rule = Alert.Rule


@dataclass(frozen=True, slots=True)
class Found:
    """A rule that holds, of one scanner or (empty) the whole site."""

    rule: Alert.Rule
    scanner: str
    figures: Figures


def found_in(
    weeks: Mapping[date, Mapping[str, Counts]], week: date, reference: Sequence[float]
) -> Iterator[Found]:
    """Yield what is found in ``week``.

    Parameters
    ----------
    weeks : mapping
        For each Monday the counts by scanner, those of all under ``""``.
    reference : sequence of float
        The histogram of the validation scores; empty: no drift can be found.
    """
    before = [weeks.get(week - timedelta(weeks=back), {}) for back in range(1, BEFORE + 1)]
    for scanner, counts in sorted(weeks.get(week, {}).items()):
        yield from _drift(scanner, counts, reference)
        if scanner and scanner != NOT_STATED:
            yield from _overrides(
                scanner, counts, [one[scanner] for one in before if scanner in one]
            )
        if not scanner:
            yield from _rate(Rule.REFUSALS, counts.refused, REFUSED)
            yield from _rate(Rule.FAILURES, counts.failed, FAILED)
            yield from _calibration(counts)


def _drift(scanner: str, counts: Counts, reference: Sequence[float]) -> Iterator[Found]:
    index = stability(counts.bins, reference)
    if index is not None and counts.scored >= FEWEST_SCORES and index > PSI_SHIFTED:
        figures: Figures = {"psi": round(index, 3), "bound": PSI_SHIFTED, "scored": counts.scored}
        yield Found(Rule.DRIFT, scanner, figures)


def _overrides(scanner: str, counts: Counts, before: Sequence[Counts]) -> Iterator[Found]:
    """Yield it at twice the rate of the weeks before, if that lies below this week's interval."""
    now = counts.overrides
    then = Share(
        sum(one.overrides.of for one in before), sum(one.overrides.found for one in before)
    )
    if min(now.of, then.of) < FEWEST_READ or now.found < FEWEST_OVERRIDES:
        return
    rate, usual, low = now.value or 0.0, then.value or 0.0, now.low or 0.0
    if rate >= 2 * usual and low > usual:
        yield Found(
            Rule.OVERRIDES,
            scanner,
            {
                "rate": round(rate, 4),
                "before": round(usual, 4),
                "overridden": now.found,
                "read": now.of,
                "read_before": then.of,
            },
        )


def _rate(rule: Alert.Rule, share: Share, bound: float) -> Iterator[Found]:
    """Yield it where the whole interval lies above the bound."""
    if share.of >= FEWEST_ENDED and (share.low or 0.0) > bound:
        rate = round(share.value or 0.0, 4)
        yield Found(rule, "", {"rate": rate, "bound": bound, "found": share.found, "of": share.of})


def _calibration(counts: Counts) -> Iterator[Found]:
    """Yield it where the mean score is off by `OFF_BY` and outside the interval of what was."""
    seen, expected = counts.present, counts.mean_score
    if expected is None or seen.of < FEWEST_ENDED:
        return
    observed, low, high = seen.value or 0.0, seen.low or 0.0, seen.high or 1.0
    if abs(expected - observed) > OFF_BY and not low <= expected <= high:
        yield Found(
            Rule.CALIBRATION,
            "",
            {"mean_score": round(expected, 4), "present": round(observed, 4), "read": seen.of},
        )
