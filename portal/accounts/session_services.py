"""Write side of sessions: what prolongs one, and what ends it."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.accounts.models import Attempts, Session, User
from portal.accounts.session_store import ends_at
from portal.audit.services import Action, Actor, record
from portal.errors import NotFound

NOTED_EVERY = timedelta(minutes=1)
_AT_ONCE = 500  # sessions a chore ends in one round


class NoSuchSession(NotFound):
    """The session is not this person's, or has ended."""

    code = "no_such_session"


def note_activity(session: Session) -> None:
    """Prolong a session because its person did something; written at most once a minute."""
    now = timezone.now()
    if timedelta(0) <= now - session.seen_at < NOTED_EVERY:
        return
    expire_date = ends_at(session.started_at, now)
    Session.objects.filter(pk=session.pk).update(seen_at=now, expire_date=expire_date)
    session.seen_at, session.expire_date = now, expire_date


@transaction.atomic
def end_session(*, user: User, number: UUID, by: Actor) -> None:
    """End one session of ``user``.

    Raises
    ------
    NoSuchSession
    """
    deleted, _ = Session.objects.filter(user=user, number=number).delete()
    if not deleted:
        raise NoSuchSession("There is no such session; it may have ended already.")
    _record(user, "ended", by=by, sessions=deleted)


@transaction.atomic
def end_sessions(*, user: User, why: str, by: Actor | None, keep: str = "") -> int:
    """End the sessions of ``user`` but the one with the key ``keep``; return how many."""
    deleted, _ = Session.objects.filter(user=user).exclude(pk=keep).delete()
    if deleted:
        _record(user, why, by=by, sessions=deleted)
    return deleted


@transaction.atomic
def end_everything_temporary() -> None:
    """End every session and one-time link, and forget every guess: an older day was put back.

    What has ended since that day would be alive again.
    """
    Session.objects.filter(user=None).delete()
    signed_in = User.objects.filter(pk__in=Session.objects.values("user"))
    for user in signed_in.select_related("site").order_by("site__slug", "pk"):
        end_sessions(user=user, why="restored", by=None)
    User.objects.exclude(link_digest="").update(link_digest="", link_expires_at=None)
    Attempts.objects.all().delete()


def end_expired_sessions() -> None:
    """Remove the sessions whose time is over; whoever was signed in there is told in the trail."""
    now = timezone.now()
    over = Session.objects.filter(expire_date__lte=now)
    over.filter(user=None).delete()
    for session in over.exclude(user=None).select_related("user__site")[:_AT_ONCE]:
        _end_expired(session)


@transaction.atomic
def _end_expired(session: Session) -> None:
    """End one; the row goes once, so of two chores at once one tells."""
    still = Session.objects.filter(pk=session.pk, expire_date__lte=timezone.now())
    deleted, _ = still.delete()
    if deleted and session.user:
        idle = timedelta(minutes=settings.OVERREAD_SESSION_IDLE_MINUTES)
        why = "idle" if session.expire_date >= session.seen_at + idle else "too_long"
        _record(session.user, why, by=None, sessions=1)


def _record(user: User, why: str, *, by: Actor | None, sessions: int) -> None:
    record(
        Action.SESSION_ENDED,
        chain=user.site.slug,
        subject=f"user:{user.username}",
        by=by,
        why=why,
        sessions=sessions,
    )
