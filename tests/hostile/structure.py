"""Broken structure: cut, lying lengths, sequences without end, what must be there and is not."""

import functools
import itertools
import random
import struct
from collections.abc import Iterator

from tests.dicom_files import (
    DEFLATED,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LOSSLESS,
    JPEG_LS,
    RLE,
)
from tests.hostile.case import Case, child, seed_of, spoilt
from tests.inference.airlock.raw import UNDEFINED, delimiter, element, sequence

CUTS = 64
MUTANTS = 192
_SYNTAXES = {
    "explicit": EXPLICIT_LE,
    "implicit": IMPLICIT_LE,
    "big-endian": EXPLICIT_BE,
    "deflated": DEFLATED,
    "jpeg-lossless": JPEG_LOSSLESS,
    "jpeg-2000": JPEG_2000_LOSSLESS,
    "rle": RLE,
}
_REQUIRED = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored"),
    *("SamplesPerPixel", "PhotometricInterpretation"),
)
_OPTIONAL = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "StudyDate"),
    *("AccessionNumber", "StudyID", "SeriesNumber", "InstanceNumber", "Modality", "ViewPosition"),
    *("BodyPartExamined", "HighBit", "PixelRepresentation", "WindowCenter", "WindowWidth"),
    *("ImageType", "SpecificCharacterSet", "BurnedInAnnotation", "PresentationIntentType"),
)
_SEQUENCE = 0x00081140  # ReferencedImageSequence
_BEHIND_PIXELS = 0xFFFCFFFC  # DataSetTrailingPadding
_OTHER_SYNTAXES = {
    "unknown": "1.2.826.0.1.99999.1",
    "mpeg2": "1.2.840.10008.1.2.4.100",
    "mpeg4": "1.2.840.10008.1.2.4.102",
    "hevc": "1.2.840.10008.1.2.4.107",
    "jpip": "1.2.840.10008.1.2.4.94",
    "smpte-2110": "1.2.840.10008.1.2.7.1",
    "papyrus": "1.2.840.10008.1.20",
    "private-ge": "1.2.840.113619.5.2",
    "words": "Explicit VR Little Endian",
    "traversal": "../../../../etc/passwd",
}


def cases() -> Iterator[Case]:
    """Yield the family."""
    return itertools.chain(
        _cut(), _mutated(), _missing(), _repeated(), _lengths(), _sequences(), _meta(), _syntaxes()
    )


def _cut() -> Iterator[Case]:
    for syntax, where in itertools.product(_SYNTAXES, range(CUTS)):
        name = f"structure/cut-{syntax}-{where:02}"
        yield Case(name, functools.partial(_cut_file, name, _SYNTAXES[syntax], where))


