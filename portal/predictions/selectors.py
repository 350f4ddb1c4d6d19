"""Read side of predictions."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import (
    Case,
    Count,
    F,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    When,
)
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from portal.accounts.models import User
from portal.errors import NotFound
from portal.predictions.models import Deployment, ModelVersion, Prediction, Worker
from portal.predictions.prevalence_selectors import with_prevalence
from portal.studies.models import Instance, Study
from portal.studies.selectors import visible_instances

State = Prediction.State
LEADING = (
    F("score").desc(nulls_last=True),
    Case(When(state=State.CANCELLED, then=1), default=0),
    F("requested_at").desc(),
    F("pk").asc(),
)
"""The order in which the predictions of a study stand for it: the highest score, else what was
asked for last and not cancelled."""


class NoSuchPrediction(NotFound):
    """There is none of this id where the user may look."""

    code = "no_such_prediction"


class NoSuchMap(NotFound):
    """It is not scored, or its version does not show where it looked."""

    code = "no_such_map"


def live_versions() -> QuerySet[ModelVersion]:
    """Return every version that reads for readers anywhere: what a worker must be able to run."""
    reads = (Deployment.Status.LIVE, Deployment.Status.CANARY)
    return ModelVersion.objects.filter(deployments__status__in=reads).distinct()


def visible_predictions(user: User) -> QuerySet[Prediction]:
    """Return what ``user`` may see."""
    return Prediction.objects.filter(instance__in=visible_instances(user)).select_related(
        "instance__series__study", "model_version", "site", "widening", "operating_point"
    )


def shown_predictions(user: User) -> QuerySet[Prediction]:
    """Return what ``user`` may see, each with its ``place`` and its site's ``site_prevalence``."""
    return with_prevalence(with_place(visible_predictions(user)))


def prediction_of(user: User, prediction_id: UUID) -> Prediction:
    """Return one prediction.

    Raises
    ------
    NoSuchPrediction
    """
    prediction = shown_predictions(user).filter(pk=prediction_id).first()
    if prediction is None:
        raise NoSuchPrediction("There is no such prediction.")
    return prediction


def map_of(prediction: Prediction) -> bytes:
    """Return the PNG of where the network looked.

    Raises
    ------
    NoSuchMap
    """
    if prediction.map_png is None:
        raise NoSuchMap("There is no map with this prediction.")
    return bytes(prediction.map_png)  # a memoryview on PostgreSQL


def predictions_of(study: Study) -> QuerySet[Prediction]:
    """Return the predictions of a study in the order they were asked for."""
    return (
        Prediction.objects.filter(instance__series__study=study)
        .select_related("instance", "model_version", "widening", "operating_point")
        .order_by("requested_at", "pk")
    )


def latest_prediction(instance: Instance) -> Prediction | None:
    """Return the newest prediction of an image, if any."""
    return Prediction.objects.filter(instance=instance).order_by("-requested_at", "pk").first()


def leading_prediction(study: Study) -> Prediction | None:
    """Return the one that a review names: of several images the highest scored."""
    scored = predictions_of(study).filter(outcome=Prediction.Outcome.SCORED)
    return scored.order_by("-score", "-requested_at", "pk").first()


def leading_predictions(user: User, studies: Collection[Study]) -> dict[int, Prediction]:
    """Return, by primary key of the study, the prediction that stands for each of ``studies``.

    One query however many.
    """
    seen = shown_predictions(user).filter(instance__series__study__in=studies)
    found: dict[int, Prediction] = {}
    for prediction in seen.order_by(*LEADING):
        found.setdefault(prediction.instance.series.study_id, prediction)
    return found


def with_place(predictions: QuerySet[Prediction]) -> QuerySet[Prediction]:
    """Return ``predictions``, each with its ``place`` in the queue: 1 is next, None not waiting.

    ``seen_at`` is when they were looked at, by the database's clock, as all their times are.
    """
    ahead = Q(priority__lt=OuterRef("priority")) | Q(
        priority=OuterRef("priority"), requested_at__lt=OuterRef("requested_at")
    )
    waiting = Prediction.objects.filter(ahead, state=State.QUEUED).order_by()
    count = waiting.values("state").annotate(count=Count("pk")).values("count")
    place = Coalesce(Subquery(count, output_field=IntegerField()), 0) + 1
    return predictions.annotate(
        place=Case(When(state=State.QUEUED, then=place), default=None), seen_at=Now()
    )


def wait_seconds(prediction: Prediction) -> float:
    """Return the time from the request to the latest start, in seconds; so far if it waits."""
    started = prediction.started_at if prediction.state != State.QUEUED else None
    return _between(prediction.requested_at, started or prediction.finished_at or _now(prediction))


def run_seconds(prediction: Prediction) -> float | None:
    """Return the time of the latest attempt, in seconds; so far if it runs; None before it."""
    if prediction.started_at is None or prediction.state == State.QUEUED:
        return None
    return _between(prediction.started_at, prediction.finished_at or _now(prediction))


def seen_within() -> timedelta:
    """Return how lately a worker that lives was seen: it says so four times a lease."""
    return timedelta(seconds=settings.OVERREAD_LEASE_SECONDS)


def live_workers(queue_name: str, *, within: timedelta) -> QuerySet[Worker]:
    """Return the workers of a queue that were seen lately."""
    return Worker.objects.filter(queue=queue_name, last_seen__gt=Now() - within)


def queue_state() -> dict[str, Any]:
    """Return ``queued``, ``running`` (rows) and ``oldest`` (seconds that the first has waited).

    By the partial indexes of the queue: what was finished long ago costs nothing.
    """
    queued = Prediction.objects.filter(state=State.QUEUED)
    waiting = queued.aggregate(queued=Count("pk"), first=Min("requested_at"), now=Max(Now()))
    first, now = waiting["first"], waiting["now"]
    return {
        "queued": waiting["queued"],
        "running": Prediction.objects.filter(state=State.RUNNING).count(),
        "oldest": max(0.0, (now - first).total_seconds()) if first else 0.0,
    }


def workers_seen(*, within: timedelta) -> list[Worker]:
    """Return the workers of every queue that were seen lately."""
    return list(Worker.objects.filter(last_seen__gt=Now() - within))


def queued_rows_exist() -> bool:
    """Return whether anything waits."""
    return Prediction.objects.filter(state=State.QUEUED).exists()


def _now(prediction: Prediction) -> datetime:
    seen_at: datetime | None = getattr(prediction, "seen_at", None)
    return seen_at or timezone.now()


def _between(start: datetime, end: datetime) -> float:
    return round(max(0.0, (end - start).total_seconds()), 3)
