"""Read side of signed studies: what one version scored them, beside what a person signed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import Exists, Max, OuterRef, QuerySet
from django.utils import timezone

from portal.accounts.models import Site
from portal.predictions.models import ModelVersion, Prediction, ShadowScore
from portal.reviews.models import Presence, Purpose, Review

USUAL_DAYS = 365
"""Of signing, that are looked at unless others are asked for: the rows of a site only grow."""
Days = tuple[date | None, date | None]
"""Of signing, in UTC: the first and the last, both included; None: without an end."""


@dataclass(frozen=True, slots=True)
class SignedScore:
    """One signed study: the highest score of a version on it, and the review that stands.

    ``score`` is a probability, 0 to 1; ``presence`` what the person signed, one of `Presence`.
    """

    study_id: int
    study_instance_uid: str
    score: float
    presence: str
    review_id: int
    signed_at: datetime
    saw_ai: bool
    """Whether a model's answer, of any version, was shown to the reader who signed."""

    @property
    def is_present(self) -> bool | None:
        """Whether the study shows pneumonia; None if the person could not say."""
        return None if self.presence == Presence.INDETERMINATE else self.presence == "present"


def signed_scores(
    site: Site,
    version: ModelVersion,
    since: date | None = None,
    until: date | None = None,
    *,
    as_of: datetime | None = None,
) -> list[SignedScore]:
    """Return the signed studies of ``site`` that ``version`` scored, in the order of their rows.

    The database leaves out what was not signed in the days that are asked for.

    For the readers or in shadow. The adjudication's review counts, else the first reader's; of
    several images the highest score. Three queries, however many.

    Parameters
    ----------
    since, until : date, optional
        Days, in UTC, in which the review that stands was signed, both included.
    as_of : datetime, optional
        What stood and was scored then. Reviews and scores are never edited, so the answer for a
        moment that has passed stays the same. None: now.
    """
    days = since, until
    highest = _highest(site, version, days, as_of)
    reviews = _standing(site, days, as_of).filter(study__in=_scored_by(site, version))
    return [
        SignedScore(
            study_id=study,
            study_instance_uid=uid,
            score=highest[study],
            presence=presence,
            review_id=review,
            signed_at=signed_at,
            saw_ai=bool(shown),
        )
        for study, uid, review, signed_at, presence, shown in _one_a_study(reviews)
        if study in highest and _within(signed_at, days)
    ]


def usual_days(until: date | None = None) -> tuple[date, date]:
    """Return the last `USUAL_DAYS` up to ``until``; None: up to today, in UTC."""
    last = until or timezone.now().date()
    return date.fromordinal(max(1, last.toordinal() - USUAL_DAYS)), last  # none is before day 1


def scored_images(site: Site, version: ModelVersion, days: Days) -> tuple[QuerySet[Any], ...]:
    """Return what ``version`` scored of studies signed in ``days``: for the readers, in shadow."""
    scores: tuple[QuerySet[Any], ...] = _for_readers(site, version), _in_shadow(site, version)
    if days == (None, None):
        return scores
    signed = _signed_in(site, days).values("study")
    return tuple(rows.filter(instance__series__study__in=signed) for rows in scores)


def _highest(
    site: Site, version: ModelVersion, days: Days, as_of: datetime | None
) -> dict[int, float]:
    """Return the highest score of ``version`` on each study, by its primary key."""
    found: dict[int, float] = {}
    for scores in scored_images(site, version, days):
        until = scores.filter(finished_at__lte=as_of) if as_of else scores
        of_study = until.order_by().values_list("instance__series__study")
        for study, score in of_study.annotate(highest=Max("score")):
            found[study] = max(score, found.get(study, 0.0))
    return found


def _scored_by(site: Site, version: ModelVersion) -> QuerySet[Any, tuple[int]]:
    """Return the primary keys of the studies that ``version`` has scored."""
    read = _for_readers(site, version).order_by().values_list("instance__series__study")
    return read.union(
        _in_shadow(site, version).order_by().values_list("instance__series__study"), all=True
    )


def _for_readers(site: Site, version: ModelVersion) -> QuerySet[Prediction]:
    return Prediction.objects.filter(site=site, model_version=version, outcome="scored")


def _in_shadow(site: Site, version: ModelVersion) -> QuerySet[ShadowScore]:
    mine = {"deployment__site": site, "deployment__model_version": version}
    return ShadowScore.objects.filter(**mine, outcome="scored")


def _signed_in(site: Site, days: Days) -> QuerySet[Review]:
    """Return every review that was signed in ``days``, whether it stands or not."""
    first, last = _moments(days)
    rows = Review.objects.filter(study__site=site)
    rows = rows.filter(signed_at__gte=first) if first else rows
    return rows.filter(signed_at__lte=last) if last else rows


def _standing(site: Site, days: Days, as_of: datetime | None) -> QuerySet[Review]:
    """Return what stands of the studies of which something was signed in ``days``."""
    # not superseded_by=None: PostgreSQL takes that for one row, and looks each of them up
    signed = Review.objects.filter(signed_at__lte=as_of) if as_of else Review.objects.all()
    later = signed.filter(supersedes=OuterRef("pk"))
    standing = signed.filter(~Exists(later), study__site=site).exclude(purpose=Purpose.SECOND)
    if days == (None, None):
        return standing
    return standing.filter(study__in=_signed_in(site, days).values("study"))


def _one_a_study(
    reviews: QuerySet[Review],
) -> Iterator[tuple[int, str, int, datetime, str, str]]:
    columns = ("study", "study__study_instance_uid", "pk", "signed_at")
    said = ("finding__presence", "finding__shown")
    rows = reviews.order_by("study", "-purpose").values_list(*columns, *said)
    yield from {row[0]: row for row in rows}.values()  # the last of a study: its adjudication


def _within(moment: datetime, days: Days) -> bool:
    first, last = _moments(days)
    return (first is None or moment >= first) and (last is None or moment <= last)


def _moments(days: Days) -> tuple[datetime | None, datetime | None]:
    """Return the first and the last moment of ``days``."""
    since, until = days
    first = datetime.combine(since, time(), UTC) if since else None
    return first, datetime.combine(until, time.max, UTC) if until else None
