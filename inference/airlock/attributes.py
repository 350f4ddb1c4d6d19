"""The attributes that say how pixels are stored. PS3.3 section C.7.6.3."""

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inference.airlock.elements import PIXEL_DATA, shown
from inference.airlock.limits import PIXEL_LIMIT, SIDE_MINIMUM
from inference.airlock.refused import Refused

if TYPE_CHECKING:
    from inference.airlock.part10 import Part10

SAMPLES_PER_PIXEL = 0x00280002
PHOTOMETRIC_INTERPRETATION = 0x00280004
PLANAR_CONFIGURATION = 0x00280006
NUMBER_OF_FRAMES = 0x00280008
ROWS = 0x00280010
COLUMNS = 0x00280011
BITS_ALLOCATED = 0x00280100
BITS_STORED = 0x00280101
HIGH_BIT = 0x00280102
PIXEL_REPRESENTATION = 0x00280103
_SHORT, _SHORT_BIG = struct.Struct("<H"), struct.Struct(">H")
_IS_LONGEST = 12
"""Characters of an integer string (PS3.5 section 6.2)."""
SIZE_TAG = f"{shown(ROWS)}, {shown(COLUMNS)}"


@dataclass(frozen=True, slots=True)
class Attributes:
    """How the pixels are stored: checked, and consistent with each other.

    Parameters
    ----------
    rows, columns, samples, frames : int
        Shape.
    bits_allocated, bits_stored, high_bit : int
        Bits of a sample.
    signed : bool
        Two's complement.
    planar : bool
        Samples lie in planes instead of side by side.
    photometric : str
        Photometric Interpretation, upper case.
    """

    rows: int
    columns: int
    samples: int
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: bool
    photometric: str

    @property
    def frame_bytes(self) -> int:
        """Bytes of one uncompressed frame."""
        samples = 2 if self.photometric == "YBR_FULL_422" else self.samples
        return self.rows * self.columns * samples * self.bits_allocated // 8


def attributes_of(part10: "Part10") -> Attributes:
    """Return the attributes of the image.

    Raises
    ------
    Refused
        ``missing_element``, ``image_attribute_invalid``, ``unsupported_bits_allocated``,
        ``too_many_pixels``, ``image_too_small``, ``impossible_frame_count``.
    """
    rows, columns = required(part10, ROWS), required(part10, COLUMNS)
    refuse_size(rows, columns, SIZE_TAG)
    photometric = part10.value(PHOTOMETRIC_INTERPRETATION).rstrip(b"\0 ").decode("latin-1").upper()
    if not photometric:
        raise Refused("missing_element", tag=shown(PHOTOMETRIC_INTERPRETATION))
    allocated = required(part10, BITS_ALLOCATED)
    if allocated not in {8, 16}:
        raise Refused("unsupported_bits_allocated", tag=shown(BITS_ALLOCATED), found=allocated)
    stored = short(part10, BITS_STORED, allocated)
    high_bit = short(part10, HIGH_BIT, stored - 1)
    if not 1 <= stored <= high_bit + 1 <= allocated:
        found = f"{stored} bits stored, high bit {high_bit}, {allocated} allocated"
        raise Refused("image_attribute_invalid", tag=shown(BITS_STORED), found=found)
    return Attributes(
        rows=rows,
        columns=columns,
        samples=samples_of(part10, photometric),
        frames=frames_of(part10),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high_bit,
        signed=short(part10, PIXEL_REPRESENTATION, 0) == 1,
        planar=short(part10, PLANAR_CONFIGURATION, 0) == 1,
        photometric=photometric,
    )


def short(part10: "Part10", tag: int, default: int) -> int:
    """Return an unsigned short, or the default where it is missing."""
    element = part10.dataset.get(tag)
    if element is None or element.length < _SHORT.size:
        return default
    code = _SHORT if element.little else _SHORT_BIG
    return int(code.unpack_from(part10.data, element.start)[0])


def required(part10: "Part10", tag: int) -> int:
    """Return an unsigned short.

    Raises
    ------
    Refused
        ``missing_element``.
    """
    value = short(part10, tag, -1)
    if value < 0:
        raise Refused("missing_element", tag=shown(tag))
    return value


def samples_of(part10: "Part10", photometric: str) -> int:
    """Return the samples a pixel, which must be 1 or 3 and agree with the photometric one.

    Raises
    ------
    Refused
        ``image_attribute_invalid``.
    """
    expected = 1 if photometric in {"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"} else 3
    samples = short(part10, SAMPLES_PER_PIXEL, expected)
    if samples != expected:
        found = f"{samples} with {photometric}"
        raise Refused("image_attribute_invalid", tag=shown(SAMPLES_PER_PIXEL), found=found)
    return samples


def frames_of(part10: "Part10") -> int:
    """Return the number of frames; absent or empty means one.

    Raises
    ------
    Refused
        ``impossible_frame_count`` if it is no positive number, or if there are more frames than
        bytes of pixel data.
    """
    written = part10.value(NUMBER_OF_FRAMES).strip(b"\0 ").removeprefix(b"+")
    if not written:
        return 1
    frames = int(written) if written.isdigit() and len(written) <= _IS_LONGEST else 0
    if not 1 <= frames <= max(1, pixel_data_bytes(part10)):
        raise Refused("impossible_frame_count", tag=shown(NUMBER_OF_FRAMES), found=frames)
    return frames


def pixel_data_bytes(part10: "Part10") -> int:
    """Return the bytes of pixel data, compressed or not; 0 without any."""
    element = part10.dataset.get(PIXEL_DATA)
    if element is None:
        return 0
    return element.length + sum(length for _, length in element.fragments or ())


def refuse_size(rows: int, columns: int, tag: str = "") -> None:
    """Refuse an image that is too large or too small to be a radiograph.

    Raises
    ------
    Refused
        ``too_many_pixels``, ``image_too_small``.
    """
    found = f"{columns} x {rows} pixels"
    if rows * columns > PIXEL_LIMIT:
        raise Refused("too_many_pixels", tag=tag, found=found)
    if min(rows, columns) < SIDE_MINIMUM:
        raise Refused("image_too_small", tag=tag, found=found)
