"""Predictions and signed reads by the dozen, written straight into the tables."""

from datetime import UTC, datetime, timedelta
from itertools import count

from django.utils import timezone

from portal.predictions.models import Prediction
from portal.reviews.models import Finding, Review
from portal.studies.models import Instance, Series, Study
from tests.factories import CR, new_uid

NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)  # a Wednesday
_numbers = count(1)


def scanned(site, version, by, *, at=NOW, score=None, scanner=("Acme", "Ray 7"), **more):
    """Return a prediction asked for ``at``; ``more``: view, age, outcome, state, presence, ..."""
    facts = {"view": more.get("view", "AP"), "age_years": more.get("age", 4.0)}
    facts = {name: value for name, value in facts.items() if value not in ("", None)}
    facts |= dict(zip(("manufacturer", "manufacturer_model_name"), scanner, strict=False))
    study = Study.objects.create(site=site, study_instance_uid=new_uid(), received_by=by)
    series = Series.objects.create(study=study, series_instance_uid=new_uid())
    instance = Instance.objects.create(
        site=site, series=series, sop_instance_uid=new_uid(), sop_class_uid=CR, kind="dicom",
        sha256=f"{next(_numbers):064x}", size=1, rows=2, columns=2, facts=facts, received_by=by,
    )  # fmt: skip
    fields = {"requested_at": at, "rung_at": at, "started_at": at, "finished_at": at, "attempt": 1}
    state, outcome = more.get("state", "done"), more.get("outcome", "scored")
    if state != "done":
        fields |= {"state": state, "code": "gave_up"}
    elif outcome == "scored":
        found = "present" if score >= version.threshold else "absent"
        fields |= {"score": score, "threshold": version.threshold, "finding": found}
    else:
        fields |= {"code": "view_not_frontal"}
    if state == "done":
        fields |= {"state": state, "outcome": outcome, "disclaimer": "No diagnosis."}
    row = Prediction.objects.create(site=site, instance=instance, model_version=version, **fields)
    if "presence" in more:
        read(row, by, more["presence"], shown=more.get("shown"), at=more.get("signed_at"))
    return row


def read(prediction, by, presence, *, shown=None, at=None):
    """Return the signed first read of the study of ``prediction``."""
    study = prediction.instance.series.study
    shown = prediction.finding if shown is None else shown
    overrides = bool(shown) and shown != presence
    finding = Finding.objects.create(
        study=study, prediction=prediction, reader=by, shown=shown, presence=presence,
        reason_code="OTHER" if overrides else "", comment="Seen before.",
    )  # fmt: skip
    return Review.objects.create(
        study=study, finding=finding, reviewer=by, reviewer_name="R",
        signed_at=at or timezone.now(),
    )  # fmt: skip


def days(number):
    """Return so many days before `NOW`."""
    return NOW - timedelta(days=number)
