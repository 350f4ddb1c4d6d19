"""What must be true of deployments, pauses and their audit events."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from portal.audit.models import AuditEvent
from portal.audit.services import SYSTEM
from portal.predictions.models import (
    Deployment,
    ModelReport,
    ModelVersion,
    Pause,
    Prediction,
    Proposal,
    SitePrevalence,
    Widening,
)
from portal.predictions.selectors import live_workers

STOPS_WITHIN = timedelta(seconds=5)
CANCELLED_WITHIN = timedelta(minutes=1)
Action = AuditEvent.Action
Acts = Counter[tuple[str, str]]


def deployment_breaches() -> Iterator[str]:
    """Yield what contradicts that a paused version rests, and that somebody answers for it."""
    for deployment in Deployment.objects.select_related("site", "model_version").order_by("pk"):
        paused = deployment.status == Deployment.Status.PAUSED
        open_pauses = Pause.objects.filter(deployment=deployment, resumed_at=None).count()
        if paused and not open_pauses:
            yield f"{deployment}: nobody paused it"
        if open_pauses and deployment.status in (Deployment.Status.LIVE, Deployment.Status.SHADOW):
            yield f"{deployment}: it goes on, and nobody let it"
    for pause in Pause.objects.select_related("deployment__site", "deployment__model_version"):
        for prediction in _started_during(pause):
            yield f"prediction {prediction.pk}: it was started while {pause.deployment} rested"
    yield from _left_waiting()
    foreign = Prediction.objects.exclude(widening=None).exclude(
        widening__site=F("site"), widening__model_version=F("model_version")
    )
    for prediction in foreign:
        yield f"prediction {prediction.pk}: the widening it was scored by is not its own"


def model_acts() -> Iterator[tuple[Acts, AuditEvent.Action]]:
    """Yield how often each act on a model was done, by chain and subject, and its event."""
    versions = ModelVersion.objects.all()
    yield Counter((SYSTEM, f"model:{version}") for version in versions), Action.MODEL_REGISTERED
    reports = ModelReport.objects.select_related("model_version")
    reported = Counter((SYSTEM, f"model:{report.model_version}") for report in reports)
    yield reported, Action.MODEL_REPORTED
    deployments = Deployment.objects.select_related("site", "model_version")
    yield _acts(deployments.filter(started_by=None)), Action.MODEL_DEPLOYED
    yield _acts(deployments.exclude(started_by=None)), Action.MODEL_SHADOWED
    yield _acts(deployments.exclude(reads_from=None).exclude(until=None)), Action.MODEL_ENDED
    yield from _proposal_acts()
    yield from _widening_acts()
    pauses = Pause.objects.select_related("deployment__site", "deployment__model_version")
    yield Counter(_act(pause.deployment) for pause in pauses), Action.MODEL_PAUSED
    resumed = pauses.exclude(resumed_at=None)
    yield Counter(_act(pause.deployment) for pause in resumed), Action.MODEL_RESUMED
    entered = SitePrevalence.objects.select_related("site")
    sites = Counter((row.site.slug, f"site:{row.site.slug}") for row in entered)
    yield sites, Action.PREVALENCE_ENTERED


def _proposal_acts() -> Iterator[tuple[Acts, AuditEvent.Action]]:
    proposals = Proposal.objects.select_related("site", "model_version")
    yield _acts(proposals), Action.MODEL_PROPOSED
    yield _acts(proposals.filter(state=Proposal.State.DECLINED)), Action.MODEL_DECLINED
    yield _acts(proposals.filter(state=Proposal.State.WITHDRAWN)), Action.MODEL_WITHDRAWN


def _widening_acts() -> Iterator[tuple[Acts, AuditEvent.Action]]:
    widenings = Widening.objects.select_related("site", "model_version")
    decided = widenings.exclude(decided_at=None)
    yield _acts(widenings), Action.WIDENING_PROPOSED
    yield _acts(decided.exclude(state=Widening.State.DECLINED)), Action.WIDENING_APPROVED
    yield _acts(decided.filter(state=Widening.State.DECLINED)), Action.WIDENING_DECLINED
    yield _acts(widenings.filter(state=Widening.State.WITHDRAWN)), Action.WIDENING_WITHDRAWN


def _acts(rows: QuerySet[Deployment] | QuerySet[Proposal] | QuerySet[Widening]) -> Acts:
    return Counter(_act(row) for row in rows)


def _act(row: Deployment | Proposal | Widening) -> tuple[str, str]:
    return row.site.slug, f"model:{row.model_version}"


def _started_during(pause: Pause) -> QuerySet[Prediction]:
    deployment = pause.deployment
    started = Prediction.objects.filter(
        site=deployment.site_id,
        model_version=deployment.model_version_id,
        started_at__gt=pause.paused_at + STOPS_WITHIN,
    )
    ended = pause.resumed_at or deployment.until
    return started.filter(started_at__lt=ended) if ended else started


def _left_waiting() -> Iterator[str]:
    """Yield what waits for a paused version although the sweep is there to cancel it."""
    if not live_workers("general", within=CANCELLED_WITHIN).exists():
        return
    for pause in Pause.objects.filter(
        deployment__status=Deployment.Status.PAUSED,
        resumed_at=None,
        paused_at__lt=Now() - CANCELLED_WITHIN,
    ).select_related("deployment__site", "deployment__model_version"):
        deployment = pause.deployment
        waiting = Prediction.objects.filter(
            site=deployment.site_id,
            model_version=deployment.model_version_id,
            state=Prediction.State.QUEUED,
        )
        if count := waiting.count():
            yield f"{deployment}: {count} predictions wait for it"
