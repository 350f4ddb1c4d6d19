"""Write side of model versions and of where they are live."""

from typing import Any

from django.db import transaction

from portal.accounts.models import Site
from portal.audit.services import SYSTEM, Action, Actor, record
from portal.errors import Conflict
from portal.predictions.models import Deployment, ModelVersion
from portal.predictions.operating_point_selectors import BUNDLES_OWN
from portal.predictions.report_services import Report, store_report


@transaction.atomic
def register_model_version(
    *,
    manifest: dict[str, Any],
    weights_sha256: str,
    report: Report | None = None,
    by: Actor | None = None,
) -> ModelVersion:
    """Return the row of a verified bundle; the same version again is the same row.

    A version that was registered without a report gets the one that is brought now.

    Raises
    ------
    Conflict
        The version is known with other weights, or with another report.
    """
    version = _version(manifest, weights_sha256, by)
    if report:
        store_report(version=version, report=report, by=by)
    return version


def _version(manifest: dict[str, Any], weights_sha256: str, by: Actor | None) -> ModelVersion:
    known = ModelVersion.objects.filter(name=manifest["name"], version=manifest["version"]).first()
    if known:
        if known.weights_sha256 != weights_sha256 or known.manifest != manifest:
            raise Conflict(f"{known} is registered with other weights or another manifest.")
        return known
    version = ModelVersion.objects.create(
        name=manifest["name"],
        version=manifest["version"],
        weights_sha256=weights_sha256,
        threshold=manifest["threshold"]["value"],
        prevalence=manifest["prevalence"]["value"],
        disclaimer_version=manifest["disclaimer"]["version"],
        disclaimer=manifest["disclaimer"]["text"],
        manifest=manifest,
    )
    subject = f"model:{version}"
    record(Action.MODEL_REGISTERED, chain=SYSTEM, subject=subject, by=by, sha256=weights_sha256)
    return version


@transaction.atomic
def deploy_model(*, site: Site, version: ModelVersion, by: Actor | None = None) -> Deployment:
    """Make ``version`` live at a site that has no model yet; elsewhere nothing changes."""
    Site.objects.select_for_update().get(pk=site.pk)
    present = Deployment.objects.filter(site=site).order_by("pk").first()
    if present:
        return present
    deployment = Deployment.objects.create(
        site=site, model_version=version, status=Deployment.Status.LIVE
    )
    record(
        Action.MODEL_DEPLOYED,
        chain=site.slug,
        subject=f"model:{version}",
        by=by,
        status="live",
        operating_point=BUNDLES_OWN,
    )
    return deployment
