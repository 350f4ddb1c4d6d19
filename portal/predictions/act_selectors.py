"""Read side of who did what to predictions: the trail knows, the rows need not."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from portal.accounts.models import Site
from portal.audit.models import AuditEvent
from portal.predictions.models import Prediction

Action = AuditEvent.Action


@dataclass(slots=True)
class Acts:
    """What people did to one prediction, by username; empty where nobody did.

    ``asked_by`` sent the image or, if ``is_retry``, let the model try again. Who paused a model
    has cancelled what waited for it.
    """

    asked_by: str = ""
    is_retry: bool = False
    cancelled_by: str = ""


def acts_on(predictions: Iterable[Prediction], *, site: Site) -> dict[UUID, Acts]:
    """Return what people did to each of ``predictions``, by primary key. One query."""
    found = {prediction.pk: Acts() for prediction in predictions}
    subjects = {f"prediction:{pk}": acts for pk, acts in found.items()}
    for event in AuditEvent.objects.filter(
        chain=site.slug,
        subject__in=subjects,
        action__in=(Action.PREDICTION_REQUESTED, Action.PREDICTION_CANCELLED),
    ):
        acts = subjects[event.subject]
        if event.action == Action.PREDICTION_CANCELLED:
            acts.cancelled_by = event.actor
        else:
            acts.asked_by, acts.is_retry = event.actor, bool(event.detail.get("retry_of"))
    return found
