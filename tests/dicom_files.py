"""Radiographs made in memory: small, smooth, nobody's. The same arguments give the same bytes."""

import hashlib
import io
import struct
import zlib

import imagecodecs
import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element

CR = "1.2.840.10008.5.1.4.1.1.1"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
DX_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS_14 = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR = "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000 = "1.2.840.10008.1.2.4.91"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
RLE = "1.2.840.10008.1.2.5"

LOSSLESS = (
    *(IMPLICIT_LE, EXPLICIT_LE, DEFLATED, EXPLICIT_BE, JPEG_LOSSLESS_14, JPEG_LOSSLESS),
    *(JPEG_LS, JPEG_2000_LOSSLESS, HTJ2K_LOSSLESS, RLE),
)
"""Transfer syntaxes that give the pixels of ``chest_pixels`` back exactly."""
ENCAPSULATED = (
    *(JPEG_BASELINE, JPEG_EXTENDED, JPEG_LOSSLESS_14, JPEG_LOSSLESS, JPEG_LS, JPEG_LS_NEAR),
    *(JPEG_2000_LOSSLESS, JPEG_2000, HTJ2K_LOSSLESS, RLE),
)
LOSSY = (JPEG_EXTENDED, JPEG_LS_NEAR, JPEG_2000)


def chest_pixels(seed: int = 0, rows: int = 256, columns: int = 240) -> np.ndarray:
    """Return something like a chest: (rows, columns) uint16, 0 to 4095, every seed another one."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    picture = 0.75 - 0.25 * (np.abs(x) ** 3 + 0.3 * np.abs(y))
    for side in (-1, 1):
        centre, width, height = side * 0.42 + chance.normal(0, 0.03), 0.3, 0.62
        lung = ((x - centre) / width) ** 2 + ((y + 0.05) / height) ** 2
        picture -= 0.5 / (1 + np.exp(12 * (lung - 1)))
    picture += 0.12 * np.exp(-((x / 0.1) ** 2))  # spine
    picture += 0.2 * np.exp(-(((x - 0.15) / 0.25) ** 2) - ((y - 0.3) / 0.3) ** 2)  # heart
    picture += 0.02 * np.cos(22 * y + 3 * x**2) * (np.abs(x) < 0.8)  # ribs
    for _ in range(3):
        cx, cy, w = chance.uniform(-0.6, 0.6), chance.uniform(-0.5, 0.5), chance.uniform(0.1, 0.3)
        picture += chance.uniform(0.02, 0.1) * np.exp(-(((x - cx) ** 2 + (y - cy) ** 2) / w**2))
    picture -= picture.min()
    return np.rint(picture / picture.max() * 4095).astype(np.uint16)


def uid(*parts: object) -> str:
    """Return a UID that depends on ``parts`` alone (PS3.5 annex B.2 in form)."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def child_chest(
    *,
    seed: int = 0,
    syntax: str = EXPLICIT_LE,
    pixels: np.ndarray | None = None,
    preamble: bytes = b"\0" * 128,
    meta: dict[str, object] | None = None,
    **overrides: object,
) -> bytes:
    """Return a DX For Presentation file: the chest, AP, of a child of four.

    Parameters
    ----------
    seed : int
        Another picture, another patient, other UIDs.
    syntax : str
        Transfer syntax UID.
    pixels : array, optional
        (rows, columns), (rows, columns, 3) or (frames, rows, columns); 12-bit by default.
        Compressed syntaxes take one frame of grey.
    preamble : bytes
        128 of them.
    meta : dict, optional
        Elements of the file meta information, by keyword; None leaves one out.
    **overrides
        Elements by keyword. None leaves one out; bytes are written as they are, whatever the VR
        allows; other values go through pydicom.
    """
    pixels = chest_pixels(seed) if pixels is None else pixels
    if syntax == JPEG_BASELINE and pixels.dtype == np.uint16:
        pixels = (pixels >> 4).astype(np.uint8)
    dataset = header(seed, pixels)
    put_pixels(dataset, pixels, syntax)
    raw: dict[int, bytes] = {}
    for keyword, value in overrides.items():
        tag = tag_for_keyword(keyword)
        dataset.pop(tag, None)
        if isinstance(value, bytes):
            raw[tag] = value
        elif value is not None:
            dataset[tag] = DataElement(tag, vr_of(tag, value), value, validation_mode=IGNORE)
    body = encoded(dataset, raw, implicit=syntax == IMPLICIT_LE, little=syntax != EXPLICIT_BE)
    if syntax == DEFLATED:
        compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        body = compressor.compress(body) + compressor.flush()
        body += b"\0" * (len(body) % 2)
    told = {
        "MediaStorageSOPClassUID": dataset.get("SOPClassUID"),
        "MediaStorageSOPInstanceUID": dataset.get("SOPInstanceUID"),
        "TransferSyntaxUID": syntax,
        **(meta or {}),
    }
    return preamble + b"DICM" + meta_information(told) + body


