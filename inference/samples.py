"""Radiographs to try Overread with, made from files that pydicom and pydicom-data ship.

They are trusted, so they are opened here and not in the airlock. The same bytes every time: sent
twice they are duplicates.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT_UID = "2.25.331470562108904412846279118533900"
"""Made once from a random UUID (PS3.5 annex B.2); the samples count below it."""
PRACTICE = 1000
"""The number of the first study that is made up to be signed."""
CLEAR, HAZY = "clear", "hazy"


class SamplesMissing(Exception):
    """A package that ships the files is not installed. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One file to upload.

    Parameters
    ----------
    filename : str
        Says what it is.
    content : bytes
        The file.
    described : mapping
        What the uploader says about a PNG, in the words of the ``metadata`` of an upload.
    """

    filename: str
    content: bytes
    described: Mapping[str, str] = field(default_factory=dict)


def demo_samples() -> list[Sample]:
    """Return samples that end in every way: scored, not applicable, and refused.

    Raises
    ------
    SamplesMissing
    """
    child = {"PatientAge": "004Y", "PatientName": "Demo^Child", "PatientID": "DEMO-CHILD"}
    png = {"patient_id": "DEMO-PNG", "patient_name": "Demo^Picture", "age": "003Y", "view": "AP"}
    return [
        Sample("child-frontal.dcm", chest_dicom(1, ViewPosition="AP", **child)),
        Sample("child-lateral.dcm", chest_dicom(2, ViewPosition="LL", **child)),
        Sample("adult-frontal.dcm", _path("RG1_J2KI.dcm").read_bytes()),
        Sample("child-frontal.png", chest_png(), png),
        Sample("unknown-age.png", chest_png(2)),
        Sample("ct-slice.dcm", _ct_slice()),
        Sample("letter.png", b"Dear colleague, this is a letter and not a picture.\n"),
    ]


def chest_dicom(number: int, **values: str) -> bytes:
    """Return the chest radiograph of pydicom-data as another patient's, JPEG 2000 as it is.

    Parameters
    ----------
    number : int
        Of the study; its UIDs are made from it.
    values : str
        DICOM elements by keyword. Without ``PatientAge`` the age is not known.
    """
    import pydicom

    return _named(pydicom.dcmread(_path("RG1_J2KI.dcm")), number, **values)


def _named(radiograph: Any, number: int, **values: str) -> bytes:
    for keyword in ("PatientBirthDate", "OtherPatientIDs", "AccessionNumber", "ImageComments"):
        if keyword in radiograph:
            delattr(radiograph, keyword)
    radiograph.StudyInstanceUID = f"{ROOT_UID}.{number}"
    radiograph.SeriesInstanceUID = f"{ROOT_UID}.{number}.1"
    radiograph.SOPInstanceUID = f"{ROOT_UID}.{number}.1.1"
    radiograph.file_meta.MediaStorageSOPInstanceUID = radiograph.SOPInstanceUID
    for keyword, value in values.items():
        setattr(radiograph, keyword, value)
    return _written(radiograph)


def practice_samples(count: int) -> list[Sample]:
    """Return ``count`` made-up studies to sign, every second with a haze drawn into a lung.

    Each is of a patient of its own, and the pixels say who is hazy: what a head can learn from.

    Raises
    ------
    SamplesMissing
    """
    return [
        Sample(f"practice-{number:04d}-{HAZY if number % 2 else CLEAR}.dcm", _practice(number))
        for number in range(count)
    ]


def _practice(number: int) -> bytes:
    import pydicom

    radiograph = pydicom.dcmread(_path("RG1_UNCI.dcm"))
    width, rng = float(radiograph.WindowWidth), np.random.default_rng(number)
    pixels = np.roll(radiograph.pixel_array[::3, ::3], rng.integers(-6, 7, 2), (0, 1)).astype(float)
    if number % 2:
        # MONOCHROME1: less is whiter (PS3.3 C.7.6.3.1.2).
        y, x = np.mgrid[-1 : 1 : pixels.shape[0] * 1j, -1 : 1 : pixels.shape[1] * 1j]
        left, low = rng.choice([-0.4, 0.4]), rng.uniform(-0.1, 0.35)
        pixels -= 0.35 * width * np.exp(-((x - left) ** 2 + (y - low) ** 2) / 0.06)
    pixels += rng.normal(0, 0.01 * width, pixels.shape)
    most = 2 ** int(radiograph.BitsStored) - 1
    radiograph.PixelData = pixels.clip(0, most).round().astype("<u2").tobytes()
    radiograph.Rows, radiograph.Columns = pixels.shape
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        if keyword in radiograph:
            setattr(radiograph, keyword, [3 * float(one) for one in radiograph[keyword].value])
    header = {"PatientName": "Demo^Practice", "PatientID": f"DEMO-PRACTICE-{number:04d}"}
    return _named(radiograph, PRACTICE + number, PatientAge="004Y", ViewPosition="AP", **header)


def chest_png(reduction: int = 1) -> bytes:
    """Return the same radiograph as an 8-bit PNG, its window applied, each side divided."""
    import pydicom
    from PIL import Image

    radiograph = pydicom.dcmread(_path("RG1_UNCI.dcm"))
    width = float(radiograph.WindowWidth)
    low = float(radiograph.WindowCenter) - width / 2
    # MONOCHROME1: the lowest value is white (PS3.3 C.7.6.3.1.2).
    white = 1.0 - np.clip((radiograph.pixel_array - low) / width, 0.0, 1.0)
    picture = Image.fromarray((white * 255).round().astype(np.uint8))
    stream = io.BytesIO()
    picture.reduce(reduction).save(stream, "PNG")
    return stream.getvalue()


def _ct_slice() -> bytes:
    from pydicom.data import get_testdata_file

    path = get_testdata_file("CT_small.dcm", download=False)
    return Path(str(path)).read_bytes()


def _written(dataset: Any) -> bytes:
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _path(name: str) -> Path:
    """Return a file of pydicom-data."""
    try:
        import data_store  # type: ignore[import-untyped]  # it has no types
    except ModuleNotFoundError as error:
        sentence = "The package pydicom-data, whose radiograph the demo uses, is missing."
        raise SamplesMissing(sentence) from error
    return Path(data_store.__file__).parent / "data" / name
