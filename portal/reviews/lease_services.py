"""Write side of the worklist's leases."""

from contextlib import AbstractContextManager

from django.db import transaction
from django.db.models.functions import Now

from portal.accounts.models import User
from portal.audit.services import Action, record, refusals_recorded
from portal.errors import Conflict, Forbidden
from portal.reviews.lease_selectors import LEASE, lease_of, may_take, unread
from portal.reviews.models import StudyLease
from portal.studies.models import Study


class MayNotTake(Forbidden):
    """The worklist is for people who read."""

    code = "may_not_take"


class HeldByAnother(Conflict):
    """A colleague has the study in hand."""

    code = "held_by_another"


def take_next_study(*, by: User) -> StudyLease | None:
    """Return the study that is due first, now ``by``'s for a quarter of an hour; None if none is.

    A person has one at a time: what they had in hand is put back. Two people who ask at once
    get two studies.

    Raises
    ------
    MayNotTake
    """
    with _answered_for("take", by), transaction.atomic():
        _allow(by)
        User.objects.select_for_update(no_key=True).get(pk=by.pk)  # of two clicks the second waits
        before = _put_back(by)
        lease = _take(by)
        if lease is not None:
            record(
                Action.WORKLIST_TAKEN,
                chain=by.site.slug,
                subject=f"study:{lease.study}",
                by=by,
                put_back=before,
            )
    return lease


def release_study(*, study: Study, by: User) -> None:
    """Put ``study`` back on the worklist; if nobody has it in hand, it is there already.

    Raises
    ------
    MayNotTake, HeldByAnother
    """
    with _answered_for("release", by, study), transaction.atomic():
        _allow(by)
        Study.objects.select_for_update(no_key=True).get(pk=study.pk)
        lease = lease_of(study)
        if lease is None:
            return
        if lease.reader_id != by.pk:
            raise HeldByAnother("A colleague has this study in hand.")
        StudyLease.objects.filter(pk=lease.pk).update(until=Now())
        record(Action.WORKLIST_RELEASED, chain=by.site.slug, subject=f"study:{study}", by=by)


def _answered_for(act: str, by: User, study: Study | None = None) -> AbstractContextManager[None]:
    return refusals_recorded(
        Action.WORKLIST_REFUSED,
        chain=by.site.slug,
        subject=f"study:{study}" if study else f"user:{by.username}",
        by=by,
        act=act,
    )


def _allow(by: User) -> None:
    if not may_take(by):
        raise MayNotTake("Taking studies from the worklist is for readers and reviewers.")


def _put_back(by: User) -> list[str]:
    """Take what the person has in hand away and return the UIDs of what nobody has read."""
    held = StudyLease.objects.filter(reader=by, until__gt=Now())
    still_unread = held.filter(study__reviews=None)
    uids = list(still_unread.values_list("study__study_instance_uid", flat=True))
    held.update(until=Now())
    return uids


def _take(by: User) -> StudyLease | None:
    """Return the new lease on the first study that nobody takes at the same moment."""
    gone: list[int] = []
    while True:
        free = unread(by).exclude(pk__in=gone)
        study = free.select_for_update(skip_locked=True, no_key=True, of=("self",)).first()
        if study is None:
            return None
        # with the row locked, look again: a colleague may have committed since the query began
        if unread(by).filter(pk=study.pk).exists():
            StudyLease.objects.update_or_create(
                study=study, defaults={"reader": by, "until": Now() + LEASE}
            )
            return StudyLease.objects.select_related("study", "reader").get(study=study)
        gone.append(study.pk)
