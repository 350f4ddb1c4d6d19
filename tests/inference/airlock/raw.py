"""Elements written byte by byte, to say what no library would write."""

import struct
import zlib

from tests.dicom_files import DEFLATED, DX, EXPLICIT_LE, uid

UNDEFINED = 0xFFFFFFFF
LONG = ("OB", "OW", "SQ", "UN", "UT")


def element(tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    """Return one element in explicit VR little endian; ``length`` may lie."""
    length = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in LONG:
        return head + struct.pack("<HI", 0, length) + value
    return head + struct.pack("<H", length) + value


def delimiter(tag: int, length: int = 0) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, length)


def sequence(tag: int, *items: bytes, closed: bool = True) -> bytes:
    """Return a sequence of unknown length; without its end if it is not ``closed``."""
    body = b"".join(
        delimiter(0xFFFEE000, UNDEFINED) + item + delimiter(0xFFFEE00D) for item in items
    )
    end = delimiter(0xFFFEE0DD) if closed else b""
    return element(tag, "SQ", body + end, UNDEFINED)


def part10(dataset: bytes, syntax: str = EXPLICIT_LE, preamble: bytes = b"\0" * 128) -> bytes:
    """Return a file around a data set."""
    padded = syntax.encode() + b"\0" * (len(syntax) % 2)
    instance = uid("raw").encode()
    meta = (
        element(0x00020002, "UI", DX.encode())
        + element(0x00020003, "UI", instance + b"\0" * (len(instance) % 2))
        + (element(0x00020010, "UI", padded) if syntax else b"")
    )
    return preamble + b"DICM" + meta + dataset


def deflated(dataset: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return part10(compressor.compress(dataset) + compressor.flush(), DEFLATED)
