"""Write side of studies."""

from datetime import timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from portal.accounts.models import Site, User
from portal.dicom.image import Image
from portal.errors import Conflict
from portal.studies.blobs import IncomingBlob, store
from portal.studies.models import Instance, Series, Study, UploadAnswer

ORPHANED_AFTER = timedelta(hours=1)
LOOKED_UP_AT_ONCE = 500  # hashes
ANSWERS_KEPT = timedelta(hours=24)
ROUTINE = 5


class SameBytes(Conflict):
    """The file is stored at this site already, as ``instance``."""

    code = "duplicate"

    def __init__(self, instance: Instance) -> None:
        super().__init__("The same file is stored already.")
        self.instance = instance


class SopInstanceConflict(Conflict):
    """Other bytes are stored under this SOPInstanceUID; the first are kept."""

    code = "sop_instance_conflict"


class PatientMismatch(Conflict):
    """The study is stored with another PatientID."""

    code = "patient_mismatch"


class KeyReused(Conflict):
    """The Idempotency-Key was used for something else."""

    code = "idempotency_key_reused"


def store_instance(
    *, site: Site, image: Image, blob: IncomingBlob, by: User, priority: int = ROUTINE
) -> Instance:
    """Return the new instance, its blob kept and its study and series made where they are missing.

    ``priority`` goes from 0 (most urgent) to 9; a study is as urgent as its most urgent image.
    Inside the caller's transaction and inside ``store.holding()``, which both end after it: a
    blob has its name before the row that names it is committed, never the other way round.

    Raises
    ------
    SameBytes, SopInstanceConflict, PatientMismatch
    """
    _lock(site)  # two clients may send the same at once
    _refuse_conflicts(site, image, blob)
    study = _study(site, image, by, priority)
    series, _ = Series.objects.get_or_create(
        study=study,
        series_instance_uid=image.series_instance_uid,
        defaults={"modality": image.modality, "series_description": image.series_description},
    )
    store.keep(blob)
    return Instance.objects.create(
        site=site,
        series=series,
        sop_instance_uid=image.sop_instance_uid,
        sop_class_uid=image.sop_class_uid,
        kind=image.kind,
        sha256=blob.sha256,
        size=blob.size,
        transfer_syntax_uid=image.transfer_syntax_uid,
        rows=image.rows,
        columns=image.columns,
        facts=image.facts,
        received_by=by,
    )


def remove_orphans(older_than: timedelta = ORPHANED_AFTER) -> int:
    """Remove files that nobody will ask for, and return how many there were.

    They are what uploads cut short left in ``incoming/``, and blobs whose row was never committed
    because the process died between the two. While an upload is being accepted nothing is
    removed; the next call will do it.
    """
    seconds = older_than.total_seconds()
    unfinished, orphans = list(store.waiting(older_than=seconds)), _blobs_without_row(seconds)
    if not unfinished and not orphans:
        return 0
    with store.clearing() as alone:
        if not alone:
            return 0
        still = [store.path(sha256) for sha256 in orphans if not _has_row(sha256)]
        return sum(store.remove(path, older_than=seconds) for path in unfinished + still)


def begin_answer(*, user: User, key: str, fingerprint: str) -> UploadAnswer:
    """Return the row that remembers what ``key`` was answered; ``uploads`` is empty at first.

    Raises
    ------
    KeyReused
        The key stands for other files or other metadata.
    """
    answer, _ = UploadAnswer.objects.get_or_create(
        user=user, key=key, defaults={"fingerprint": fingerprint, "uploads": []}
    )
    if answer.fingerprint != fingerprint:
        raise KeyReused("This Idempotency-Key was used for other files or other metadata.")
    return answer


def finish_answer(answer: UploadAnswer, uploads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the key is answered from now on: ``uploads``, unless a twin was faster."""
    UploadAnswer.objects.filter(pk=answer.pk, uploads=[]).update(uploads=uploads)
    answer.refresh_from_db()
    stored: list[dict[str, Any]] = answer.uploads
    return stored


@transaction.atomic
def forget_upload_answers(older_than: timedelta = ANSWERS_KEPT) -> None:
    """Delete what no client will ask for again: the same bytes are known without it."""
    UploadAnswer.objects.filter(created_at__lt=Now() - older_than).delete()


def _lock(site: Site) -> None:
    # NO KEY: rows that merely point to the site need not wait
    Site.objects.select_for_update(no_key=True).get(pk=site.pk)


def _refuse_conflicts(site: Site, image: Image, blob: IncomingBlob) -> None:
    at_site = Instance.objects.filter(site=site).select_related("series__study")
    if same := at_site.filter(sha256=blob.sha256).first():
        raise SameBytes(same)
    if at_site.filter(sop_instance_uid=image.sop_instance_uid).exists():
        raise SopInstanceConflict("Another image is stored under this SOPInstanceUID.")


def _study(site: Site, image: Image, by: User, priority: int) -> Study:
    study, _ = Study.objects.get_or_create(
        site=site,
        study_instance_uid=image.study_instance_uid,
        defaults={
            "patient_id": image.patient_id,
            "patient_name": image.patient_name,
            "patient_birth_date": image.patient_birth_date,
            "patient_sex": image.patient_sex,
            "accession_number": image.accession_number,
            "study_date": image.study_date,
            "study_description": image.study_description,
            "priority": priority,
            "received_by": by,
        },
    )
    if study.patient_id != image.patient_id:
        raise PatientMismatch("The study is stored with another PatientID.")
    if priority < study.priority:
        Study.objects.filter(pk=study.pk, priority__gt=priority).update(priority=priority)
    return study


def _blobs_without_row(seconds: float) -> set[str]:
    old, orphans = store.hashes(older_than=seconds), set[str]()
    while some := set(islice(old, LOOKED_UP_AT_ONCE)):
        known = Instance.objects.filter(sha256__in=some).values_list("sha256", flat=True)
        orphans |= some.difference(known)
    return orphans


def _has_row(sha256: str) -> bool:
    return Instance.objects.filter(sha256=sha256).exists()