def header(seed: int, pixels: np.ndarray) -> Dataset:
    """Return a data set without its pixels."""
    dataset = Dataset()
    for keyword, value in {
        "SpecificCharacterSet": "ISO_IR 192",
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "SOPClassUID": DX,
        "SOPInstanceUID": uid("instance", seed),
        "StudyDate": "20240615",
        "ContentDate": "20240615",
        "StudyTime": "101500",
        "AccessionNumber": f"A{seed:06d}",
        "Modality": "DX",
        "PresentationIntentType": "FOR PRESENTATION",
        "Manufacturer": "Overread tests",
        "StudyDescription": "Chest AP",
        "PatientName": f"Synthetic^Child {seed}",
        "PatientID": f"SYN-{seed:06d}",
        "PatientBirthDate": "20200301",
        "PatientSex": "O",
        "PatientAge": "004Y",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "AP",
        "StudyInstanceUID": uid("study", seed),
        "SeriesInstanceUID": uid("series", seed),
        "StudyID": "1",
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "BurnedInAnnotation": "NO",
    }.items():
        setattr(dataset, keyword, value)
    put_shape(dataset, pixels)
    return dataset


def put_shape(dataset: Dataset, pixels: np.ndarray) -> None:
    """Describe ``pixels``; 16-bit ones are 12 bits with a window over all of them."""
    colour = pixels.ndim == 3 and pixels.shape[2] == 3
    many = pixels.ndim == 3 and not colour
    deep = pixels.dtype.itemsize == 2
    dataset.Rows, dataset.Columns = pixels.shape[1:3] if many else pixels.shape[:2]
    dataset.SamplesPerPixel = 3 if colour else 1
    dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    dataset.BitsAllocated = 16 if deep else 8
    dataset.BitsStored = 12 if deep else 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    if colour:
        dataset.PlanarConfiguration = 0
    if many:
        dataset.NumberOfFrames = len(pixels)
    if deep:
        dataset.WindowCenter, dataset.WindowWidth = 2048, 4096


def put_pixels(dataset: Dataset, pixels: np.ndarray, syntax: str) -> None:
    """Put the pixels in, compressed if the syntax is."""
    if syntax not in ENCAPSULATED:
        swapped = pixels.astype(pixels.dtype.newbyteorder(">" if syntax == EXPLICIT_BE else "<"))
        raw = swapped.tobytes()
        vr = "OW" if pixels.dtype.itemsize == 2 or syntax == IMPLICIT_LE else "OB"
        dataset.add(DataElement("PixelData", vr, raw + b"\0" * (len(raw) % 2)))
        return
    dataset.PixelData = encapsulate([compressed(pixels, syntax)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def compressed(pixels: np.ndarray, syntax: str) -> bytes:
    """Return one grey frame as the stream of a transfer syntax."""
    bits = 12 if pixels.dtype.itemsize == 2 else 8
    jpeg = imagecodecs.jpeg8_encode
    return {
        JPEG_BASELINE: lambda: jpeg(pixels, level=95),
        JPEG_EXTENDED: lambda: jpeg(pixels, level=98, bitspersample=bits),
        JPEG_LOSSLESS_14: lambda: jpeg(pixels, lossless=True, predictor=4, bitspersample=bits),
        JPEG_LOSSLESS: lambda: jpeg(pixels, lossless=True, predictor=1, bitspersample=bits),
        JPEG_LS: lambda: imagecodecs.jpegls_encode(pixels),
        JPEG_LS_NEAR: lambda: imagecodecs.jpegls_encode(pixels, level=2),
        JPEG_2000_LOSSLESS: lambda: jpeg_2000(pixels, bits, level=0, reversible=True),
        JPEG_2000: lambda: jpeg_2000(pixels, bits, level=60, reversible=False),
        HTJ2K_LOSSLESS: lambda: imagecodecs.htj2k_encode(pixels, reversible=True),
        RLE: lambda: rle(pixels),
    }[syntax]()


def jpeg_2000(pixels: np.ndarray, bits: int, **options: object) -> bytes:
    return imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=bits, **options)


def rle(pixels: np.ndarray) -> bytes:
    """Return an RLE frame (PS3.5 annex G), most significant bytes first."""
    planes = [pixels >> 8, pixels & 0xFF] if pixels.dtype.itemsize == 2 else [pixels]
    segments = []
    for plane in planes:
        rows = plane.astype(np.uint8)
        segment = b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in rows)
        segments.append(segment + b"\0" * (len(segment) % 2))
    offsets = [64, *(64 + len(segments[0]) for _ in segments[1:])]
    table = np.zeros(16, "<u4")
    table[: len(segments) + 1] = [len(segments), *offsets]
    return table.tobytes() + b"".join(segments)


