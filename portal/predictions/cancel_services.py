"""Write side of what will not be read by the machine: cancelled, each with its event."""

import logging
from collections.abc import Iterable
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from portal import logs
from portal.accounts.models import User
from portal.audit.services import Action, record
from portal.predictions.models import MODEL_PAUSED, Deployment, Pause, Prediction
from portal.predictions.services import named

State = Prediction.State
logger = logging.getLogger(__name__)
BATCH = 200  # rows a transaction: the site's trail is locked meanwhile, and an event takes 2 ms
_ENDED = {
    "code": MODEL_PAUSED,
    "detail": "The version that was to read this image was taken out of use at this site.",
    "remedy": "Read the study without the AI, or ask again: the live version reads it then.",
}
_PAUSED = {
    "code": MODEL_PAUSED,
    "detail": "The model was paused at this site before it read this image.",
    "remedy": "Read the study without the AI.",
}


def cancel_paused_predictions() -> int:
    """Cancel what waits for a version that is paused at its site; return how many rows.

    At most one batch a site. The sweep calls it until nothing is left, so that a pause ends
    whatever happens to the process that began it.
    """
    waiting = Prediction.objects.filter(
        site=OuterRef("site"), model_version=OuterRef("model_version"), state=State.QUEUED
    )
    paused = Deployment.objects.filter(Exists(waiting), status=Deployment.Status.PAUSED)
    return sum(cancel_batch(pk) for pk in list(paused.order_by("pk").values_list("pk", flat=True)))


@transaction.atomic
def cancel_batch(pk: int) -> int:
    """Cancel a part of what waits for one deployment, in a transaction of its own.

    Nothing if the deployment was resumed or replaced before it was locked.
    """
    paused = Deployment.objects.filter(pk=pk, status=Deployment.Status.PAUSED)
    deployment = paused.select_for_update(no_key=True).first()
    if deployment is None:
        return 0
    rows = _waiting(deployment).select_for_update(skip_locked=True, of=("self",))
    return _cancel(deployment, rows[:BATCH])


def cancel_all_waiting(deployment: Deployment) -> int:
    """Cancel all that waits for a paused deployment, inside the transaction that locked it."""
    return _cancel(deployment, _waiting(deployment).select_for_update(of=("self",)))


def cancel_ended(deployment: Deployment, *, by: User) -> None:
    """Cancel all that waits for a canary, inside the transaction that ended it."""
    for row in _waiting(deployment).select_for_update(of=("self",)):
        cancel_waiting(row, by=by, **_ENDED)


def cancel_waiting(prediction: Prediction, *, by: User | None, **why: str) -> bool:
    """Cancel one row inside the caller's transaction; return False if it no longer waits."""
    cancelled = Prediction.objects.filter(pk=prediction.pk, state=State.QUEUED).update(
        state=State.CANCELLED, finished_at=Now(), **why
    )
    if not cancelled:
        return False
    transaction.on_commit(partial(_say_cancelled, prediction, why["code"]))
    record(
        Action.PREDICTION_CANCELLED,
        chain=prediction.site.slug,
        subject=f"prediction:{prediction.pk}",
        by=by,
        code=why["code"],
    )
    return True


def _waiting(deployment: Deployment) -> QuerySet[Prediction]:
    waiting = Prediction.objects.filter(
        site=deployment.site_id, model_version=deployment.model_version_id, state=State.QUEUED
    )
    return waiting.select_related("site").order_by("priority", "requested_at", "pk")


def _cancel(deployment: Deployment, rows: Iterable[Prediction]) -> int:
    pauses = Pause.objects.filter(deployment=deployment, resumed_at=None)
    pause = pauses.select_related("paused_by").first()
    by = pause.paused_by if pause else None  # that nobody answers for it is for I-8 to say
    return sum(cancel_waiting(row, by=by, **_PAUSED) for row in rows)


def _say_cancelled(prediction: Prediction, code: str) -> None:
    logger.info("prediction cancelled", extra=logs.fields(**named(prediction), code=code))
