"""Read side of a study's history: what happened to it, from the rows themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from portal.accounts.models import User
from portal.audit.models import AuditEvent
from portal.predictions.act_selectors import acts_on
from portal.predictions.models import Prediction
from portal.predictions.selectors import visible_predictions
from portal.reviews.selectors import reviews_of
from portal.studies.models import Study
from portal.studies.selectors import visible_instances

Action = AuditEvent.Action
_ENDINGS: dict[str, AuditEvent.Action] = {
    Prediction.State.DONE: Action.PREDICTION_COMPLETED,
    Prediction.State.FAILED: Action.PREDICTION_FAILED,
    Prediction.State.CANCELLED: Action.PREDICTION_CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened to a study. ``event`` is the audit trail's word for it.

    ``by`` is a username, or empty for the machine; ``subject`` the id of what it happened to;
    ``what`` the outcome, code or finding it ended with.
    """

    at: datetime
    event: str
    by: str
    subject: str
    what: str = ""


def history_of(user: User, study: Study) -> list[Entry]:
    """Return what happened to ``study``, oldest first, as far as ``user`` may see it."""
    entries = [*_images(user, study), *_predictions(user, study), *_reviews(study)]
    return sorted(entries, key=lambda entry: entry.at)


def _images(user: User, study: Study) -> Iterator[Entry]:
    seen = visible_instances(user).filter(series__study=study).select_related("received_by")
    for instance in seen:
        by, uid = instance.received_by.username, instance.sop_instance_uid
        yield Entry(instance.received_at, Action.INSTANCE_RECEIVED.value, by, uid)


def _predictions(user: User, study: Study) -> Iterator[Entry]:
    seen = visible_predictions(user).filter(instance__series__study=study)
    rows = list(seen.select_related("acknowledged_by"))
    done = acts_on(rows, site=study.site)
    for row in rows:
        acts, pk = done[row.pk], str(row.pk)
        yield Entry(row.requested_at, Action.PREDICTION_REQUESTED.value, acts.asked_by, pk)
        if row.finished_at:
            event = _ENDINGS[row.state].value
            what = row.outcome or row.code or row.state
            yield Entry(row.finished_at, event, acts.cancelled_by, pk, what)
        if row.acknowledged_at and row.acknowledged_by:
            event, by = Action.PREDICTION_ACKNOWLEDGED.value, row.acknowledged_by.username
            yield Entry(row.acknowledged_at, event, by, pk, row.code)


def _reviews(study: Study) -> Iterator[Entry]:
    for row in reviews_of(study):
        event = Action.REVIEW_AMENDED if row.supersedes_id else Action.REVIEW_SIGNED
        by, found = row.reviewer.username, row.finding.presence
        yield Entry(row.signed_at, event.value, by, str(row.pk), found)
