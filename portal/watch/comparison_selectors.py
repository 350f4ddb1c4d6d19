"""Read side of a challenger beside the live version, on the signed studies of one site."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.utils import timezone

from portal.accounts.models import Site, User
from portal.accounts.roles import READS, May
from portal.errors import NotFound
from portal.predictions.deployment_selectors import challenger_at, current_deployment
from portal.predictions.models import ModelVersion, OperatingPoint
from portal.predictions.operating_point_models import FEWEST
from portal.predictions.operating_point_selectors import point_at
from portal.reviews.signed_selectors import signed_scores, usual_days
from portal.shares import Share
from portal.watch.paired import (
    Difference,
    Matched,
    auc,
    auc_difference,
    matched,
    share_difference,
)
from portal.watch.subgroups import Pair, Subgroup, Values, subgroups_of, values_of_studies

MOST_CASES = 100
"""Studies on which the two differ that are listed, newest first."""
Classes = tuple[list[float], list[float]]
Held = tuple[ModelVersion, OperatingPoint | None]
"""A version and the site's own cut-off of it, if it has one."""


class NothingToCompare(NotFound):
    """The version is what is live, or nothing is."""

    code = "nothing_to_compare"


class TooFewToTell(NotFound):
    """Of so few signed studies a figure would tell who reads what a challenger said of them."""

    code = "too_few_to_tell"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its cut-off at the site, and what it would have said at it."""

    version: ModelVersion
    threshold: float
    is_own: bool
    """Whether the cut-off is the site's own."""
    auc: float | None
    sensitivity: Share
    specificity: Share


