"""What a DICOM header must say to be taken. By allow-list: what is not named here is refused.

The header comes from the airlock as plain values by keyword. Whether the *model* may read an
image is another question, put later: what is merely outside its use is stored and shown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.dicom.geometry import check_geometry
from portal.dicom.image import SECONDARY_CAPTURE, Image
from portal.dicom.refusal import Refusal, refuse
from portal.dicom.texts import LONGEST, SHOWN, check_text
from portal.dicom.uid import is_uid
from portal.dicom.values import age_in_years, code, day, is_empty, tag, text, whole, years_between

SOP_CLASSES: Mapping[str, str] = {
    "1.2.840.10008.5.1.4.1.1.1": "Computed Radiography",
    "1.2.840.10008.5.1.4.1.1.1.1": "Digital X-Ray, For Presentation",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "Digital X-Ray, For Processing",
    SECONDARY_CAPTURE: "Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.7.1": "Multi-frame Single Bit Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.7.2": "Multi-frame Grayscale Byte Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.7.3": "Multi-frame Grayscale Word Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.7.4": "Multi-frame True Color Secondary Capture",
}
"""Names of the SOP classes that are taken, by UID (PS3.4 annex B.5)."""

_T = "1.2.840.10008.1.2"
NATIVE_SYNTAXES: Mapping[str, str] = {
    _T: "Implicit VR Little Endian",
    f"{_T}.1": "Explicit VR Little Endian",
    f"{_T}.1.99": "Deflated Explicit VR Little Endian",
    f"{_T}.2": "Explicit VR Big Endian",
}
TRANSFER_SYNTAXES: Mapping[str, str] = {
    **NATIVE_SYNTAXES,
    f"{_T}.4.50": "JPEG Baseline",
    f"{_T}.4.51": "JPEG Extended",
    f"{_T}.4.57": "JPEG Lossless",
    f"{_T}.4.70": "JPEG Lossless, First-Order Prediction",
    f"{_T}.4.80": "JPEG-LS Lossless",
    f"{_T}.4.81": "JPEG-LS Near-Lossless",
    f"{_T}.4.90": "JPEG 2000 Lossless",
    f"{_T}.4.91": "JPEG 2000",
    f"{_T}.4.201": "High-Throughput JPEG 2000 Lossless",
    f"{_T}.4.202": "High-Throughput JPEG 2000 with RPCL Lossless",
    f"{_T}.4.203": "High-Throughput JPEG 2000",
    f"{_T}.5": "RLE Lossless",
}
"""Names of the transfer syntaxes that are taken, by UID (PS3.6 table A-1)."""

_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_REQUIRED = (
    *("SOPClassUID", *_UIDS),
    *("Rows", "Columns", "BitsAllocated", "BitsStored"),
    *("SamplesPerPixel", "PhotometricInterpretation"),
)
_SINGLE = (*_REQUIRED, "NumberOfFrames", *LONGEST)
_META = {
    "MediaStorageSOPClassUID": "SOPClassUID",
    "MediaStorageSOPInstanceUID": "SOPInstanceUID",
}


@dataclass(frozen=True, slots=True)
class Header:
    """What the airlock says of a DICOM file.

    Parameters
    ----------
    elements : mapping
        Values of the data set and of the file meta information, by keyword.
    transfer_syntax_uid : str
        How the data set is encoded.
    pixel_data_bytes : int
        Length of the pixel data in the file, once inflated; all fragments of encapsulated ones.
    """

    elements: Mapping[str, Any]
    transfer_syntax_uid: str
    pixel_data_bytes: int

    @property
    def is_native(self) -> bool:
        """Whether the pixels are uncompressed."""
        return self.transfer_syntax_uid in NATIVE_SYNTAXES


def check_header(header: Header) -> Refusal | None:
    """Return why a DICOM file is not taken, or None if nothing speaks against it."""
    return next(filter(None, (rule(header) for rule in _RULES)), None)


def image_of(header: Header) -> Image:
    """Return what is stored about a DICOM file that `check_header` has passed."""
    elements = header.elements
    return Image(
        kind="dicom",
        study_instance_uid=text(elements, "StudyInstanceUID"),
        series_instance_uid=text(elements, "SeriesInstanceUID"),
        sop_instance_uid=text(elements, "SOPInstanceUID"),
        sop_class_uid=text(elements, "SOPClassUID"),
        transfer_syntax_uid=header.transfer_syntax_uid,
        rows=whole(elements, "Rows") or 0,
        columns=whole(elements, "Columns") or 0,
        patient_id=text(elements, "PatientID"),
        patient_name=text(elements, "PatientName"),
        patient_birth_date=day(elements, "PatientBirthDate"),
        patient_sex=_sex(elements),
        accession_number=text(elements, "AccessionNumber"),
        study_date=day(elements, "StudyDate"),
        study_description=text(elements, "StudyDescription", longest=64),
        modality=code(elements, "Modality"),
        series_description=text(elements, "SeriesDescription", longest=64),
        facts=facts_of(elements),
    )


def facts_of(elements: Mapping[str, Any]) -> dict[str, Any]:
    """Return what bears on whether a model may read the image; what is not known is left out."""
    age = age_in_years(text(elements, "PatientAge"))
    if age is None:
        age = years_between(day(elements, "PatientBirthDate"), day(elements, "StudyDate"))
    facts = {
        "modality": code(elements, "Modality"),
        "body_part": code(elements, "BodyPartExamined"),
        "view": code(elements, "ViewPosition"),
        "age_years": age,
        "sex": _sex(elements),
        "presentation_intent": code(elements, "PresentationIntentType"),
        "photometric_interpretation": code(elements, "PhotometricInterpretation"),
        "bits_stored": whole(elements, "BitsStored"),
        "frames": whole(elements, "NumberOfFrames") or 1,
        "manufacturer": text(elements, "Manufacturer", longest=64),
        "manufacturer_model_name": text(elements, "ManufacturerModelName", longest=64),
    }
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _has_what_is_required(header: Header) -> Refusal | None:
    for keyword in _REQUIRED:
        if is_empty(header.elements, keyword):
            return refuse("missing_element", tag=tag(keyword))
    return None


def _has_one_value_each(header: Header) -> Refusal | None:
    for keyword in _SINGLE:
        value = header.elements.get(keyword)
        if isinstance(value, list | dict) and value:
            return refuse("several_values", tag=tag(keyword), found=f"{len(value)} values")
    return None


def _uids_are_uids(header: Header) -> Refusal | None:
    for keyword in _UIDS:
        value = header.elements[keyword]
        if not (isinstance(value, str) and is_uid(value)):
            return refuse("invalid_uid", tag=tag(keyword), found=value)
    return None


def _is_a_radiograph(header: Header) -> Refusal | None:
    value = text(header.elements, "SOPClassUID")
    if not value or value in SOP_CLASSES:
        return None
    return refuse("unsupported_sop_class", tag=tag("SOPClassUID"), found=value)


def _meta_names_this_object(header: Header) -> Refusal | None:
    for keyword, named in _META.items():
        value = text(header.elements, keyword)
        if value and value != text(header.elements, named):
            return refuse("file_meta_mismatch", tag=tag(keyword), found=value)
    return None


def _syntax_is_taken(header: Header) -> Refusal | None:
    if header.transfer_syntax_uid in TRANSFER_SYNTAXES:
        return None
    found = header.transfer_syntax_uid
    return refuse("unsupported_transfer_syntax", tag=tag("TransferSyntaxUID"), found=found)


def _geometry_is_sane(header: Header) -> Refusal | None:
    return check_geometry(
        header.elements, pixel_data_bytes=header.pixel_data_bytes, native=header.is_native
    )


def _texts_are_safe(header: Header) -> Refusal | None:
    checks = (check_text(k, text(header.elements, k), tag=tag(k)) for k in SHOWN)
    return next(filter(None, checks), None)


def _sex(elements: Mapping[str, Any]) -> str:
    value = code(elements, "PatientSex")
    return value if value in {"M", "F", "O"} else ""


_RULES: tuple[Callable[[Header], Refusal | None], ...] = (
    _has_one_value_each,
    _is_a_radiograph,  # before what only a radiograph has to have
    _has_what_is_required,
    _uids_are_uids,
    _meta_names_this_object,
    _syntax_is_taken,
    _geometry_is_sane,
    _texts_are_safe,
)
