"""What changed at a site, for those who poll.

The order is the audit chain's: its numbers have no gaps, and the next one is given only after the
one before is committed. So whoever has read up to a number has missed nothing, however many
write at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.accounts.models import User
from portal.audit.models import AuditEvent
from portal.audit.selectors import end_of, events_between
from portal.errors import Conflict
from portal.predictions.selectors import visible_predictions
from portal.studies.selectors import visible_instances, visible_studies

Action = AuditEvent.Action
KINDS = (
    Action.INSTANCE_RECEIVED,
    Action.PREDICTION_REQUESTED,
    Action.PREDICTION_COMPLETED,
    Action.PREDICTION_FAILED,
    Action.PREDICTION_CANCELLED,
    Action.REVIEW_SIGNED,
    Action.REVIEW_AMENDED,
)


class CursorAhead(Conflict):
    """The cursor is from a future that a restored backup does not know."""

    code = "cursor_ahead"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed. ``kind`` is the audit trail's word for it."""

    kind: str
    at: datetime
    study_instance_uid: str
    sop_instance_uid: str = ""
    prediction: UUID | None = None
    review: int | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """One page. ``cursor`` is where to go on, ``more`` whether something is there already."""

    changes: list[Change]
    cursor: int
    more: bool


def changes_since(user: User, *, after: int, limit: int) -> Changes:
    """Return what changed after number ``after``, as far as ``user`` may see it.

    At most ``limit`` events are looked at; of those that the user may not see nothing is told, so
    a page may be empty and there may be more.

    Raises
    ------
    CursorAhead
    """
    chain = user.site.slug
    end = end_of(chain)  # first: what is committed later comes with the next page
    if after > end:
        raise CursorAhead("The cursor is ahead of the site; begin again without one.")
    events = list(events_between(chain, after, end).filter(action__in=KINDS)[: limit + 1])
    more = len(events) > limit
    shown = events[:limit]
    return Changes(list(_seen(user, shown)), shown[-1].seq if more else end, more)


def _seen(user: User, events: list[AuditEvent]) -> Iterator[Change]:
    """Yield the changes whose rows ``user`` may see."""
    instances, predictions = _instances(user, events), _predictions(user, events)
    uids = _subjects(events, "study")
    own = visible_studies(user).filter(study_instance_uid__in=uids)
    studies = set(own.values_list("study_instance_uid", flat=True))
    for event in events:
        kind, _, subject = event.subject.partition(":")
        if kind == "instance" and subject in instances:
            yield Change(event.action, event.at, instances[subject], subject)
        elif kind == "prediction" and subject in predictions:
            study, image = predictions[subject]
            yield Change(event.action, event.at, study, image, UUID(subject))
        elif kind == "study" and subject in studies:
            yield Change(event.action, event.at, subject, review=event.detail["review"])


def _instances(user: User, events: Iterable[AuditEvent]) -> dict[str, str]:
    """Return the StudyInstanceUID by SOPInstanceUID."""
    seen = visible_instances(user).filter(sop_instance_uid__in=_subjects(events, "instance"))
    return dict(seen.values_list("sop_instance_uid", "series__study__study_instance_uid"))


def _predictions(user: User, events: Iterable[AuditEvent]) -> dict[str, tuple[str, str]]:
    """Return StudyInstanceUID and SOPInstanceUID by the id of a prediction."""
    seen = visible_predictions(user).filter(pk__in=_subjects(events, "prediction"))
    columns = ("pk", "instance__series__study__study_instance_uid", "instance__sop_instance_uid")
    return {str(pk): (study, image) for pk, study, image in seen.values_list(*columns)}


def _subjects(events: Iterable[AuditEvent], kind: str) -> set[str]:
    return {e.subject.partition(":")[2] for e in events if e.subject.startswith(f"{kind}:")}
