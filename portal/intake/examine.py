"""What a file is, as far as it can be said without storing it."""

from dataclasses import asdict, dataclass

from portal import airlock
from portal.accounts.models import User
from portal.dicom.accept import Header, check_header, image_of
from portal.dicom.described import Described, check_described, raster_image, raster_uids
from portal.dicom.image import Image
from portal.dicom.refusal import Refusal, refuse
from portal.dicom.values import tag
from portal.errors import Unavailable
from portal.intake.verdict import Received
from portal.studies.selectors import instance_with_bytes


class AirlockDown(Unavailable):
    """Nobody opens files; the same request may be sent again."""

    code = "airlock_unavailable"


@dataclass(frozen=True, slots=True)
class Examined:
    """One file and what it is: an image, or refused; neither if its bytes are stored already."""

    file: Received
    described: Described
    image: Image | None = None
    refusal: Refusal | None = None


def examine(file: Received, described: Described, *, by: User) -> Examined:
    """Return what a file is.

    Raises
    ------
    AirlockDown
        The airlock does not answer.
    """
    if not file.blob.size:
        return Examined(file, described, refusal=refuse("empty_file"))
    if instance_with_bytes(by.site, file.blob.sha256):
        return Examined(file, described)
    found = check_described(described) or _open(file, described, by)
    if isinstance(found, Refusal):
        return Examined(file, described, refusal=found)
    return Examined(file, described, image=found)


def other_patient() -> Refusal:
    """Return the refusal of a file that contradicts whose study it is. It names nobody."""
    return refuse("patient_mismatch", tag=tag("PatientID"))


def _open(file: Received, described: Described, by: User) -> Image | Refusal:
    """Return what the airlock and the rules make of a file."""
    try:
        answer = _ask(file)
    except airlock.AirlockUnavailable as error:
        raise AirlockDown("No file can be opened at the moment; nothing was stored.") from error
    if isinstance(answer, airlock.Refusal):
        return Refusal(**asdict(answer))
    if answer.kind != "dicom":
        uids = raster_uids(by.site.slug, file.blob.sha256)
        size = (answer.rows, answer.columns)
        return raster_image(described, kind=answer.kind, size=size, uids=uids)
    header = _header(answer)
    image = check_header(header) or image_of(header)
    if isinstance(image, Image) and described.patient_id.strip() not in {"", image.patient_id}:
        return other_patient()
    return image


def _ask(file: Received) -> airlock.Header | airlock.Refusal:
    """Return the airlock's answer; if its reader broke, that of a second one.

    The first may have been killed, and the sender could do nothing but send the file again.
    """
    answer = airlock.header(file.blob.path)
    if isinstance(answer, airlock.Refusal) and answer.code == airlock.CRASHED:
        return airlock.header(file.blob.path)
    return answer


def _header(answer: airlock.Header) -> Header:
    meta = {
        "MediaStorageSOPClassUID": answer.media_storage_sop_class_uid,
        "MediaStorageSOPInstanceUID": answer.media_storage_sop_instance_uid,
    }
    return Header(
        elements={**answer.elements, **meta},
        transfer_syntax_uid=answer.transfer_syntax_uid,
        pixel_data_bytes=answer.pixel_data_bytes,
    )
