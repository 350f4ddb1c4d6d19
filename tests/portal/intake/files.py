"""Small images of their own, each time other ones."""

import uuid

import numpy as np

from tests.dicom_files import CR, child_chest, png_chest, saved

ABSENT = None
"""As the value of an element: leave it out."""
SLOPE = np.linspace(0, 255, 80 * 96).reshape(80, 96).astype("uint8")


def uid() -> str:
    """Return a new UID."""
    return f"2.25.{uuid.uuid4().int}"


def dicom(**elements: object) -> bytes:
    """Return a CR image of 80 x 96 pixels; ``elements`` by keyword replace its own."""
    own = {
        "SOPClassUID": CR,
        "SOPInstanceUID": uid(),
        "StudyInstanceUID": uid(),
        "SeriesInstanceUID": uid(),
        "PatientID": "P1",
        "PatientName": "Doe^Jane",
        "PatientBirthDate": "20200102",
        "PatientSex": "F",
        "AccessionNumber": "A1",
        "StudyDate": "20240203",
        "StudyDescription": "Chest",
        "Modality": "CR",
        "PresentationIntentType": ABSENT,
    }
    return child_chest(pixels=SLOPE, **own | elements)


def png(shade: int = 0) -> bytes:
    """Return a grey PNG; another ``shade`` is another picture."""
    return png_chest(pixels=np.maximum(SLOPE, np.uint8(shade)))


def jpeg(shade: int = 0) -> bytes:
    """Return the same as a JPEG."""
    from PIL import Image

    return saved(Image.fromarray(np.maximum(SLOPE, np.uint8(shade))), "JPEG")
