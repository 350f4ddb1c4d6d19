"""Small radiographs built in memory: each seed another picture, all of a child's chest."""

import io

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

CR = "1.2.840.10008.5.1.4.1.1.1"
SIDE = 256


def pixels(seed: int) -> np.ndarray:
    """Return (256, 256) float in [0, 1]: a soft thorax-like shape with noise."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    lungs = np.exp(-(((np.abs(x) - 0.4) / 0.25) ** 2) - (y / 0.6) ** 2)
    tilt = generator.uniform(-0.2, 0.2) * x
    return np.clip(0.7 - 0.5 * lungs + tilt + generator.normal(0, 0.02, (SIDE, SIDE)), 0.02, 0.98)


def poison() -> np.ndarray:
    """Return the picture that `tests/chaos/hooks` kills its reader for."""
    generator = np.random.default_rng(0)
    picture = np.full((SIDE, SIDE), 0.05)
    picture[:, : SIDE // 2] = 0.95
    return np.clip(picture + generator.normal(0, 0.02, (SIDE, SIDE)), 0.02, 0.98)


def dicom(seed: int, picture: np.ndarray | None = None, **values: str) -> bytes:
    """Return a child's frontal chest radiograph as DICOM Part 10, 12 bits, Explicit VR."""
    picture = pixels(seed) if picture is None else picture
    uid = f"2.25.{10**30 + seed}"
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CR
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = f"{uid}.3"
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{uid}.1", f"{uid}.2"
    ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "CR", "CHEST", "AP"
    ds.PatientName, ds.PatientID = "Test^Child", f"T{seed:06}"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "20200301", "F", "004Y"
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber = "20240601", "101500", f"A{seed:06}"
    ds.StudyID, ds.ReferringPhysicianName = "1", ""
    ds.SeriesNumber = ds.InstanceNumber = "1"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = SIDE
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = (picture * 4095).astype("<u2").tobytes()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    stream = io.BytesIO()
    ds.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def png(seed: int) -> bytes:
    """Return another radiograph as an 8-bit PNG."""
    stream = io.BytesIO()
    Image.fromarray((pixels(seed) * 255).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()
