"""Pages that neither skip nor repeat what arrives meanwhile: the cursor names the last row."""

import re
from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet

from portal.api.problems import MalformedRequest
from portal.audit.models import AuditEvent
from portal.studies.models import Study

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def page_of_studies(
    studies: QuerySet[Study], *, limit: int, cursor: str | None
) -> tuple[list[Study], str | None]:
    """Return up to ``limit`` studies, newest first, and the cursor of the next page, if any.

    Raises
    ------
    MalformedRequest
        The cursor is none of ours.
    """
    if cursor is not None:
        at, pk = numbers_in(r"(\d{1,17})-(\d{1,18})", cursor)
        received = _EPOCH + at * _MICROSECOND
        studies = studies.filter(Q(received_at__lt=received) | Q(received_at=received, pk__lt=pk))
    rows = list(studies.order_by("-received_at", "-pk")[: limit + 1])
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], f"{(last.received_at - _EPOCH) // _MICROSECOND}-{last.pk}"


def page_of_events(
    events: QuerySet[AuditEvent], *, limit: int, cursor: str | None
) -> tuple[list[AuditEvent], str | None]:
    """Return up to ``limit`` events, newest first, and the cursor of the next page, if any.

    Raises
    ------
    MalformedRequest
        The cursor is none of ours.
    """
    if cursor is not None:
        (seq,) = numbers_in(r"(\d{1,18})", cursor)
        events = events.filter(seq__lt=seq)
    rows = list(events.order_by("-seq")[: limit + 1])
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], str(rows[limit - 1].seq)


def numbers_in(pattern: str, cursor: str) -> tuple[int, ...]:
    """Return the numbers that a cursor is made of.

    Raises
    ------
    MalformedRequest
        The cursor is none of ours.
    """
    parts = re.fullmatch(pattern, cursor, re.ASCII)
    if parts is None:
        raise MalformedRequest("The cursor is not one that this service gave.")
    return tuple(int(part) for part in parts.groups())
