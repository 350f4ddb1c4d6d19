from dataclasses import dataclass, field
from datetime import date
from typing import Any

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True, slots=True)
class Image:
    """What is stored about one accepted file.

    ``kind`` is ``dicom``, ``png`` or ``jpeg``; ``rows`` and ``columns`` are pixels. ``facts`` are
    what bears on whether a model may read it: ``modality``, ``body_part``, ``view``,
    ``age_years`` (years), ``sex`` and more; what is not known is left out.
    """

    kind: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    rows: int
    columns: int
    transfer_syntax_uid: str = ""
    patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: date | None = None
    patient_sex: str = ""
    accession_number: str = ""
    study_date: date | None = None
    study_description: str = ""
    modality: str = ""
    series_description: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
