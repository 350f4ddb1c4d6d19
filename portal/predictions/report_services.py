"""Write side of what was measured of a model version."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from portal.audit.services import SYSTEM, Action, Actor, record
from portal.errors import Conflict
from portal.predictions.models import ModelReport, ModelVersion, ReportPicture
from portal.predictions.report_selectors import pictures_of, report_of


@dataclass(frozen=True, slots=True)
class Report:
    """A report as a bundle holds it.

    Parameters
    ----------
    document : dict
        What ``report.json`` says.
    pictures : mapping
        The bytes of each PNG by the name of its file.
    """

    document: dict[str, Any]
    pictures: Mapping[str, bytes]

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each picture by its name."""
        return {name: hashlib.sha256(png).hexdigest() for name, png in self.pictures.items()}


@transaction.atomic
def store_report(*, version: ModelVersion, report: Report, by: Actor | None = None) -> ModelReport:
    """Return the stored report of ``version``; the same report again is the same row.

    Raises
    ------
    Conflict
        The version has another report.
    """
    ModelVersion.objects.select_for_update().get(pk=version.pk)  # of two workers one stores it
    known, digests = report_of(version), report.digests()
    if known:
        if known.document != report.document or pictures_of(known) != digests:
            raise Conflict(
                f"{version} is registered with another report: what is measured anew belongs to a "
                "new version."
            )
        return known
    text = json.dumps(report.document)
    stored = ModelReport.objects.create(model_version=version, text=text)
    for name, png in sorted(report.pictures.items()):
        ReportPicture.objects.create(report=stored, name=name, content=png, sha256=digests[name])
    subject = f"model:{version}"
    record(Action.MODEL_REPORTED, chain=SYSTEM, subject=subject, by=by, pictures=len(digests))
    return stored
