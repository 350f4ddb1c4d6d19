"""Read side of the worklist's leases: what comes next, and who has what."""

from collections.abc import Collection
from datetime import timedelta

from django.db.models import (
    Case,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Now

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.reviews.models import Review, StudyLease
from portal.studies.models import LEAST_URGENT, Study
from portal.studies.selectors import visible_studies

LEASE = timedelta(minutes=15)
AGING = timedelta(hours=12)
"""A study goes before those that came up to so much earlier, for each step that it is more urgent.

So each has a moment after which nothing that arrives can overtake it: none waits for ever.
"""


def may_take(user: User) -> bool:
    """Return whether ``user`` reads studies, and so may take one from the worklist."""
    return user.may(May.WRITE_FINDING) or user.may(May.SIGN)


def unread(user: User) -> QuerySet[Study]:
    """Return the studies that nobody has read and nobody has in hand, first the one due first.

    What ``user`` had within the last quarter of an hour comes after everything else.
    """
    lease = StudyLease.objects.filter(study=OuterRef("pk"))
    lately = lease.filter(reader=user, until__gt=Now() - LEASE)
    return (
        visible_studies(user)
        .exclude(Exists(Review.objects.filter(study=OuterRef("pk"))))
        .exclude(Exists(lease.filter(until__gt=Now())))
        .annotate(
            passed_over=Case(
                When(Exists(lately), then=Value(1)), default=Value(0), output_field=IntegerField()
            ),
            due=_due(),
        )
        .order_by("passed_over", "due", "pk")
    )


def _due() -> Case:
    """Return when a study is due. By cases: databases multiply durations in different ways."""
    steps = [
        When(
            priority=step, then=ExpressionWrapper(F("received_at") + step * AGING, DateTimeField())
        )
        for step in range(LEAST_URGENT + 1)
    ]
    return Case(*steps, output_field=DateTimeField())


def lease_of(study: Study) -> StudyLease | None:
    """Return who has ``study`` in hand now and has not read it, if anybody."""
    return leases_of([study]).get(study.pk)


def leases_of(studies: Collection[Study]) -> dict[int, StudyLease]:
    """Return, by primary key, who has which of ``studies`` in hand now and has not read it."""
    held = StudyLease.objects.filter(study__in=studies, study__reviews=None, until__gt=Now())
    held = held.select_related("reader")
    return {lease.study_id: lease for lease in held}
