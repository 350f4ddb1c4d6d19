"""Read side of what is read in shadow: only workers and people who decide on models look."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from portal.predictions.deployment_models import Deployment
from portal.predictions.deployment_selectors import SERVING, TRIED
from portal.predictions.models import Prediction
from portal.predictions.shadow_models import ShadowScore

State = ShadowScore.State


@dataclass(frozen=True, slots=True)
class ShadowCount:
    """How many images a challenger has read in shadow, scored, failed at, and has still to read."""

    read: int
    scored: int
    failed: int
    due: int


def challengers() -> QuerySet[Deployment]:
    """Return what is tried anywhere, in shadow or as a canary."""
    rows = Deployment.objects.filter(status__in=TRIED).select_related("model_version", "site")
    return rows.order_by("pk")


def due_in_shadow(challenger: Deployment) -> QuerySet[Prediction]:
    """Return what others have read and ``challenger`` not yet, oldest first.

    What it read in an earlier trial at the site it need not read again.
    """
    known = ShadowScore.objects.filter(
        instance=OuterRef("instance"),
        deployment__site=challenger.site_id,
        deployment__model_version=challenger.model_version_id,
    )
    done = Prediction.objects.filter(
        ~Exists(known),
        site=challenger.site_id,
        requested_at__gte=challenger.reads_from,
        state=Prediction.State.DONE,
    )
    return done.exclude(model_version=challenger.model_version_id).order_by("requested_at", "pk")


def lost_in_shadow() -> QuerySet[ShadowScore]:
    """Return what was begun for a challenger and not ended while its lease lasted."""
    lost = ShadowScore.objects.filter(
        state=State.RUNNING, lease_until__lt=Now(), deployment__status__in=TRIED
    )
    return lost.order_by("lease_until", "pk")


def shadow_work_exists() -> bool:
    """Return whether a worker with nothing better to do could read something in shadow."""
    return lost_in_shadow().exists() or any(due_in_shadow(one).exists() for one in challengers())


def shadow_count(challenger: Deployment) -> ShadowCount:
    """Return how far a challenger is."""
    rows = ShadowScore.objects.filter(deployment=challenger)
    return ShadowCount(
        read=rows.filter(state=State.DONE).count(),
        scored=rows.filter(outcome=Prediction.Outcome.SCORED).count(),
        failed=rows.filter(state=State.FAILED).count(),
        due=due_in_shadow(challenger).count(),
    )


def idle_versions(among: Collection[int]) -> set[int]:
    """Return those of the versions ``among``, by primary key, that a worker needs no more.

    They serve and are tried nowhere, and nothing waits for them or is being read by them. What is
    paused may be resumed at any moment, so it is needed.
    """
    here = Deployment.objects.filter(model_version__in=among, status__in=SERVING + TRIED)
    unfinished = (Prediction.State.QUEUED, Prediction.State.RUNNING)
    waits = Prediction.objects.filter(model_version__in=among, state__in=unfinished)
    return set(among).difference(
        *(rows.values_list("model_version", flat=True) for rows in (here, waits))
    )
