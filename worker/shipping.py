"""The model that ships with the code: verified, registered, live where a site has none."""

import json
from pathlib import Path

from django.conf import settings

from inference import Manifest, read_bundle
from inference.manifest import write_manifest
from portal.accounts.models import Site
from portal.predictions.models import ModelVersion
from portal.predictions.version_services import deploy_model, register_model_version
from worker.report_files import read_report


def shipped_manifest() -> Manifest:
    """Return the manifest of the shipped bundle, every file of it checked.

    Raises
    ------
    BundleBroken
    """
    return read_bundle(Path(settings.OVERREAD_BUNDLE)).manifest


def register_shipped_model(manifest: Manifest) -> ModelVersion:
    """Return the row of the shipped model.

    Raises
    ------
    Conflict
        The same version is registered with other weights, or with another report.
    BundleBroken
        The report or a picture of it is not one.
    """
    return register_model_version(
        manifest=json.loads(write_manifest(manifest)),
        weights_sha256=manifest.weights_sha256,
        report=read_report(Path(settings.OVERREAD_BUNDLE), manifest),
    )


def deploy_everywhere(version: ModelVersion) -> None:
    """Make ``version`` live at every site that has no model yet."""
    for site in Site.objects.order_by("pk"):
        deploy_model(site=site, version=version)
