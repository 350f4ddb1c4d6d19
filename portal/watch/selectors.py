"""Read side of the watch: the shown answers of one version at one site, counted by the database."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    IntegerField,
    OuterRef,
    QuerySet,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import Expression
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Concat, Floor, Trim, TruncWeek
from django.db.models.lookups import LessThan

from portal.accounts.models import Site
from portal.predictions.models import ModelVersion, Prediction
from portal.reviews.models import Purpose, Review
from portal.shares import Share
from portal.watch.ages import AGE_BANDS, NOT_STATED, band_name, place_of_band
from portal.watch.figures import BINS

GROUPS = {"scanner": "Scanner", "view": "View", "age": "Age"}
_SCORED, _NOT_SCORED = "scored", ("not_applicable", "rejected_quality")


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: one version at one site, asked from one day to another, both included.

    ``group`` is empty or one of `GROUPS`, of which only ``value`` is then counted.
    """

    site: Site
    version: ModelVersion
    first: date
    last: date
    group: str = ""
    value: str = ""


@dataclass(slots=True)
class Counts:
    """What was counted of some predictions and of the reviews under them.

    ``bins`` are the scores in `BINS` equal bins; ``seen`` what the person and the machine said
    where the machine's word was shown; ``observed`` and ``expected``, by bin, how many signed
    studies a person found pneumonia in or not, and the sum of their scores.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    bins: list[int] = field(default_factory=lambda: [0] * BINS)
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    observed: list[list[int]] = field(default_factory=lambda: [[0, 0] for _ in range(BINS)])
    expected: list[float] = field(default_factory=lambda: [0.0] * BINS)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def asked(self) -> int:
        """How many predictions."""
        return sum(self.outcomes.values())

    @property
    def scored(self) -> int:
        """How many of them have a score."""
        return self.outcomes[_SCORED]

    @property
    def refused(self) -> Share:
        """How many of those done were outside the use or of too poor quality."""
        refused = sum(self.outcomes[name] for name in _NOT_SCORED)
        return Share(refused + self.scored, refused)

    @property
    def failed(self) -> Share:
        """How many of those that came to an end failed."""
        return Share(self.refused.of + self.outcomes["failed"], self.outcomes["failed"])

    @property
    def agreement(self) -> Share:
        """How many signed first reads say what the machine showed."""
        agreed = sum(n for (person, shown), n in self.seen.items() if person == shown)
        return Share(sum(self.seen.values()), agreed)

    @property
    def overrides(self) -> Share:
        """How many do not."""
        return Share(self.agreement.of, self.agreement.of - self.agreement.found)

    @property
    def present(self) -> Share:
        """How many signed studies with a score show pneumonia; indeterminate ones are left out."""
        return Share(
            sum(sum(pair) for pair in self.observed), sum(present for present, _ in self.observed)
        )

    @property
    def mean_score(self) -> float | None:
        """The mean score of the same studies."""
        return sum(self.expected) / self.present.of if self.present.of else None


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts of a scope: all together, by week (its Monday), and by group and value."""

    whole: Counts
    weeks: dict[date, Counts]
    groups: dict[str, dict[str, Counts]]


def counted(scope: Scope) -> Counted:
    """Return what is counted in ``scope``. Four queries, however much there is."""
    groups: dict[str, dict[str, Counts]] = {name: {} for name in GROUPS}
    weeks: dict[date, Counts] = {}
    whole = Counts()
    _add(scope, tuple(GROUPS), lambda keys: _places(groups, keys))
    _add(scope, ("week",), lambda keys: [whole, weeks.setdefault(keys[0].date(), Counts())])
    return Counted(whole, _every_week(weeks), groups)


def counted_by_scanner(scope: Scope) -> dict[date, dict[str, Counts]]:
    """Return the counts of each week and scanner, and of all scanners under ``""``. Two queries."""
    weeks: dict[date, dict[str, Counts]] = {}
    _add(scope, ("week", "scanner"), lambda keys: _of_scanner(weeks, *keys))
    return weeks


def monday(day: date) -> date:
    """Return the Monday of the week of ``day``."""
    return day - timedelta(days=day.weekday())


def days_of(scope: Scope) -> tuple[datetime, datetime]:
    """Return when the days of ``scope`` begin, and when they are over."""
    before = datetime.combine(scope.last + timedelta(days=1), time(), UTC)
    return datetime.combine(scope.first, time(), UTC), before


_OF_REVIEW = "finding__prediction__"


def _add(
    scope: Scope, names: tuple[str, ...], places: Callable[[tuple[Any, ...]], Iterable[Counts]]
) -> None:
    """Count by the named dimensions into the counts that ``places`` gives for their values."""
    width = len(names)
    for row in _by(_predictions(scope), "", *names):
        for one in places(row[:width]):
            _count(one, row[width:])
    for row in _by(_reviews(scope), _OF_REVIEW, *names):
        for one in places(row[:width]):
            _count_read(one, row[width:])


def _predictions(scope: Scope) -> QuerySet[Prediction]:
    return _narrow(Prediction.objects.all(), scope, "")


