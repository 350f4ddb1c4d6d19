"""Plausible studies by the thousand: a site with years behind it, made in minutes.

Names, ages, outcomes and reviews are drawn by a seed from what a clinic sees: most images are
scored, some are not applicable or fail, nearly everything older than a day is signed. Rows only:
there are no blobs and no audit events of them, so `verify_invariants` is not for such a database.
"""

import io
import json
import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import chain, islice
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from portal.accounts.models import Site, User
from portal.predictions.models import ModelVersion, Prediction
from portal.reviews.models import Finding, Review
from portal.reviews.reasons import Reason
from portal.studies.models import Instance, Series, Study

A_DAY = 180  # studies of a busy department
QUEUED = 12  # the newest wait for the machine
CHUNK = 20_000  # studies between two writes
SHARES = {
    "second image": 0.03,
    "asked of the machine": 0.99,
    "signed": 0.95,
    "failed": 0.005,
    "not scored": 0.065,
    "overridden": 0.12,
}
_GIVEN = "Ada Ben Chloe Dev Efe Fay Gil Hana Ivo Joy Kofi Lea Mei Noor Omar Pia Ravi Sara Tom Uma"
_FAMILY = "Abara Berg Costa Diaz Evans Fischer Garcia Haas Ito Jones Kumar Lopez Moreau Novak Okoye"
SCANNERS = (("Acme", "Ray 7"), ("Acme", "Ray 9"), ("Bolt", "DX-1"), ("Bolt", "Portable"))
_CR, _EXPLICIT = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.1.2.1"
_PROVENANCE = {"engine": "tensorflow", "preprocessing": "1"}
Row = tuple[models.Model, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the studies go: all of one site, sent and signed by these people."""

    site: Site
    uploader: User
    reviewers: Sequence[User]
    version: ModelVersion


def populate(
    place: Place,
    studies: int,
    *,
    seed: int = 1,
    now: datetime | None = None,
    told: Callable[[int], None] = lambda _: None,
) -> None:
    """Write ``studies`` studies, the newest received ``now``, and what belongs to them.

    The same seed draws the same studies. ``told`` hears how many there are so far.
    """
    draw = random.Random(seed)
    first = {kind: _last_pk(kind) + 1 for kind in (Study, Series, Instance, Finding, Review)}
    made = _studies(place, studies, draw, now or timezone.now(), first)
    done = 0
    while batch := list(islice(made, CHUNK)):
        with transaction.atomic():
            for kind in (Study, Series, Instance, Prediction, Finding, Review):
                _write(kind, [row for rows in batch for row in rows if type(row) is kind])
        done += len(batch)
        told(done)
    _settle_sequences(first)


def _studies(
    place: Place, studies: int, draw: random.Random, now: datetime, first: dict[Any, int]
) -> Iterator[Row]:
    """Yield the rows of each study, oldest first."""
    images = 0
    for number in range(studies):
        age = studies - 1 - number  # how many are newer
        at = now - timedelta(days=age / A_DAY, seconds=draw.random())
        study = _study(place, first[Study] + number, at, draw)
        series = Series(
            pk=first[Series] + number,
            study=study,
            series_instance_uid=f"{study.study_instance_uid}.1",
            modality=draw.choice(("CR", "DX", "DX")),
        )
        rows: list[models.Model] = [study, series]
        predictions = []
        for _ in range(1 + _is(draw, "second image")):
            instance = _instance(place, series, first[Instance] + images, at, draw)
            images += 1
            rows.append(instance)
            if age < QUEUED or _is(draw, "asked of the machine"):
                predictions.append(_prediction(place, instance, at, draw, waits=age < QUEUED))
        rows += predictions
        if age > A_DAY and _is(draw, "signed"):
            pk = first[Finding] + number
            rows += _signed(place, study, predictions, pk, at, draw)
        yield tuple(rows)


def _study(place: Place, pk: int, at: datetime, draw: random.Random) -> Study:
    family, given = draw.choice(_FAMILY.split()), draw.choice(_GIVEN.split())
    patient = draw.randrange(10_000_000)
    return Study(
        pk=pk,
        site=place.site,
        study_instance_uid=f"2.25.{draw.getrandbits(120)}",
        patient_id=f"P{patient:07}",
        patient_name=f"{family}{patient % 997}^{given}",
        patient_birth_date=(at - timedelta(days=draw.randrange(400, 2000))).date(),
        patient_sex=draw.choice("FM"),
        accession_number=f"A{pk:09}",
        study_date=at.date(),
        study_description="Chest AP",
        received_by=place.uploader,
        received_at=at,
    )


def _instance(place: Place, series: Series, pk: int, at: datetime, draw: random.Random) -> Instance:
    return Instance(
        pk=pk,
        site=place.site,
        series=series,
        sop_instance_uid=f"2.25.{draw.getrandbits(120)}",
        sop_class_uid=_CR,
        kind=Instance.Kind.DICOM,
        sha256=sha256(draw.randbytes(16)).hexdigest(),
        size=2_492_544,
        transfer_syntax_uid=_EXPLICIT,
        rows=1216,
        columns=1024,
        facts=_facts(draw),
        received_by=place.uploader,
        received_at=at,
    )


def _facts(draw: random.Random) -> dict[str, Any]:
    """Return what a header says: of one scanner in use, from one of two sides, of any age."""
    maker, model = draw.choice(SCANNERS)
    return {
        "age_years": round(draw.triangular(0, 95, 4), 1),
        "view": draw.choice(("AP", "PA", "PA")),
        "manufacturer": maker,
        "manufacturer_model_name": model,
    }


def _prediction(
    place: Place, instance: Instance, at: datetime, draw: random.Random, *, waits: bool
) -> Prediction:
    row = Prediction(
        id=uuid.UUID(int=draw.getrandbits(128), version=4),
        site=place.site,
        instance=instance,
        model_version=place.version,
        requested_at=at,
        rung_at=at,
        request_id="",
    )
    if waits:
        return row
    row.attempt = 1
    row.started_at = at + timedelta(seconds=draw.expovariate(0.5))
    row.finished_at = row.started_at + timedelta(seconds=0.3)
    row.worker, row.provenance = "inference@bench", _PROVENANCE
    if _is(draw, "failed"):
        row.state, row.code, row.detail = (
            "failed",
            "pixels_undecodable",
            "The pixels do not decode.",
        )
        return row
    row.state, row.disclaimer = "done", place.version.disclaimer
    if _is(draw, "not scored"):
        row.outcome = draw.choice(("not_applicable", "not_applicable", "rejected_quality"))
        row.code, row.detail = "view_lateral", "A lateral view is stored, not scored."
        return row
    row.outcome, row.threshold = "scored", place.version.threshold
    row.score = draw.betavariate(0.5, 0.7)
    row.finding = "present" if row.score >= row.threshold else "absent"
    return row


def _signed(
    place: Place,
    study: Study,
    predictions: Sequence[Prediction],
    pk: int,
    at: datetime,
    draw: random.Random,
) -> tuple[Finding, Review]:
    scored = [row for row in predictions if row.score is not None]
    shown = max(scored, key=lambda row: row.score or 0.0, default=None)
    said = shown.finding if shown else draw.choice(("present", "absent"))
    overrides = shown is not None and _is(draw, "overridden")
    presence = {"present": "absent", "absent": "present"}[said] if overrides else said
    reason = Reason.FP_EFFUSION if presence == "absent" else Reason.FN_SUBTLE
    reader = draw.choice(place.reviewers)
    signed_at = at + timedelta(hours=draw.expovariate(0.25))
    finding = Finding(
        pk=pk,
        study=study,
        prediction=shown,
        reader=reader,
        shown=shown.finding if shown else "",
        presence=presence,
        confidence=draw.randint(2, 5),
        reason_code=reason if overrides else "",
        created_at=signed_at,
    )
    review = Review(
        pk=pk,
        study=study,
        finding=finding,
        reviewer=reader,
        reviewer_name=reader.name,
        signed_at=signed_at,
    )
    return finding, review


def _is(draw: random.Random, what: str) -> bool:
    return draw.random() < SHARES[what]


def _write(kind: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Store ``rows``: by COPY where there is one, as it takes a tenth of the time."""
    if connection.vendor != "postgresql":
        with _dates_as_drawn(kind):
            kind._default_manager.bulk_create(rows, batch_size=500)
        return
    fields = kind._meta.concrete_fields
    names = ", ".join(f'"{field.column}"' for field in fields)
    lines = ("\t".join(_cell(getattr(row, f.attname)) for f in fields) + "\n" for row in rows)
    with connection.cursor() as cursor:
        copied = io.StringIO("".join(lines))
        cursor.copy_expert(f'COPY "{kind._meta.db_table}" ({names}) FROM STDIN', copied)


@contextmanager
def _dates_as_drawn(kind: type[models.Model]) -> Iterator[None]:
    """Keep Django from writing the time of day into columns that were drawn."""
    fields = [f for f in kind._meta.concrete_fields if getattr(f, "auto_now_add", False)]
    try:
        for field in fields:
            field.auto_now_add = False  # type: ignore[attr-defined]  # only dates are here
        yield
    finally:
        for field in fields:
            field.auto_now_add = True  # type: ignore[attr-defined]


def _cell(value: Any) -> str:
    if value is None:
        return r"\N"
    text = json.dumps(value) if isinstance(value, dict | list) else str(value)
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n")


def _last_pk(kind: type[models.Model]) -> int:
    return kind._default_manager.aggregate(last=models.Max("pk"))["last"] or 0


def _settle_sequences(kinds: Iterable[Any]) -> None:
    from django.core.management.color import no_style  # noqa: PLC0415

    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(chain(kinds))):
            cursor.execute(statement)
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE")
