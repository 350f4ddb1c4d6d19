"""What an uploader says beside a file that cannot say it itself: a PNG or JPEG."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from portal.dicom.image import SECONDARY_CAPTURE, Image
from portal.dicom.refusal import Refusal, refuse
from portal.dicom.texts import check_text
from portal.dicom.uid import derived_uid
from portal.dicom.values import age_in_years

VIEWS = frozenset({"AP", "PA", "LL", "RL", "LLD", "RLD", "LLO", "RLO", "LATERAL"})
"""Of PS3.3 section C.8.1.1 (View Position), and the plain word for LL or RL."""
_SEXES = frozenset({"", "M", "F", "O"})
_GROUP_LIMIT = 64
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Described:
    """What was sent beside one file, as it was sent; everything is optional.

    ``age`` is years ("4") or a DICOM age string ("004Y", "18M"); ``sex`` is M, F or O; files of
    one ``group`` become one study.
    """

    patient_id: str = ""
    patient_name: str = ""
    age: str = ""
    sex: str = ""
    view: str = ""
    group: str = ""


def check_described(described: Described) -> Refusal | None:
    """Return what of the metadata is not usable, or None."""
    return next(_reasons(described), None)


def facts_of(described: Described) -> dict[str, Any]:
    """Return the facts of a description that `check_described` has passed."""
    facts = {
        "view": described.view.strip().upper(),
        "age_years": _age(described.age),
        "sex": described.sex.strip().upper(),
    }
    return {name: value for name, value in facts.items() if value not in (None, "")}


def raster_image(
    described: Described, *, kind: str, size: tuple[int, int], uids: tuple[str, str, str]
) -> Image:
    """Return what is stored about a PNG or JPEG.

    ``size`` is rows and columns, pixels; ``uids`` are those of study, series and instance.
    """
    study, series, instance = uids
    return Image(
        kind=kind,
        study_instance_uid=study,
        series_instance_uid=series,
        sop_instance_uid=instance,
        sop_class_uid=SECONDARY_CAPTURE,
        rows=size[0],
        columns=size[1],
        patient_id=described.patient_id.strip(),
        patient_name=described.patient_name.strip(),
        patient_sex=described.sex.strip().upper(),
        facts=facts_of(described),
    )


def raster_uids(site: str, sha256: str) -> tuple[str, str, str]:
    """Return the UIDs of study, series and instance of a lone PNG or JPEG at a site."""
    study, series, instance = (
        derived_uid(site, sha256, level) for level in ("study", "series", "instance")
    )
    return study, series, instance


def _reasons(described: Described) -> Iterator[Refusal]:
    for field, keyword, value in (
        ("patient_id", "PatientID", described.patient_id.strip()),
        ("patient_name", "PatientName", described.patient_name.strip()),
    ):
        if refused := check_text(keyword, value):
            yield refuse("metadata_invalid", tag=field, found=refused.found)
    if described.age.strip() and _age(described.age) is None:
        yield _invalid("age", described.age)
    if described.sex.strip().upper() not in _SEXES:
        yield _invalid("sex", described.sex)
    view = described.view.strip().upper()
    if view and view not in VIEWS:
        yield _invalid("view", described.view)
    if len(described.group) > _GROUP_LIMIT:
        yield _invalid("group", described.group)


def _invalid(field: str, value: str) -> Refusal:
    """Refuse a value; a long one is not repeated, for it may be a name in the wrong column."""
    found = value if len(value) <= _SHOWN else f"{len(value)} characters"
    return refuse("metadata_invalid", tag=field, found=found)


def _age(text: str) -> float | None:
    """Return an age in years; a bare number counts years."""
    text = text.strip().upper()
    return age_in_years(f"{text}Y" if re.fullmatch(r"[0-9]{1,3}", text) else text)
