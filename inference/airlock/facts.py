"""What the intended-use gate reads of a header."""

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FACT_TAGS = (
    0x00080005,  # SpecificCharacterSet
    0x00080016,  # SOPClassUID
    0x00080020,  # StudyDate
    0x00080022,  # AcquisitionDate
    0x00080023,  # ContentDate
    0x00080060,  # Modality
    0x00080068,  # PresentationIntentType
    0x00100030,  # PatientBirthDate
    0x00101010,  # PatientAge
    0x00180015,  # BodyPartExamined
    0x00185101,  # ViewPosition
    0x00200020,  # PatientOrientation
    0x00200060,  # Laterality
    0x00200062,  # ImageLaterality
    0x00280004,  # PhotometricInterpretation
    0x00280008,  # NumberOfFrames
    0x00280301,  # BurnedInAnnotation
)
_DAYS_A_YEAR = 365.2425
_UNIT_YEARS = {"D": 1 / _DAYS_A_YEAR, "W": 7 / _DAYS_A_YEAR, "M": 1 / 12, "Y": 1.0}
_OLDEST = 130.0
_DATES = ("StudyDate", "AcquisitionDate", "ContentDate")


def facts_of(elements: "Mapping[str, Any]") -> dict[str, Any]:
    """Return the facts of a header.

    Parameters
    ----------
    elements : mapping
        Plain values by keyword, as ``plain.Plain`` gives them.

    Returns
    -------
    dict
        Texts, ``""`` where the header says nothing (or nothing that is a text), and
        ``age_years`` (float, years, or None where it is not known) with ``age_source``,
        ``number_of_frames`` (int, or None where it is no number).
    """
    age, source = age_of(elements)
    return {
        "sop_class_uid": text(elements, "SOPClassUID"),
        "modality": text(elements, "Modality").upper(),
        "body_part": text(elements, "BodyPartExamined").upper(),
        "view": text(elements, "ViewPosition").upper(),
        "age_years": age,
        "age_source": source,
        "number_of_frames": frames(elements.get("NumberOfFrames", 1)),
        "photometric_interpretation": text(elements, "PhotometricInterpretation").upper(),
        "presentation_intent_type": text(elements, "PresentationIntentType").upper(),
        "laterality": (text(elements, "ImageLaterality") or text(elements, "Laterality")).upper(),
        "patient_orientation": text(elements, "PatientOrientation").upper(),
        "burned_in_annotation": text(elements, "BurnedInAnnotation").upper(),
    }


def text(elements: "Mapping[str, Any]", keyword: str) -> str:
    """Return a text; several values are joined as in the file, by a backslash."""
    value = elements.get(keyword)
    if isinstance(value, list):
        return "\\".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def frames(value: object) -> int | None:
    """Return the number of frames; absent or empty means one."""
    if value is None or value == "":
        return 1
    return value if isinstance(value, int) else None


def age_of(elements: "Mapping[str, Any]") -> tuple[float | None, str]:
    """Return the age in years and where it comes from; ``(None, "")`` when it is not known.

    PatientAge is believed first (PS3.5 section 6.2, AS: digits and D, W, M or Y). Real files have
    it without a unit; up to three digits alone are taken for years, and the source says so. Else
    the age is counted from the birth date to the first usable date of the study.
    """
    written = text(elements, "PatientAge").strip().upper()
    if match := re.fullmatch(r"([0-9]{1,3})([DWMY])", written, re.ASCII):
        return plausible(int(match[1]) * _UNIT_YEARS[match[2]], "PatientAge")
    if re.fullmatch(r"[0-9]{1,3}", written, re.ASCII):
        return plausible(float(written), "PatientAge without unit")
    born = day(text(elements, "PatientBirthDate"))
    for keyword in _DATES if born else ():
        then = day(text(elements, keyword))
        if born and then:
            years = (then - born).days / _DAYS_A_YEAR
            return plausible(years, f"PatientBirthDate and {keyword}")
    return None, ""


def plausible(years: float, source: str) -> tuple[float | None, str]:
    """Return the age unless no person has it."""
    return (years, source) if 0 <= years <= _OLDEST else (None, "")


def day(written: str) -> date | None:
    """Return a DICOM date, ``YYYYMMDD`` or the retired ``YYYY.MM.DD``; None if it is none."""
    digits = written.replace(".", "")
    if not re.fullmatch(r"[0-9]{8}", digits, re.ASCII):
        return None
    try:
        return datetime.strptime(f"{digits}+0000", "%Y%m%d%z").date()
    except ValueError:
        return None