def _reviews(scope: Scope) -> QuerySet[Review]:
    """Return the first reads that stand under predictions of ``scope``."""
    # not superseded_by=None: PostgreSQL takes that for one row, and looks each of them up
    later = Review.objects.filter(supersedes=OuterRef("pk"))
    standing = Review.objects.filter(~Exists(later), purpose=Purpose.FIRST)
    return _narrow(standing, scope, _OF_REVIEW)


def _narrow(rows: QuerySet[Any], scope: Scope, prefix: str) -> QuerySet[Any]:
    after, before = days_of(scope)
    wanted = {
        f"{prefix}site": scope.site,
        f"{prefix}model_version": scope.version,
        f"{prefix}requested_at__gte": after,
        f"{prefix}requested_at__lt": before,
    }
    rows = rows.filter(**wanted)
    if scope.group:
        value = "" if scope.value == NOT_STATED else scope.value
        rows = rows.annotate(chosen=dimension(scope.group, prefix)).filter(
            chosen=place_of_band(scope.value) if scope.group == "age" else value
        )
    return rows


def _by(rows: QuerySet[Any], prefix: str, *names: str) -> Iterable[tuple[Any, ...]]:
    """Return rows of the named dimensions, what is counted, how many, and the sum of scores."""
    score = f"{prefix}score"
    dimensions = {f"by_{name}": dimension(name, prefix) for name in names}
    dimensions["bin"] = Floor(_times(score))
    said: tuple[str, ...] = ("state", "outcome")
    if prefix:
        said = ("finding__presence", "finding__shown", "finding__reason_code")
    grouped = rows.annotate(**dimensions).order_by().values(*dimensions, *said)
    found = grouped.annotate(n=Count("pk"), total=Sum(score))
    rows_found: Iterable[tuple[Any, ...]] = found.values_list(*dimensions, *said, "n", "total")
    return rows_found


def _times(score: str) -> Expression:
    return ExpressionWrapper(F(score) * Value(float(BINS)), output_field=FloatField())


def dimension(name: str, prefix: str) -> Expression:
    """Return what a row is of, by ``name``: a week, or one of `GROUPS` (an age by its place)."""
    if name == "week":
        return TruncWeek(f"{prefix}requested_at", tzinfo=UTC)
    facts = f"{prefix}instance__facts"
    if name == "view":
        return _text("view", facts)
    if name == "scanner":
        both = (_text("manufacturer", facts), Value(" "), _text("manufacturer_model_name", facts))
        return Trim(Concat(*both, output_field=TextField()))
    age = Cast(KeyTextTransform("age_years", facts), FloatField())
    cases = (When(lookup, then=Value(place)) for place, lookup in _bands(age))
    return Case(*cases, default=Value(-1), output_field=IntegerField())


def _bands(age: Expression) -> Iterable[tuple[int, Any]]:
    for place, (_, before) in enumerate(AGE_BANDS):
        yield place, LessThan(age, Value(float(before)))


def _text(name: str, facts: str) -> Expression:
    return Coalesce(KeyTextTransform(name, facts), Value(""), output_field=TextField())


def _places(groups: dict[str, dict[str, Counts]], values: tuple[Any, ...]) -> list[Counts]:
    """Return the counts of each group that a row belongs to."""
    named = zip(GROUPS, words_of(values), strict=True)
    return [groups[name].setdefault(words, Counts()) for name, words in named]


def words_of(values: Iterable[Any]) -> tuple[str, ...]:
    """Return the values of `GROUPS`, in their order, in words."""
    named = zip(GROUPS, values, strict=True)
    return tuple(band_name(one) if name == "age" else one or NOT_STATED for name, one in named)


def _of_scanner(
    weeks: dict[date, dict[str, Counts]], week: datetime, scanner: str
) -> Iterable[Counts]:
    of_week = weeks.setdefault(week.date(), {})
    return [of_week.setdefault(name, Counts()) for name in ("", scanner or NOT_STATED)]


def _count(counts: Counts, row: tuple[Any, ...]) -> None:
    place, state, outcome, n, _ = row
    counts.outcomes[outcome or state] += n
    if outcome == _SCORED:
        counts.bins[_bin(place)] += n


def _count_read(counts: Counts, row: tuple[Any, ...]) -> None:
    place, presence, shown, reason, n, total = row
    if shown:
        counts.seen[presence, shown] += n
    if reason:
        counts.reasons[reason] += n
    if place is not None and presence in {"present", "absent"}:
        counts.observed[_bin(place)][presence == "absent"] += n
        counts.expected[_bin(place)] += total or 0.0


def _bin(place: float) -> int:
    return min(int(place), BINS - 1)


def _every_week(weeks: dict[date, Counts]) -> dict[date, Counts]:
    """Return the weeks in their order, those without anything between them too."""
    if not weeks:
        return {}
    week, found = min(weeks), {}
    while week <= max(weeks):
        found[week] = weeks.get(week, Counts())
        week += timedelta(days=7)
    return found
