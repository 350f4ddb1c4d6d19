"""Write side of predictions: every state change goes through here, as one conditional UPDATE."""

import logging
import math
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Now

from portal import logs, queue
from portal.accounts.models import User
from portal.audit.models import AuditEvent
from portal.audit.services import Action, record
from portal.errors import Conflict
from portal.predictions.deployment_selectors import locked_version_for
from portal.predictions.models import Deployment, ModelVersion, Prediction
from portal.predictions.operating_point_selectors import held_against
from portal.predictions.tally_services import count_ended, count_lost_leases
from portal.studies.models import Instance

State = Prediction.State
Outcome = Prediction.Outcome
MAX_ATTEMPTS = 3
PRIORITY = 5
logger = logging.getLogger(__name__)


class NotRunning(Conflict):
    """The prediction was taken back, finished or cancelled meanwhile; the answer is dropped."""

    code = "prediction_not_running"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a classifier said of one instance, ready to be stored.

    ``outcome`` is one of `Prediction.Outcome`; ``score`` (0 to 1) only if it is scored;
    ``widening`` names the one without which it would not be; the map, where the network looked.
    """

    outcome: str
    score: float | None = None
    finding: str = ""
    code: str = ""
    detail: str = ""
    remedy: str = ""
    unknown: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    widening: int | None = None
    map_png: bytes | None = None
    map_maximum: float | None = None


@transaction.atomic
def request_prediction(
    *,
    instance: Instance,
    by: User,
    priority: int = PRIORITY,
    retry_of: Prediction | None = None,
) -> Prediction | None:
    """Queue what reads the study at its site, live or canary; nothing live, no prediction.

    The deployment stays locked until the commit: who pauses it waits for that, and cancels this
    row too.
    """
    asked = instance.site, instance.series.study.study_instance_uid
    version = locked_version_for(*asked) or locked_version_for(*asked)
    if version is None:
        return None
    prediction = Prediction.objects.create(
        site=instance.site,
        instance=instance,
        model_version=version,
        priority=priority,
        requested_at=Now(),
        rung_at=Now(),
        request_id=logs.request_id(),
    )
    transaction.on_commit(partial(_say_requested, prediction))
    queue.ring_after_commit()
    record(
        Action.PREDICTION_REQUESTED,
        chain=instance.site.slug,
        subject=f"prediction:{prediction.pk}",
        by=by,
        instance=instance.sop_instance_uid,
        model=str(version),
        retry_of=str(retry_of.pk) if retry_of else "",
    )
    return prediction


def claim_predictions(
    *,
    limit: int,
    worker: str,
    lease: timedelta,
    claim_after: timedelta = timedelta(),
    without: Collection[ModelVersion] = (),
    ahead: bool = False,
) -> list[Prediction]:
    """Return up to ``limit`` predictions that are now ours, most urgent and oldest first.

    One UPDATE decides; zero rows means nothing to do. A row that has been tried before is
    claimed alone, so that an image that kills its worker cannot burn its neighbours' attempts;
    not at all ``ahead``, while its worker still reads something else.
    What waits for a version paused at its site is not claimed, nor what waits for ``without``.
    """
    token = uuid.uuid4()
    with transaction.atomic():
        waiting = _waiting(claim_after, without).select_for_update(skip_locked=True)
        first = waiting.first()
        if first is None or (ahead and first.attempt > 0):
            return []
        batch = [first.pk]
        if first.attempt == 0 and limit > 1:
            fresh = waiting.filter(attempt=0).values_list("pk", flat=True)
            batch = list(fresh[:limit])
        Prediction.objects.filter(pk__in=batch, state=State.QUEUED).update(
            state=State.RUNNING,
            attempt=F("attempt") + 1,
            started_at=Now(),
            lease_token=token,
            lease_until=Now() + lease,
            worker=worker,
        )
    return list(
        Prediction.objects.filter(lease_token=token)
        .select_related("instance", "model_version", "site")
        .order_by("priority", "requested_at", "pk")
    )


def renew_leases(*, tokens: Collection[uuid.UUID], lease: timedelta) -> int:
    """Prolong the batches that a worker has in hand and return how many rows that was.

    By token, not by worker: rows that a worker dropped on an error must run out. A lease that
    ran out is not renewed: the sweep may be giving the row to somebody else.
    """
    held = Prediction.objects.filter(
        state=State.RUNNING, lease_token__in=tokens, lease_until__gt=Now()
    )
    return held.update(lease_until=Now() + lease)


@transaction.atomic
def complete_prediction(prediction: Prediction, answer: Answer) -> None:
    """Store what the model said, with the disclaimer of the day.

    Raises
    ------
    NotRunning
    """
    if answer.score is not None and not math.isfinite(answer.score):
        raise ValueError("a score is a finite number")
    version = prediction.model_version
    score = answer.score if answer.outcome == Outcome.SCORED else None
    held = held_against(prediction.site, version, score, answer.finding)
    _finish(
        prediction,
        state=State.DONE,
        outcome=answer.outcome,
        disclaimer=version.disclaimer,
        code=answer.code,
        detail=answer.detail,
        remedy=answer.remedy,
        unknown=list(answer.unknown),
        provenance=answer.provenance,
        widening=answer.widening,
        map_png=answer.map_png,
        map_maximum=answer.map_maximum,
        **held,
    )
    told = {"outcome_of_model": answer.outcome, "code": answer.code, "widening": answer.widening}
    told["disclaimer"] = version.disclaimer_version
    if held["operating_point"]:
        told["operating_point"] = held["operating_point"].pk
    _record_end(Action.PREDICTION_COMPLETED, prediction, **told)


@transaction.atomic
def fail_prediction(prediction: Prediction, answer: Answer) -> None:
    """Store why there is no answer and will be none; `NotRunning` if it is no longer ours."""
    _finish(
        prediction,
        state=State.FAILED,
        code=answer.code,
        detail=answer.detail,
        remedy=answer.remedy,
        provenance=answer.provenance,
    )
    _record_end(Action.PREDICTION_FAILED, prediction, code=answer.code)


def sweep() -> int:
    """Take back what was lost on the way, and return how many rows were touched.

    Expired leases go back to the queue or, after the third attempt, to a human; rows that
    nobody was rung for lately are rung for again. Several sweeps may run at once.
    """
    touched = _take_back_expired()
    overdue = timedelta(seconds=settings.OVERREAD_RING_AFTER_SECONDS)
    unrung = Prediction.objects.filter(state=State.QUEUED, rung_at__lt=Now() - overdue)
    due = unrung.update(rung_at=Now())
    if touched or due:
        queue.ring()
    return touched + due


@transaction.atomic
def _take_back_expired() -> int:
    expired = list(
        Prediction.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(state=State.RUNNING, lease_until__lt=Now())
        .select_related("site", "model_version")
        .order_by("site__slug", "pk")  # two sweeps lock the heads of the chains in one order
    )
    for prediction in expired:
        with logs.bound(**named(prediction)):
            logger.warning("the lease of attempt %s ran out", prediction.attempt)
        if prediction.attempt >= MAX_ATTEMPTS:
            _give_up(prediction)
        else:
            _mine(prediction).update(
                state=State.QUEUED, lease_token=None, lease_until=None, rung_at=Now()
            )
    count_lost_leases(expired)
    return len(expired)


def _give_up(prediction: Prediction) -> None:
    detail = f"The worker was lost {MAX_ATTEMPTS} times while it read this image."
    remedy = (
        "Read the study without the AI. If a retry ends the same way, whoever runs the server "
        "has to look into the worker's log."
    )
    _finish(prediction, state=State.FAILED, code="gave_up", detail=detail, remedy=remedy)
    _record_end(Action.PREDICTION_FAILED, prediction, code="gave_up")


def _record_end(action: AuditEvent.Action, prediction: Prediction, **detail: Any) -> None:
    """Tell the trail, then count: a tally is written under the lock of the chain's head alone.

    Whoever took the two the other way round could wait for a sweep that waits for it.
    """
    record(
        action,
        chain=prediction.site.slug,
        subject=f"prediction:{prediction.pk}",
        by=None,
        model=str(prediction.model_version),
        attempt=prediction.attempt,
        **detail,
    )
    count_ended(prediction)


def _waiting(claim_after: timedelta, without: Collection[ModelVersion]) -> QuerySet[Prediction]:
    paused = Deployment.objects.filter(
        site=OuterRef("site"),
        model_version=OuterRef("model_version"),
        status=Deployment.Status.PAUSED,
    )
    waiting = Prediction.objects.filter(~Exists(paused), state=State.QUEUED)
    if without:
        waiting = waiting.exclude(model_version__in=without)
    if claim_after:
        waiting = waiting.filter(requested_at__lt=Now() - claim_after)
    return waiting.order_by("priority", "requested_at", "pk")


def _mine(prediction: Prediction) -> QuerySet[Prediction]:
    """Return the row if it is still in the attempt that ``prediction`` was claimed for."""
    return Prediction.objects.filter(
        pk=prediction.pk, state=State.RUNNING, lease_token=prediction.lease_token
    )


def _finish(prediction: Prediction, **changes: Any) -> None:
    over = {"finished_at": Now(), "lease_token": None, "lease_until": None}
    if not _mine(prediction).update(**over, **changes):
        raise NotRunning(f"prediction {prediction.pk} is no longer yours to finish")


def named(prediction: Prediction) -> dict[str, str]:
    """Return by what its log lines are found, from the door to the worker."""
    return {"prediction": str(prediction.pk), "request_id": prediction.request_id}


def _say_requested(prediction: Prediction) -> None:
    logger.info("prediction requested", extra=logs.fields(**named(prediction)))
