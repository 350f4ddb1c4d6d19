"""The figures of the watch as panels: each a table of plain values, and how to draw it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from portal.reviews.reasons import Reason
from portal.shares import Share
from portal.watch.figures import (
    BINS,
    COARSE,
    PSI_SHIFTED,
    PSI_WATCH,
    distance,
    kappa,
    stability,
)
from portal.watch.selectors import GROUPS, Counted, Counts

Cell = str | int | float | None
_STEP = BINS // COARSE
_INTERVAL = "(95 % interval by Wilson)"


@dataclass(frozen=True, slots=True)
class Panel:
    """One set of figures.

    ``rows`` begin with what the row is of. ``chart`` says how it is drawn: ``kind``, and the
    columns that are drawn, each with an optional pair of columns that are its interval.
    """

    slug: str
    title: str
    about: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    chart: dict[str, Any] | None = None

    @property
    def drawn(self) -> dict[str, Any] | None:
        """Return labels and series for the chart; None if nothing is to be drawn."""
        if self.chart is None or not self.rows:
            return None
        series = [
            {
                "name": self.columns[one["column"]],
                "values": [row[one["column"]] for row in self.rows],
                "low": [row[one["low"]] for row in self.rows] if "low" in one else None,
                "high": [row[one["high"]] for row in self.rows] if "high" in one else None,
            }
            for one in self.chart["series"]
        ]
        return {
            "slug": self.slug,
            "kind": self.chart["kind"],
            "stacked": self.chart.get("stacked", False),
            "labels": [str(row[0]) for row in self.rows],
            "series": series,
            "top": self.chart.get("top"),
        }


def panels_of(counted: Counted, reference: Sequence[float]) -> list[Panel]:
    """Return every panel. ``reference``: the validation scores in `BINS`; empty if not known."""
    return [
        _volume(counted),
        _scores(counted.whole, reference),
        _drift(counted, reference),
        _calibration(counted.whole),
        _agreement(counted),
        _crossed(counted.whole),
        _reasons(counted.whole),
        *(_group(counted, name, reference) for name in GROUPS),
    ]


def summary_of(counts: Counts, reference: Sequence[float]) -> list[tuple[str, Cell]]:
    """Return the figures of everything together, each with its name."""
    return [
        ("Asked of the model", counts.asked),
        ("Scored", counts.scored),
        ("Not scored", counts.refused.found),
        ("Failed", counts.failed.found),
        ("PSI against validation", _rounded(stability(counts.bins, reference))),
        ("KS against validation", _rounded(distance(counts.bins, reference))),
        ("First reads that saw the AI", counts.agreement.of),
        *zip(("Agreement", "Agreement, low", "Agreement, high"), _parts(counts.agreement),
             strict=True),
        ("Cohen's kappa", _rounded(kappa(counts.seen))),
    ]  # fmt: skip


def _volume(counted: Counted) -> Panel:
    rows: list[tuple[Cell, ...]] = [
        (week.isoformat(), *(one.outcomes[name] for name, _ in _OUTCOMES), _waiting(one))
        for week, one in counted.weeks.items()
    ]
    return Panel(
        "volume",
        "Volume and outcomes",
        "What was asked of the model each week, by how it ended. A week is named by its Monday.",
        ("Week", *(words for _, words in _OUTCOMES), "Not ended"),
        rows,
        {"kind": "bar", "stacked": True,
         "series": [{"column": n} for n in range(1, len(_OUTCOMES) + 2)]},
    )  # fmt: skip


_OUTCOMES = (
    ("scored", "Scored"),
    ("not_applicable", "Not applicable"),
    ("rejected_quality", "Rejected for quality"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
)


def _waiting(counts: Counts) -> int:
    return counts.outcomes["queued"] + counts.outcomes["running"]


def _scores(counts: Counts, reference: Sequence[float]) -> Panel:
    here, there = sum(counts.bins), sum(reference)
    rows = [
        (
            _bin_name(place, BINS),
            counts.bins[place],
            _rounded(counts.bins[place] / here) if here else None,
            _rounded(reference[place] / there) if there else None,
        )
        for place in range(BINS)
    ]
    return Panel(
        "scores",
        "Scores",
        "How the scores are spread here and, where the version's report says so, in validation.",
        ("Score", "Count here", "Share here", "Share in validation"),
        rows if here else [],
        {"kind": "bar", "series": [{"column": 2}, *([{"column": 3}] if there else [])]},
    )


def _drift(counted: Counted, reference: Sequence[float]) -> Panel:
    rows = [
        (
            week.isoformat(),
            one.scored,
            _rounded(stability(one.bins, reference)),
            _rounded(distance(one.bins, reference)),
        )
        for week, one in counted.weeks.items()
        if one.scored
    ]
    return Panel(
        "drift",
        "Drift against validation",
        f"Population stability index over {COARSE} bins: below {PSI_WATCH} stable, above "
        f"{PSI_SHIFTED} shifted; of few scores it is large by chance. Kolmogorov-Smirnov distance "
        f"at the edges of {BINS} bins.",
        ("Week", "Scored", "PSI", "KS"),
        rows if reference else [],
        {"kind": "line", "series": [{"column": 2}, {"column": 3}]},
    )


def _calibration(counts: Counts) -> Panel:
    rows: list[tuple[Cell, ...]] = []
    for place in range(COARSE):
        fine = range(place * _STEP, (place + 1) * _STEP)
        present = sum(counts.observed[n][0] for n in fine)
        read = sum(sum(counts.observed[n]) for n in fine)
        if read:
            mean = sum(counts.expected[n] for n in fine) / read
            rows.append(
                (_bin_name(place, COARSE), read, _rounded(mean), *_parts(Share(read, present)))
            )
    return Panel(
        "calibration",
        "Calibration on signed studies",
        "Of the studies in each bin of scores: the mean score, and the share in which the first "
        f"reader found pneumonia {_INTERVAL}. Indeterminate reads are left out. The reader had "
        "seen the score, so this flatters the model.",
        ("Score", "Signed", "Mean score", "Pneumonia found", "Low", "High"),
        rows,
        {"kind": "line", "top": 1,
         "series": [{"column": 2}, {"column": 3, "low": 4, "high": 5}]},
    )  # fmt: skip


def _agreement(counted: Counted) -> Panel:
    rows = [
        (week.isoformat(), one.agreement.of, *_parts(one.agreement))
        for week, one in counted.weeks.items()
        if one.agreement.of
    ]
    return Panel(
        "agreement",
        "Agreement of first readers with the AI",
        f"Of the signed first reads to which the AI was shown {_INTERVAL}. An indeterminate read "
        "does not agree.",
        ("Week", "Signed", "Agreement", "Low", "High"),
        rows,
        {"kind": "line", "top": 1, "series": [{"column": 2, "low": 3, "high": 4}]},
    )


def _crossed(counts: Counts) -> Panel:
    rows = [
        (person, *(counts.seen[person, shown] for shown in ("present", "absent")))
        for person in ("present", "absent", "indeterminate")
    ]
    return Panel(
        "reads",
        "What readers and the AI said",
        "Signed first reads, by what the person found and what the AI had shown.",
        ("Reader", "AI: present", "AI: absent"),
        rows if counts.seen else [],
    )


def _reasons(counts: Counts) -> Panel:
    labels = dict(Reason.choices)
    return Panel(
        "reasons",
        "Reasons for overrides",
        "Why first readers disagreed with the AI.",
        ("Reason", "Code", "Count"),
        [(str(labels.get(code, code)), code, n)
         for code, n in sorted(counts.reasons.items(), key=lambda one: (-one[1], one[0]))],
        {"kind": "across", "series": [{"column": 2}]},
    )  # fmt: skip


def _group(counted: Counted, name: str, reference: Sequence[float]) -> Panel:
    rows = [
        (
            value,
            one.asked,
            one.scored,
            one.refused.found,
            one.failed.found,
            _rounded(stability(one.bins, reference)),
            _rounded(distance(one.bins, reference)),
            one.agreement.of,
            *_parts(one.agreement),
        )
        for value, one in _sorted(counted.groups[name].items())
    ]
    return Panel(
        f"by-{name}",
        f"By {GROUPS[name].lower()}",
        f"The same figures for each {GROUPS[name].lower()}; agreement {_INTERVAL}.",
        (
            GROUPS[name], "Asked", "Scored", "Not scored", "Failed", "PSI", "KS", "Signed",
            "Agreement", "Low", "High",
        ),
        rows,
    )  # fmt: skip


def _sorted(items: Any) -> Iterator[tuple[str, Counts]]:
    """Yield the largest first; so the ages of a clinic come as they are common."""
    yield from sorted(items, key=lambda one: (-one[1].asked, one[0]))


def _parts(share: Share) -> tuple[Cell, Cell, Cell]:
    return _rounded(share.value), _rounded(share.low), _rounded(share.high)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _bin_name(place: int, bins: int) -> str:
    return f"{place / bins:.2f} to {(place + 1) / bins:.2f}"
