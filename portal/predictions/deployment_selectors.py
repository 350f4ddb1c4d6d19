"""Read side of what is live at a site, who decided so, and who stopped it."""

from django.db.models import Case, Exists, OuterRef, Prefetch, QuerySet, Subquery, When

from portal.accounts.models import Site
from portal.errors import NotFound
from portal.predictions.deployment_models import Deployment, ModelVersion, Pause, Proposal
from portal.predictions.report_models import ModelReport
from portal.predictions.selectors import live_workers, seen_within

Status = Deployment.Status
SERVING = (Status.LIVE, Status.PAUSED)
TRIED = (Status.CANARY, Status.SHADOW)
MOST = 50  # rows of a history
_DECIDED = ("proposal__proposed_by", "proposal__decided_by")


class NoSuchModel(NotFound):
    """There is no registered version of this id."""

    code = "no_such_model"


def version_of(version_id: int) -> ModelVersion:
    """Return a registered version. Versions are the same at every site.

    Raises
    ------
    NoSuchModel
    """
    version = ModelVersion.objects.filter(pk=version_id).first()
    if version is None:
        raise NoSuchModel("There is no such model version.")
    return version


def live_version(site: Site) -> ModelVersion | None:
    """Return the model version that is live at ``site``, if any."""
    deployment = current_deployment(site)
    live = deployment is not None and deployment.status == Status.LIVE
    return deployment.model_version if deployment and live else None


def locked_version_for(site: Site, study_instance_uid: str) -> ModelVersion | None:
    """Return what reads a study of ``site`` for its readers: what is live, or its canary.

    The live deployment is locked by the caller's transaction; who begins or ends a canary locks
    it too. None, too, if it was replaced while the lock was waited for: who must know asks again.
    """
    live = Deployment.objects.filter(site=site, status=Status.LIVE)
    locked = live.select_for_update(of=("self",), no_key=True)
    deployment = locked.select_related("model_version").first()
    if deployment is None:
        return None
    canaries = Deployment.objects.filter(site=site, status=Status.CANARY)
    canary = canaries.select_related("model_version").first()
    if canary and canary.reads_for_readers(study_instance_uid):
        return canary.model_version
    return deployment.model_version


def current_deployment(site: Site) -> Deployment | None:
    """Return what is live or paused at ``site``, if anything is."""
    serving = Deployment.objects.filter(site=site, status__in=SERVING)
    return serving.select_related("model_version", "site", *_DECIDED).first()


def challenger_at(site: Site, version: ModelVersion | None = None) -> Deployment | None:
    """Return what is tried beside the live version of ``site``, in shadow or as a canary."""
    tried = Deployment.objects.filter(site=site, status__in=TRIED)
    if version:
        tried = tried.filter(model_version=version)
    return tried.select_related("model_version", "site", "started_by", *_DECIDED).first()


def version_before(site: Site) -> ModelVersion | None:
    """Return what was live at ``site`` before what is live or paused now, if anything was."""
    was_live = Deployment.objects.filter(site=site, status=Status.REPLACED, reads_from=None)
    now = Deployment.objects.filter(site=site, status__in=SERVING).values("model_version")
    rows = was_live.exclude(model_version__in=now).select_related("model_version")
    before = rows.order_by("-until", "-pk").first()
    return before.model_version if before else None


def open_pause(site: Site) -> Pause | None:
    """Return why nothing is read by the machine at ``site``, if somebody stopped it."""
    stopped = Pause.objects.filter(
        deployment__site=site, deployment__status=Status.PAUSED, resumed_at=None
    )
    return stopped.select_related("deployment__model_version", "paused_by").first()


def versions_at(site: Site) -> QuerySet[ModelVersion]:
    """Return every registered version, newest first, each with its ``status`` at ``site``.

    ``status`` and ``since`` are those of its latest deployment there; None if it never had one.
    ``has_report`` says whether it came with a report.
    """
    here = Deployment.objects.filter(site=site, model_version=OuterRef("pk")).order_by("-pk")
    return ModelVersion.objects.annotate(
        status=Subquery(here.values("status")[:1]),
        since=Subquery(here.values("since")[:1]),
        has_report=Exists(ModelReport.objects.filter(model_version=OuterRef("pk"))),
    ).order_by("-registered_at", "-pk")


def deployments_at(site: Site) -> QuerySet[Deployment]:
    """Return the latest deployments of ``site``, newest first, each with its pauses."""
    pauses = Pause.objects.select_related("paused_by", "resumed_by").order_by("-paused_at", "-pk")
    people = ("started_by", *_DECIDED)
    rows = Deployment.objects.filter(site=site).select_related("model_version", "site", *people)
    return rows.prefetch_related(Prefetch("pauses", pauses)).order_by("-since", "-pk")[:MOST]


def proposals_at(site: Site) -> QuerySet[Proposal]:
    """Return the latest proposals of ``site``: those that wait first, then newest first."""
    rows = Proposal.objects.filter(site=site).select_related(
        "model_version", "proposed_by", "decided_by"
    )
    waiting_first = Case(When(state=Proposal.State.WAITING, then=0), default=1)
    return rows.order_by(waiting_first, "-proposed_at", "-pk")[:MOST]


def troubles() -> list[str]:
    """Return what workers that were seen lately say they cannot run, and why."""
    said = live_workers("inference", within=seen_within()).exclude(trouble="")
    return sorted(set(said.values_list("trouble", flat=True)))
