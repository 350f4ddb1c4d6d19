"""A DICOM Part 10 file, opened: its file meta information and where its elements lie. PS3.10."""

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inference.airlock import limits
from inference.airlock.elements import Encoding, Walk, shown
from inference.airlock.refused import Refused
from inference.airlock.sniff import PREAMBLE_BYTES

if TYPE_CHECKING:
    from inference.airlock.elements import Elements

TRANSFER_SYNTAX_UID = 0x00020010
IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
RLE_LOSSLESS = "1.2.840.10008.1.2.5"
JPEG = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70))
JPEG_LS = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (80, 81))
JPEG_2000 = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 201, 202, 203))
LOSSY = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 81, 91, 203))
NATIVE = frozenset(
    {
        IMPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_BIG_ENDIAN,
        DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    }
)
SUPPORTED = NATIVE | JPEG | JPEG_LS | JPEG_2000 | {RLE_LOSSLESS}

_META = Encoding(little=True, explicit=True)
_INFLATE_STEP = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part10:
    """A file whose elements have been found and bounded.

    Parameters
    ----------
    data : memoryview
        What the elements point into: the file, or the inflated data set.
    meta : dict
        Elements of group 0002, read already: their bytes by tag.
    dataset : Elements
        The data set.
    transfer_syntax_uid : str
        One of ``SUPPORTED``.
    """

    data: memoryview
    meta: dict[int, bytes]
    dataset: "Elements"
    transfer_syntax_uid: str

    def value(self, tag: int) -> bytes:
        """Return the bytes of a top-level element, empty if it is not there."""
        element = self.dataset.get(tag)
        return b"" if element is None else bytes(self.data[element.start :][: element.length])


def open_part10(file: memoryview) -> Part10:
    """Return the opened file.

    Parameters
    ----------
    file : memoryview
        A file that ``sniff`` called DICOM.

    Raises
    ------
    Refused
        ``truncated``, ``structure_broken``, ``duplicate_element``, ``too_many_elements``,
        ``nesting_too_deep``, ``missing_element``, ``unsupported_transfer_syntax``,
        ``deflate_bomb``.
    """
    walk = Walk(file)
    elements, at = walk.elements(PREAMBLE_BYTES + 4, len(file), _META, group=2)
    meta = {e.tag: bytes(file[e.start : e.start + e.length]) for e in elements.values()}
    syntax = meta.get(TRANSFER_SYNTAX_UID, b"").rstrip(b"\0 ").decode("latin-1")
    if not syntax:
        raise Refused("missing_element", tag=shown(TRANSFER_SYNTAX_UID))
    if syntax not in SUPPORTED:
        raise Refused("unsupported_transfer_syntax", tag=shown(TRANSFER_SYNTAX_UID), found=syntax)
    if syntax == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
        walk.data, at = memoryview(inflate(file[at:])), 0
    dataset, _ = walk.elements(at, len(walk.data), encoding_of(syntax))
    return Part10(walk.data, meta, dataset, syntax)


def encoding_of(syntax: str) -> Encoding:
    """Return byte order and VR of a transfer syntax. PS3.5 annex A."""
    return Encoding(
        little=syntax != EXPLICIT_VR_BIG_ENDIAN, explicit=syntax != IMPLICIT_VR_LITTLE_ENDIAN
    )


def inflate(deflated: memoryview) -> bytearray:
    """Return the inflated data set, in steps, so that a bomb stops early.

    Raises
    ------
    Refused
        ``deflate_bomb``, ``truncated``, ``structure_broken``.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = bytearray()
    rest: bytes | memoryview = deflated
    while not inflater.eof:
        step = _inflate_step(inflater, rest)
        rest = inflater.unconsumed_tail
        if not step and not rest:
            raise Refused("truncated", found="a deflated data set without its end")
        inflated += step
        _refuse_bomb(len(inflated), len(deflated))
    return inflated


def _inflate_step(inflater: "zlib._Decompress", rest: bytes | memoryview) -> bytes:
    try:
        return inflater.decompress(rest, _INFLATE_STEP)
    except zlib.error as error:
        raise Refused("structure_broken", found="a broken deflated data set") from error


def _refuse_bomb(inflated: int, deflated: int) -> None:
    suspicious = inflated > limits.INFLATED_UNSUSPICIOUS
    if inflated > limits.INFLATED_LIMIT or (
        suspicious and inflated > limits.INFLATE_RATIO_LIMIT * deflated
    ):
        raise Refused("deflate_bomb", found=f"{inflated} bytes from {deflated}")