@dataclass(frozen=True, slots=True)
class Case:
    """A study on which the two findings differ. A score is 0 to 1."""

    study_instance_uid: str
    signed_at: datetime
    is_present: bool
    live: float
    challenger: float
    challenger_is_right: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both on the same studies: those that a person signed as present or absent.

    Signed from ``since`` to ``until``, both included. ``set_sha256`` is of the sorted lines
    ``StudyInstanceUID review score score``, the live version's first, a newline after each.
    """

    since: date
    until: date
    set_sha256: str
    live: Side
    challenger: Side
    left_out: int
    saw_ai: int
    auc: Difference | None
    sensitivity: Difference | None
    specificity: Difference | None
    on_present: Matched
    on_absent: Matched
    subgroups: Sequence[Subgroup]
    cases: Sequence[Case] | None
    """None: which studies they are is not for whoever asks."""
    more_cases: int

    @property
    def n_present(self) -> int:
        """How many studies were signed as present."""
        return self.on_present.of

    @property
    def n_absent(self) -> int:
        """How many studies were signed as absent."""
        return self.on_absent.of

    @property
    def n(self) -> int:
        """How many studies the figures are over."""
        return self.n_present + self.n_absent


def comparison_at(
    site: Site, challenger: ModelVersion, days: tuple[date, date] | None = None
) -> Comparison | None:
    """Return ``challenger`` beside what is live or paused at ``site``; None if that is itself.

    A study counts if both have scored it, for the readers or in shadow, and somebody has signed
    it in ``days``; None: in the usual ones. It is read by three queries a version and two for the
    subgroups, however many studies.
    """
    current = current_deployment(site)
    if current is None or current.model_version == challenger:
        return None
    return comparison_of(site, current.model_version, challenger, days=days or usual_days())


def comparison_for(
    user: User, challenger: ModelVersion, days: tuple[date, date] | None = None
) -> Comparison | None:
    """Return `comparison_at` the site of ``user``.

    For who may not see single studies of it without them, and of the usual days alone: of a day
    with one study a figure would say what its score is. While it is tried nobody may who reads,
    whatever else they are: a signed study can still be amended, or adjudicated.

    Raises
    ------
    TooFewToTell
        It is tried, ``user`` reads, and there are some studies but not `FEWEST` of each kind.
    """
    is_kept = is_kept_from(user, challenger)
    if user.may(May.COMPARE_BY_STUDY) and not is_kept:
        return comparison_at(user.site, challenger, days)
    found = comparison_at(user.site, challenger)
    if found and found.n and is_kept and min(found.n_present, found.n_absent) < FEWEST:
        raise TooFewToTell(
            f"Of the signed studies {found.n_present} with pneumonia and {found.n_absent} without "
            f"have scores of both. Who reads is told figures from {FEWEST} of each on: of fewer "
            f"they would tell what {challenger} said of single studies."
        )
    return found and replace(found, cases=None, more_cases=0)


def is_kept_from(user: User, version: ModelVersion) -> bool:
    """Return whether ``user`` must not learn what ``version`` says of single studies.

    Whoever reads must not while it is tried at their site.
    """
    return any(map(user.may, READS)) and challenger_at(user.site, version) is not None


def comparison_of(
    site: Site,
    live: ModelVersion,
    challenger: ModelVersion,
    *,
    days: tuple[date, date],
    as_of: datetime | None = None,
) -> Comparison:
    """Return two versions on what both have scored and somebody has signed in ``days``.

    With the cut-offs, scores and reviews of the moment ``as_of``; None: of now.
    """
    ours = {row.study_id: row for row in signed_scores(site, live, *days, as_of=as_of)}
    theirs = signed_scores(site, challenger, *days, as_of=as_of)
    pairs = [(ours[row.study_id], row) for row in theirs if row.study_id in ours]
    now = as_of or timezone.now()
    points = point_at(site, live, now), point_at(site, challenger, now)
    values = values_of_studies(site, challenger, days)
    return _compare(((live, points[0]), (challenger, points[1])), pairs, days, values)


def _compare(
    versions: tuple[Held, Held],
    pairs: Sequence[Pair],
    days: tuple[date, date],
    values: dict[int, Values],
) -> Comparison:
    counted = [pair for pair in pairs if pair[0].is_present is not None]
    present = [pair for pair in counted if pair[0].is_present]
    absent = [pair for pair in counted if not pair[0].is_present]
    first, second = (_classes(present, absent, which) for which in (0, 1))
    live, challenger = (
        _side(*held, scores) for held, scores in zip(versions, (first, second), strict=True)
    )
    cuts = live.threshold, challenger.threshold
    on_present = _right(first[0], second[0], cuts, is_present=True)
    on_absent = _right(first[1], second[1], cuts, is_present=False)
    cases = _cases(counted, cuts)
    return Comparison(
        since=days[0],
        until=days[1],
        set_sha256=_digest(pairs),
        live=live,
        challenger=challenger,
        left_out=len(pairs) - len(counted),
        saw_ai=sum(pair[0].saw_ai for pair in counted),
        auc=auc_difference(first, second),
        sensitivity=share_difference(on_present),
        specificity=share_difference(on_absent),
        on_present=on_present,
        on_absent=on_absent,
        subgroups=subgroups_of(counted, values, cuts),
        cases=cases[:MOST_CASES],
        more_cases=max(0, len(cases) - MOST_CASES),
    )


def _digest(pairs: Sequence[Pair]) -> str:
    lines = sorted(
        f"{live.study_instance_uid} {live.review_id} {live.score!r} {other.score!r}\n"
        for live, other in pairs
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _classes(present: Sequence[Pair], absent: Sequence[Pair], which: int) -> Classes:
    return [pair[which].score for pair in present], [pair[which].score for pair in absent]


def _side(version: ModelVersion, point: OperatingPoint | None, scores: Classes) -> Side:
    threshold = point.threshold if point else version.threshold
    present, absent = scores
    return Side(
        version=version,
        threshold=threshold,
        is_own=point is not None,
        auc=auc(present, absent),
        sensitivity=Share(len(present), sum(score >= threshold for score in present)),
        specificity=Share(len(absent), sum(score < threshold for score in absent)),
    )


def _right(
    first: Sequence[float],
    second: Sequence[float],
    cuts: tuple[float, float],
    *,
    is_present: bool,
) -> Matched:
    return matched(
        [(score >= cuts[0]) == is_present for score in first],
        [(score >= cuts[1]) == is_present for score in second],
    )


def _cases(pairs: Sequence[Pair], cuts: tuple[float, float]) -> list[Case]:
    """Return where the two findings differ, newest first."""
    differ = [pair for pair in pairs if (pair[0].score >= cuts[0]) != (pair[1].score >= cuts[1])]
    differ.sort(key=lambda pair: (pair[0].signed_at, pair[0].study_id), reverse=True)
    return [
        Case(
            study_instance_uid=live.study_instance_uid,
            signed_at=live.signed_at,
            is_present=bool(live.is_present),
            live=live.score,
            challenger=other.score,
            challenger_is_right=(other.score >= cuts[1]) == live.is_present,
        )
        for live, other in differ
    ]