def _cut_file(name: str, syntax: str, where: int) -> bytes:
    """Return a file that ends early: half of the cuts within the header, half in the pixels."""
    whole = child(name, syntax=syntax)
    header, half = 1000, CUTS // 2
    if where < half:
        return whole[: 120 + (header - 120) * where // half]
    return whole[: header + (len(whole) - header) * (where - half) // half]


def _mutated() -> Iterator[Case]:
    for number in range(MUTANTS):
        syntax = ("explicit", "implicit", "big-endian")[number % 3]
        name = f"structure/mutant-{syntax}-{number:03}"
        yield Case(name, functools.partial(_mutant, name, _SYNTAXES[syntax]))


def _mutant(name: str, syntax: str) -> bytes:
    """Return a file with 1 to 24 bytes of its header changed."""
    chance = random.Random(seed_of(name))
    mutant = bytearray(child(name, syntax=syntax))
    for _ in range(chance.randint(1, 24)):
        mutant[chance.randrange(132, 1000)] = chance.randrange(256)
    return bytes(mutant)


def _missing() -> Iterator[Case]:
    for keyword in _REQUIRED:
        yield spoilt(f"structure/without-{keyword}", **{keyword: None})
        yield spoilt(f"structure/empty-{keyword}", **{keyword: b""})
    for keyword in _OPTIONAL:
        yield spoilt(f"structure/without-{keyword}", **{keyword: None})
        yield spoilt(f"structure/empty-{keyword}", **{keyword: b""})
    yield spoilt("structure/without-PixelData", PixelData=None)
    yield spoilt("structure/empty-PixelData", PixelData=b"")
    name = "structure/without-meta"
    yield Case(name, lambda: b"\0" * 128 + b"DICM" + child(name)[500:])
    yield Case("structure/only-preamble", lambda: b"\0" * 128 + b"DICM")
    yield Case("structure/without-preamble", lambda: child("structure/without-preamble")[128:])


def _repeated() -> Iterator[Case]:
    for tag, vr, value in (
        (0x00100020, "LO", b"OTHER "),
        (0x00100010, "PN", b"Other^Name"),
        (0x00280010, "US", b"\0\1"),
        (0x7FE00010, "OW", b"\0\0" * 99),
    ):
        name = f"structure/repeated-{tag:08x}"
        yield Case(name, functools.partial(_with, name, element(tag, vr, value)))
    for keyword, value in (
        ("StudyInstanceUID", b"1.2.3\\1.2.4"),
        ("SOPInstanceUID", b"1.2.3\\1.2.4"),
        ("PatientID", b"A\\B "),
        ("Rows", b"\x80\0\x80\0"),
        ("BitsAllocated", b"\x10\0\x08\0"),
        ("NumberOfFrames", b"1\\1 "),
        ("PhotometricInterpretation", b"MONOCHROME1\\MONOCHROME2 "),
    ):
        yield spoilt(f"structure/several-{keyword}", **{keyword: value})


def _lengths() -> Iterator[Case]:
    for vr in ("LO", "UI", "US", "OW", "UN", "SQ", "UT"):
        for length in (1, 3, 0x7FFF, 0xFFFE) + ((0x7FFFFFFF, 0xFFFFFFFE) if vr in _LONG else ()):
            name = f"structure/length-{vr}-{length:x}"
            tag = 0x00091001 if vr != "SQ" else 0x00091002
            yield Case(
                name, functools.partial(_before_pixels, name, element(tag, vr, b"ab", length))
            )
    for behind in (b"\0", b"\0" * 511, b"trailing words", b"\xff" * 64, b"PK\x03\x04", b"MZ\x90\0"):
        name = f"structure/behind-{behind[:4].hex()}-{len(behind)}"
        yield Case(name, functools.partial(_with, name, behind))
    name = "structure/trailing-padding"
    yield Case(name, functools.partial(_with, name, element(_BEHIND_PIXELS, "OB", b"\0" * 64)))


_LONG = ("OW", "UN", "SQ", "UT")


def _sequences() -> Iterator[Case]:
    deep = element(0x00081155, "UI", b"1.2.3\0")
    for depth in (1, 8, 31, 32, 33, 40, 200, 5000):
        name = f"structure/nested-{depth}"
        yield Case(name, functools.partial(_nested, name, depth))
    for what, body in {
        "unclosed": sequence(_SEQUENCE, deep, closed=False),
        "unclosed-item": element(
            _SEQUENCE, "SQ", delimiter(0xFFFEE000, UNDEFINED) + deep, UNDEFINED
        ),
        "empty": sequence(_SEQUENCE),
        "of-elements": element(_SEQUENCE, "SQ", deep),
        "item-too-long": element(_SEQUENCE, "SQ", delimiter(0xFFFEE000, 0x7FFFFFFF) + deep),
        "item-too-short": element(_SEQUENCE, "SQ", delimiter(0xFFFEE000, 4) + deep),
        "stray-delimiter": delimiter(0xFFFEE00D) + deep,
        "thousand-items": sequence(_SEQUENCE, *[deep] * 1000),
        "private-unclosed": element(0x00091010, "UN", delimiter(0xFFFEE000, UNDEFINED), UNDEFINED),
        "text-without-length": element(0x00104000, "UT", b"words", UNDEFINED),
    }.items():
        name = f"structure/sequence-{what}"
        yield Case(name, functools.partial(_before_pixels, name, body))
    for count in (3000, 19_000, 25_000, 200_000):
        name = f"structure/elements-{count}"
        yield Case(name, functools.partial(_elements, name, count))


def _nested(name: str, depth: int) -> bytes:
    body = element(0x00081155, "UI", b"1.2.3\0")
    heads = b"".join(
        element(_SEQUENCE, "SQ", delimiter(0xFFFEE000, UNDEFINED), UNDEFINED) for _ in range(depth)
    )
    ends = (delimiter(0xFFFEE00D) + delimiter(0xFFFEE0DD)) * depth
    return _before_pixels(name, heads + body + ends)


def _elements(name: str, count: int) -> bytes:
    many = b"".join(
        struct.pack("<HH2sH", 0x0009 + 2 * (n >> 12), n & 0xFFF | 0x1000, b"LO", 0)
        for n in range(count)
    )
    return _before_pixels(name, many)


def _meta() -> Iterator[Case]:
    for keyword, value in (
        ("MediaStorageSOPClassUID", "1.2.840.10008.5.1.4.1.1.2"),
        ("MediaStorageSOPClassUID", None),
        ("MediaStorageSOPInstanceUID", "2.25.1"),
        ("MediaStorageSOPInstanceUID", "../../evil"),
        ("MediaStorageSOPInstanceUID", None),
        ("TransferSyntaxUID", None),
        ("TransferSyntaxUID", ""),
    ):
        shown = {None: "none", "": "empty"}.get(value, value and value.replace("/", "_"))
        yield spoilt(f"structure/meta-{keyword}-{shown}", meta={keyword: value})
    for other in (IMPLICIT_LE, EXPLICIT_BE, DEFLATED, JPEG_BASELINE, JPEG_LS, RLE):
        # what the meta information says is not how the data set is written
        yield spoilt(f"structure/says-{other}", meta={"TransferSyntaxUID": other})
    for other in (IMPLICIT_LE, EXPLICIT_BE, DEFLATED, JPEG_2000_LOSSLESS):
        yield spoilt(f"structure/is-{other}", syntax=other, meta={"TransferSyntaxUID": EXPLICIT_LE})


def _syntaxes() -> Iterator[Case]:
    for what, uid in _OTHER_SYNTAXES.items():
        yield spoilt(f"structure/syntax-{what}", meta={"TransferSyntaxUID": uid})
    for what, uid in {
        "ct": "1.2.840.10008.5.1.4.1.1.2",
        "mr": "1.2.840.10008.5.1.4.1.1.4",
        "us": "1.2.840.10008.5.1.4.1.1.6.1",
        "mammography": "1.2.840.10008.5.1.4.1.1.1.2",
        "dicomdir": "1.2.840.10008.1.3.10",
        "pdf": "1.2.840.10008.5.1.4.1.1.104.1",
        "sr": "1.2.840.10008.5.1.4.1.1.88.11",
        "gsps": "1.2.840.10008.5.1.4.1.1.11.1",
        "seg": "1.2.840.10008.5.1.4.1.1.66.4",
        "raw": "1.2.840.10008.5.1.4.1.1.66",
        "private": "1.2.826.0.1.99999.2",
        "words": "Computed Radiography",
    }.items():
        yield spoilt(f"structure/class-{what}", SOPClassUID=uid)


def _with(name: str, behind: bytes) -> bytes:
    return child(name) + behind


def _before_pixels(name: str, inserted: bytes) -> bytes:
    """Return a file with bytes between its first group and the rest, where private data lie."""
    whole = child(name)
    at = whole.index(b"\x10\0\x10\0PN")
    return whole[:at] + inserted + whole[at:]