def vr_of(tag: int, value: object) -> str:
    """Return the VR to write ``value`` by."""
    vr = dictionary_VR(tag)
    if vr == "US or SS":
        return "SS" if isinstance(value, int) and value < 0 else "US"
    return "OW" if vr == "OB or OW" else vr


def encoded(dataset: Dataset, raw: dict[int, bytes], *, implicit: bool, little: bool) -> bytes:
    """Return a data set, with ``raw`` values by tag that no library would write."""
    elements: dict[int, bytes] = {}
    for element in dataset:
        buffer = DicomBytesIO()
        buffer.is_implicit_VR, buffer.is_little_endian = implicit, little
        write_data_element(buffer, element, "utf8")
        elements[int(element.tag)] = buffer.getvalue()
    for tag, value in raw.items():
        elements[tag] = raw_element(tag, value, implicit=implicit, little=little)
    return b"".join(elements[tag] for tag in sorted(elements))


def raw_element(tag: int, value: bytes, *, implicit: bool, little: bool) -> bytes:
    """Return an element with these very bytes as its value, an odd number of them if need be."""
    order, vr = "<" if little else ">", vr_of(tag, value)
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return head + struct.pack(f"{order}I", len(value)) + value
    if vr in {"OB", "OW", "OF", "OD", "SQ", "UC", "UN", "UR", "UT"}:
        return head + vr.encode() + struct.pack(f"{order}HI", 0, len(value)) + value
    return head + vr.encode() + struct.pack(f"{order}H", len(value) & 0xFFFF) + value


def meta_information(told: dict[str, object]) -> bytes:
    """Return group 0002; elements that are None are left out."""
    meta = Dataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.ImplementationClassUID = "2.25.1"
    for keyword, value in told.items():
        if value is not None:
            tag = tag_for_keyword(keyword)
            meta[tag] = DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE)
    elements = encoded(meta, {}, implicit=False, little=True)
    return struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(elements)) + elements


def png_chest(*, seed: int = 0, mode: str = "L", pixels: np.ndarray | None = None, **save) -> bytes:
    """Return a PNG.

    Parameters
    ----------
    seed : int
        Another picture.
    mode : str
        ``L``, ``I;16``, ``RGB``, ``RGBA``, ``LA``, ``P`` or ``1``.
    pixels : array, optional
        Instead of a chest: uint8, or uint16 for ``I;16``.
    **save
        For Pillow, ``pnginfo`` for example.
    """
    if pixels is None:
        pixels = chest_pixels(seed)
        pixels = pixels * 16 if mode == "I;16" else (pixels >> 4).astype(np.uint8)
    image = Image.fromarray(pixels)
    if image.mode != mode:
        image = image.convert(mode)
    return saved(image, "PNG", **save)


def jpeg_chest(
    *,
    seed: int = 0,
    quality: int = 95,
    mode: str = "L",
    exif_orientation: int | None = None,
    **save,
) -> bytes:
    """Return a JPEG.

    Parameters
    ----------
    seed : int
        Another picture.
    quality : int
        Of Pillow.
    mode : str
        ``L``, ``RGB`` or ``CMYK``.
    exif_orientation : int, optional
        1 to 8.
    **save
        For Pillow, ``progressive`` for example.
    """
    image = Image.fromarray((chest_pixels(seed) >> 4).astype(np.uint8)).convert(mode)
    if exif_orientation is not None:
        exif = Image.Exif()
        exif[0x0112] = exif_orientation
        save["exif"] = exif
    return saved(image, "JPEG", quality=quality, **save)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
