"""What becomes of an upload, as its sender, the audit trail and the log are told."""

import logging
from dataclasses import dataclass

from portal.accounts.models import User
from portal.audit.services import Action, Outcome, record_alone
from portal.dicom.refusal import Refusal
from portal.studies.blobs import IncomingBlob
from portal.studies.models import Instance

ALARMS = frozenset({"executable_preamble"})
"""Refusals that are an attack until somebody has looked."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """One file as it came. ``filename`` is the client's: shown to them again, nothing else."""

    filename: str
    blob: IncomingBlob


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one file.

    ``status`` is ``accepted``, ``duplicate`` or ``refused``; ``prediction`` the id of the newest
    prediction, None if there is none. ``code`` and the words say why a file was refused, or why
    an accepted one has no prediction.
    """

    filename: str
    status: str
    study_instance_uid: str = ""
    sop_instance_uid: str = ""
    prediction: str | None = None
    code: str = ""
    tag: str = ""
    found: str = ""
    detail: str = ""
    remedy: str = ""


def refused(file: Received, refusal: Refusal, *, by: User) -> Verdict:
    """Return the verdict on a file that is not taken; audited, and logged in the same words."""
    verdict = Verdict(
        filename=file.filename,
        status="refused",
        code=refusal.code,
        tag=refusal.tag,
        found=refusal.found,
        detail=refusal.detail,
        remedy=refusal.remedy,
    )
    _tell_refusal(file, verdict, by)
    return verdict


def repeated(
    file: Received, instance: Instance, *, prediction: str | None, code: str = "", by: User
) -> Verdict:
    """Return the verdict on a file that is stored already; audited."""
    verdict = Verdict(
        filename=file.filename,
        status="duplicate",
        study_instance_uid=instance.series.study.study_instance_uid,
        sop_instance_uid=instance.sop_instance_uid,
        prediction=prediction,
        code=code,
    )
    _tell_repeat(file, verdict, by)
    return verdict


def tell_again(file: Received, verdict: Verdict, *, by: User) -> None:
    """Audit that a file was answered once more as it was the first time."""
    tell = _tell_refusal if verdict.status == "refused" else _tell_repeat
    tell(file, verdict, by)


def _tell_refusal(file: Received, verdict: Verdict, by: User) -> None:
    record_alone(
        Action.UPLOAD_REFUSED,
        chain=by.site.slug,
        subject=f"upload:{file.blob.sha256}",
        by=by,
        outcome=Outcome.REFUSED,
        code=verdict.code,
        tag=verdict.tag,
        found=verdict.found,
    )
    level = logging.WARNING if verdict.code in ALARMS else logging.INFO
    logger.log(
        level,
        "upload refused: %s: %s Found at %s: %s. %s",
        *(verdict.code, verdict.detail, verdict.tag or "-", verdict.found or "-", verdict.remedy),
    )


def _tell_repeat(file: Received, verdict: Verdict, by: User) -> None:
    record_alone(
        Action.UPLOAD_REPEATED,
        chain=by.site.slug,
        subject=f"instance:{verdict.sop_instance_uid}",
        by=by,
        sha256=file.blob.sha256,
    )
