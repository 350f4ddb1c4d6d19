"""Storing what was examined, file by file, each in one transaction."""

from dataclasses import dataclass, field, replace

from django.db import transaction

from portal.accounts.models import Site, User
from portal.audit.services import Action, record
from portal.dicom.image import Image
from portal.dicom.refusal import Refusal, refuse
from portal.dicom.values import tag
from portal.intake.examine import Examined, other_patient
from portal.intake.verdict import Received, Verdict, refused, repeated
from portal.predictions.deployment_selectors import open_pause
from portal.predictions.models import Prediction
from portal.predictions.selectors import latest_prediction
from portal.predictions.services import request_prediction
from portal.studies.blobs import store
from portal.studies.models import Instance
from portal.studies.selectors import instance_with_bytes
from portal.studies.services import (
    PatientMismatch,
    SameBytes,
    SopInstanceConflict,
    store_instance,
)

NO_LIVE_MODEL = "no_live_model"


@dataclass(frozen=True, slots=True)
class _Group:
    """The study that the first PNG or JPEG of a group made or has."""

    study_instance_uid: str
    series_instance_uid: str
    patient_id: str


@dataclass(slots=True)
class Settling:
    """The files of one request, settled one after the other.

    Parameters
    ----------
    by : User
        Who sent them.
    priority : int
        0 (most urgent) to 9.
    """

    by: User
    priority: int
    _groups: dict[str, _Group] = field(default_factory=dict)

    def settle(self, one: Examined) -> Verdict:
        """Store one file, or say why not."""
        if one.refusal:
            return refused(one.file, one.refusal, by=self.by)
        if one.image is None:
            return self._repeat(one, _known(self.by, one.file))
        try:
            return self._store(one, self._grouped(one, one.image))
        except SameBytes as same:
            return self._repeat(one, same.instance)
        except (PatientMismatch, SopInstanceConflict) as conflict:
            return refused(one.file, _refusal_of(conflict, one.image), by=self.by)

    def _store(self, one: Examined, image: Image) -> Verdict:
        blob, by = one.file.blob, self.by
        with store.holding(), transaction.atomic():
            instance = store_instance(
                site=by.site, image=image, blob=blob, by=by, priority=self.priority
            )
            prediction = request_prediction(instance=instance, by=by, priority=self.priority)
            record(
                Action.INSTANCE_RECEIVED,
                chain=by.site.slug,
                subject=f"instance:{instance}",
                by=by,
                study=image.study_instance_uid,
                sha256=blob.sha256,
                size=blob.size,
                kind=image.kind,
                prediction=_id(prediction) or "",
            )
        self._remember(one, image.study_instance_uid, image.series_instance_uid, image.patient_id)
        return Verdict(
            filename=one.file.filename,
            status="accepted",
            study_instance_uid=image.study_instance_uid,
            sop_instance_uid=image.sop_instance_uid,
            prediction=_id(prediction),
            code="" if prediction else NO_LIVE_MODEL,
            detail="" if prediction else _without_model(by.site),
        )

    def _repeat(self, one: Examined, known: Instance) -> Verdict:
        series, study = known.series, known.series.study
        if one.described.patient_id.strip() not in {"", study.patient_id}:
            return refused(one.file, other_patient(), by=self.by)
        self._remember(one, study.study_instance_uid, series.series_instance_uid, study.patient_id)
        prediction = _id(latest_prediction(known))
        return repeated(one.file, known, prediction=prediction, by=self.by)

    def _grouped(self, one: Examined, image: Image) -> Image:
        """Return the image as part of the study of its group, if that exists already."""
        group = self._groups.get(one.described.group)
        if group is None or image.kind == Instance.Kind.DICOM:
            return image
        return replace(
            image,
            study_instance_uid=group.study_instance_uid,
            series_instance_uid=group.series_instance_uid,
            patient_id=image.patient_id or group.patient_id,
        )

    def _remember(self, one: Examined, study: str, series: str, patient_id: str) -> None:
        is_raster = one.image is None or one.image.kind != Instance.Kind.DICOM
        if one.described.group and is_raster:
            self._groups.setdefault(one.described.group, _Group(study, series, patient_id))


def _refusal_of(conflict: PatientMismatch | SopInstanceConflict, image: Image) -> Refusal:
    if isinstance(conflict, PatientMismatch):
        return other_patient()
    return refuse(conflict.code, tag=tag("SOPInstanceUID"), found=image.sop_instance_uid)


def _without_model(site: Site) -> str:
    why = "The model is paused" if open_pause(site) else "No model is live"
    return f"{why} at this site; read it without the AI."


def _known(by: User, file: Received) -> Instance:
    known = instance_with_bytes(by.site, file.blob.sha256)
    if known is None:
        raise RuntimeError("an instance that was stored is gone")
    return known


def _id(prediction: Prediction | None) -> str | None:
    return str(prediction.pk) if prediction else None
