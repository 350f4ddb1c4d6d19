"""Write side of what is read in shadow. No event tells of it: it concerns no reader."""

import math
import uuid
from collections.abc import Collection
from datetime import timedelta

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from portal.predictions.models import ModelVersion, Prediction
from portal.predictions.services import MAX_ATTEMPTS, Answer
from portal.predictions.shadow_models import ShadowScore
from portal.predictions.shadow_selectors import challengers, due_in_shadow, lost_in_shadow

State = ShadowScore.State


def claim_in_shadow(
    *, limit: int, lease: timedelta, without: Collection[ModelVersion] = ()
) -> list[ShadowScore]:
    """Return up to ``limit`` images of one challenger that are now ours to read in shadow.

    None of a challenger among ``without``. What was begun before and lost is claimed alone; after
    the third attempt it has failed.
    """
    token = uuid.uuid4()
    for lost in lost_in_shadow().exclude(deployment__model_version__in=without)[:limit]:
        if lost.attempt >= MAX_ATTEMPTS:
            fail_in_shadow(lost, "gave_up")
        elif _mine(lost).update(
            attempt=F("attempt") + 1, lease_token=token, lease_until=Now() + lease
        ):
            return _held(token)
    for challenger in challengers().exclude(model_version__in=without):
        # A study read by two versions for the readers is due twice, and read once.
        due = due_in_shadow(challenger).values_list("instance", flat=True)[:limit]
        rows = [
            ShadowScore(
                deployment=challenger,
                instance_id=instance,
                lease_token=token,
                lease_until=Now() + lease,
            )
            for instance in dict.fromkeys(due)
        ]
        if rows:
            ShadowScore.objects.bulk_create(rows, ignore_conflicts=True)
            return _held(token)  # nothing, if another worker was faster with all of them
    return []


def complete_in_shadow(row: ShadowScore, answer: Answer) -> bool:
    """Store what a challenger said; return False if the row is no longer ours."""
    scored = answer.outcome == Prediction.Outcome.SCORED
    if scored and not (answer.score is not None and math.isfinite(answer.score)):
        raise ValueError("a score is a finite number")
    ended = _mine(row).update(
        state=State.DONE,
        finished_at=Now(),
        outcome=answer.outcome,
        score=answer.score if scored else None,
        code=answer.code,
        provenance=answer.provenance,
    )
    return bool(ended)


def fail_in_shadow(row: ShadowScore, code: str) -> bool:
    """Store why a challenger said nothing; return False if the row is no longer ours."""
    return bool(_mine(row).update(state=State.FAILED, finished_at=Now(), code=code))


def _mine(row: ShadowScore) -> QuerySet[ShadowScore]:
    return ShadowScore.objects.filter(pk=row.pk, state=State.RUNNING, lease_token=row.lease_token)


def _held(token: uuid.UUID) -> list[ShadowScore]:
    rows = ShadowScore.objects.filter(lease_token=token, state=State.RUNNING)
    joined = rows.select_related("instance", "deployment__model_version", "deployment__site")
    return list(joined.order_by("pk"))
