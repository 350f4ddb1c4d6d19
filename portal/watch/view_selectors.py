"""Read side of the watch page: what there is to choose from, and the figures of the choice."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from portal.accounts.models import Site
from portal.predictions.deployment_models import Deployment, ModelVersion
from portal.predictions.prevalence_selectors import prevalence_at
from portal.predictions.report_selectors import report_of
from portal.watch.figures import reference_of
from portal.watch.panels import Cell, Panel, panels_of, summary_of
from portal.watch.selectors import Counted, Scope, counted


@dataclass(frozen=True, slots=True)
class Watched:
    """What is to be seen of a scope. ``prevalence`` is the site's own, if it entered one."""

    scope: Scope
    counted: Counted
    has_reference: bool
    prevalence: float | None
    summary: list[tuple[str, Cell]]
    panels: list[Panel]


def versions_used(site: Site) -> list[ModelVersion]:
    """Return the versions that ever read for readers at ``site``, what is live or paused first."""
    serving = (Deployment.Status.LIVE, Deployment.Status.PAUSED)
    in_shadow = Q(reads_from__isnull=False, share=None)
    here = Deployment.objects.filter(~in_shadow, site=site, model_version=OuterRef("pk"))
    rows = ModelVersion.objects.annotate(
        used=Exists(here), serving=Exists(here.filter(status__in=serving))
    )
    return list(rows.filter(used=True).order_by("-serving", "-pk"))


def watched(scope: Scope) -> Watched:
    """Return the figures of ``scope``."""
    found, report, here = counted(scope), report_of(scope.version), prevalence_at(scope.site)
    share = here.share if here else None
    reference = reference_of(report.document if report else None, share)
    return Watched(
        scope=scope,
        counted=found,
        has_reference=bool(reference),
        prevalence=share,
        summary=summary_of(found.whole, reference),
        panels=panels_of(found, reference),
    )
