"""Rows for tests, with the blobs and audit events that real ones have."""

import hashlib
import io
import secrets
import uuid
from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from PIL import Image

from portal.accounts.models import Site, User
from portal.accounts.selectors import site_named
from portal.accounts.services import create_user
from portal.audit.services import Action, record
from portal.predictions.models import ModelVersion, Prediction
from portal.predictions.report_services import Report
from portal.predictions.services import (
    Answer,
    complete_prediction,
    fail_prediction,
    request_prediction,
)
from portal.predictions.version_services import deploy_model, register_model_version
from portal.studies.blobs import store
from portal.studies.models import Instance, Series, Study

PASSWORD = "correct horse battery 7"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
CR = "1.2.840.10008.5.1.4.1.1.1"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DISCLAIMER = "For research and second-reader use. Not a diagnosis. False results occur."
_numbers = count(1)


def new_uid() -> str:
    """Return a UID that no other test has."""
    return f"2.25.{uuid.uuid4().int}"


def make_user(site: Site, *roles: str, username: str = "") -> User:
    """Return a user with ``roles`` and `PASSWORD`."""
    username = username or f"user{next(_numbers)}"
    user = create_user(username=username, site=site, roles=roles, name=f"Dr {username}")
    user.password = _hashed()
    user.save(update_fields=["password"])
    return user


@cache
def _hashed() -> str:
    """Return the hash of `PASSWORD`, of which each costs as much as a whole small test."""
    return make_password(PASSWORD)


def manifest(**changes: Any) -> dict[str, Any]:
    """Return the least that `register_model_version` takes."""
    return {
        "name": "vgg16-pneumonia",
        "version": "1.0.0",
        "threshold": {"value": 0.5},
        "prevalence": {"value": 0.74},
        "intended_use": {
            "age_years": [1, 5],
            "modalities": ["CR", "DX"],
            "body_parts": ["CHEST"],
            "views": ["AP", "PA"],
            "unknown_allowed": ["modality", "body_part", "view", "age"],
            "statement": "A second reader's suggestion on a frontal radiograph of a child.",
        },
        "disclaimer": {"version": "2026-1", "text": DISCLAIMER},
    } | changes


def make_model_version(*, reported: bool = False, **changes: Any) -> ModelVersion:
    """Return a registered model version; without a report it may not be proposed."""
    named = manifest(**changes)
    digest = hashlib.sha256(repr(sorted(named.items())).encode()).hexdigest()
    report = Report({"schema": 2}, {}) if reported else None
    return register_model_version(manifest=named, weights_sha256=digest, report=report)


def make_study(site: Site, *, by: User | None = None, **fields: Any) -> Study:
    """Return a study without images. ``fields`` are columns of `Study`."""
    fields = {"study_instance_uid": new_uid(), "patient_id": f"P{next(_numbers):05}"} | fields
    return Study.objects.create(site=site, received_by=by or someone(site), **fields)


@transaction.atomic
def make_instance(
    study: Study, *, content: bytes = b"", by: User | None = None, **fields: Any
) -> Instance:
    """Return an instance of ``study`` in a series of its own, with its blob and audit event.

    ``content`` are the bytes of the file: by default unique, and not an image. ``fields`` are
    columns of `Instance`.
    """
    sha256, size = keep_blob(content or b"DICM" + secrets.token_bytes(32))
    series = Series.objects.create(study=study, series_instance_uid=new_uid(), modality="CR")
    fields = {
        "sop_instance_uid": new_uid(),
        "sop_class_uid": CR,
        "kind": Instance.Kind.DICOM,
        "transfer_syntax_uid": EXPLICIT_LE,
        "rows": 256,
        "columns": 224,
    } | fields
    instance = Instance.objects.create(
        site=study.site,
        series=series,
        sha256=sha256,
        size=size,
        received_by=by or study.received_by,
        **fields,
    )
    subject = f"instance:{instance.sop_instance_uid}"
    record(
        Action.INSTANCE_RECEIVED, chain=study.site.slug, subject=subject, by=instance.received_by
    )
    return instance


def make_prediction(instance: Instance, *, version: ModelVersion | None = None) -> Prediction:
    """Return a queued prediction of ``instance``; a version is made live if none is."""
    deploy_model(site=instance.site, version=version or make_model_version())
    prediction = request_prediction(instance=instance, by=instance.received_by)
    assert prediction is not None
    return prediction


def start(prediction: Prediction, *, lease: timedelta = timedelta(minutes=1)) -> Prediction:
    """Return the prediction as a worker has just claimed it."""
    Prediction.objects.filter(pk=prediction.pk).update(
        state="running",
        attempt=F("attempt") + 1,
        started_at=Now(),
        lease_token=uuid.uuid4(),
        lease_until=Now() + lease,
        worker="test",
    )
    return Prediction.objects.select_related("site", "model_version", "instance").get(
        pk=prediction.pk
    )


def finish(prediction: Prediction, answer: Answer) -> Prediction:
    """Return the queued ``prediction``, claimed and done with ``answer``."""
    complete_prediction(start(prediction), answer)
    return Prediction.objects.get(pk=prediction.pk)


def scored_study(
    site: Site, finding: str = "present", score: float = 0.87, *, by: User | None = None
) -> Study:
    """Return a study with one image that the live model has scored."""
    study = make_study(site, by=by)
    answer = Answer(outcome="scored", score=score, finding=finding)
    finish(make_prediction(make_instance(study)), answer)
    return study


def mapped(score: float = 0.9, *, maximum: float = 1.0) -> Answer:
    """Return a score with a map that is bright at its left upper corner."""
    stream = io.BytesIO()
    values = bytes(255 if x < 7 and y < 4 else 0 for y in range(14) for x in range(14))
    Image.frombytes("L", (14, 14), values).save(stream, "PNG")
    drawn = {"map_png": stream.getvalue(), "map_maximum": maximum}
    return Answer(outcome="scored", score=score, finding="present", **drawn)


def mapped_prediction(site: Site, *, by: User | None = None, maximum: float = 1.0) -> Prediction:
    """Return a scored prediction with a map."""
    image = make_instance(make_study(site, by=by))
    return finish(make_prediction(image), mapped(maximum=maximum))


def not_applicable_study(site: Site, *, by: User | None = None, code: str = "view") -> Study:
    """Return a study with one image outside the model's intended use."""
    study = make_study(site, by=by)
    answer = Answer(outcome="not_applicable", code=code, detail="Not so.", remedy="None.")
    finish(make_prediction(make_instance(study)), answer)
    return study


def failed_study(site: Site, *, by: User | None = None, code: str = "pixels_undecodable") -> Study:
    """Return a study with one image whose pixels did not decode."""
    study = make_study(site, by=by)
    prediction = start(make_prediction(make_instance(study)))
    fail_prediction(prediction, Answer(outcome="failed", code=code, detail="Broken."))
    return study


def someone(site: Site) -> User:
    """Return any user of ``site``, made if there is none."""
    return User.objects.filter(site=site).first() or make_user(site, "uploader")


def make_site(slug: str) -> Site:
    """Return the site of this slug, made if it is missing."""
    from portal.accounts.services import create_site

    if Site.objects.filter(slug=slug).exists():
        return site_named(slug)
    return create_site(slug=slug, name=f"{slug} hospital".capitalize())


def keep_blob(content: bytes) -> tuple[str, int]:
    """Store ``content`` and return its SHA-256 and size in bytes."""
    writer = store.begin()
    writer.write(content)
    incoming = writer.finish()
    store.keep(incoming)
    return incoming.sha256, incoming.size
