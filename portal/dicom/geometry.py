"""Whether what a header says of its pixels can be true. PS3.3 section C.7.6.3."""

from collections.abc import Iterator, Mapping
from typing import Any

from portal.dicom.refusal import Refusal, refuse
from portal.dicom.values import is_empty, tag, text, whole

SIDE_LIMIT = 65_535
PIXEL_LIMIT = 100_000_000
"""Pixels of one frame: five times the largest flat-panel detector."""
_GREY = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"})
_COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT"})
_SUBSAMPLED = {"YBR_FULL_422": (2, 3), "YBR_PARTIAL_420": (1, 2)}
_BITS = frozenset({1, 8, 16, 24, 32, 64})


def check_geometry(
    elements: Mapping[str, Any], *, pixel_data_bytes: int, native: bool
) -> Refusal | None:
    """Return what of the pixel description cannot be true, or None.

    Parameters
    ----------
    elements : mapping
        Values by keyword.
    pixel_data_bytes : int
        Length of the pixel data.
    native : bool
        Whether they are uncompressed, so that their length follows from the header.
    """
    reasons = (
        *_size(elements),
        *_samples(elements),
        *_bits(elements),
        *_frames(elements, pixel_data_bytes),
    )
    if reasons:
        return reasons[0]
    if not pixel_data_bytes:
        return refuse("pixel_data_missing", tag=tag("PixelData"))
    expected = expected_bytes(elements)
    if native and pixel_data_bytes < expected:
        found = f"{pixel_data_bytes} bytes of {expected}"
        return refuse("pixel_data_length", tag=tag("PixelData"), found=found)
    return None


def expected_bytes(elements: Mapping[str, Any]) -> int:
    """Return how many bytes uncompressed pixels have. PS3.5 section 8.1.1."""
    counts = [whole(elements, name) or 0 for name in ("Rows", "Columns", "SamplesPerPixel")]
    samples = counts[0] * counts[1] * counts[2] * (whole(elements, "NumberOfFrames") or 1)
    part, of = _SUBSAMPLED.get(text(elements, "PhotometricInterpretation"), (1, 1))
    return (samples * part // of * (whole(elements, "BitsAllocated") or 0) + 7) // 8


def _size(elements: Mapping[str, Any]) -> Iterator[Refusal]:
    for keyword in ("Rows", "Columns"):
        value = whole(elements, keyword)
        if value is None or not 1 <= value <= SIDE_LIMIT:
            yield _invalid(elements, keyword)
    rows, columns = (whole(elements, keyword) or 0 for keyword in ("Rows", "Columns"))
    if rows * columns > PIXEL_LIMIT:
        both = f"{tag('Rows')}, {tag('Columns')}"
        yield refuse("too_many_pixels", tag=both, found=f"{columns} x {rows} pixels")


def _samples(elements: Mapping[str, Any]) -> Iterator[Refusal]:
    photometric = text(elements, "PhotometricInterpretation")
    if photometric not in _GREY | _COLOUR:
        yield _invalid(elements, "PhotometricInterpretation")
    elif whole(elements, "SamplesPerPixel") != (1 if photometric in _GREY else 3):
        yield _invalid(elements, "SamplesPerPixel")


def _bits(elements: Mapping[str, Any]) -> Iterator[Refusal]:
    allocated = whole(elements, "BitsAllocated") or 0
    if allocated not in _BITS:
        yield _invalid(elements, "BitsAllocated")
    stored = whole(elements, "BitsStored") or 0
    if not 1 <= stored <= allocated:
        yield _invalid(elements, "BitsStored")
    if not stored <= _optional(elements, "HighBit", stored - 1) + 1 <= max(allocated, 1):
        yield _invalid(elements, "HighBit")
    if _optional(elements, "PixelRepresentation", 0) not in {0, 1}:
        yield _invalid(elements, "PixelRepresentation")


def _frames(elements: Mapping[str, Any], pixel_data_bytes: int) -> Iterator[Refusal]:
    frames = _optional(elements, "NumberOfFrames", 1)
    if frames < 1 or frames > max(pixel_data_bytes, 1):  # a frame has at least one byte
        found = text(elements, "NumberOfFrames")
        yield refuse("impossible_frame_count", tag=tag("NumberOfFrames"), found=found)


def _optional(elements: Mapping[str, Any], keyword: str, otherwise: int) -> int:
    """Return a whole number, ``otherwise`` if there is none, -1 if it is no whole number."""
    if is_empty(elements, keyword):
        return otherwise
    value = whole(elements, keyword)
    return -1 if value is None else value


def _invalid(elements: Mapping[str, Any], keyword: str) -> Refusal:
    found = text(elements, keyword)
    return refuse("image_attribute_invalid", tag=tag(keyword), found=found)
