"""Plain headers as the airlock gives them."""

from typing import Any

from portal.dicom.accept import Header

EXPLICIT_LE = "1.2.840.10008.1.2.1"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"


def header(syntax: str = EXPLICIT_LE, size: int | None = None, **changes: Any) -> Header:
    """Return the header of a 64 x 80 radiograph of 8 bits; None leaves an element out."""
    elements: dict[str, Any] = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1",
        "MediaStorageSOPClassUID": "1.2.840.10008.5.1.4.1.1.1",
        "SOPInstanceUID": "1.2.3",
        "MediaStorageSOPInstanceUID": "1.2.3",
        "StudyInstanceUID": "1.2.4",
        "SeriesInstanceUID": "1.2.5",
        "PatientID": "P1",
        "PatientName": "Doe^Jane",
        "AccessionNumber": "A1",
        "Rows": 64,
        "Columns": 80,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 8,
        "BitsStored": 8,
    } | changes
    present = {name: value for name, value in elements.items() if value is not None}
    return Header(present, syntax, 64 * 80 if size is None else size)
