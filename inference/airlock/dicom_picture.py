"""A DICOM file as a picture: stored bits, padding, modality and VOI transformation, colour.

Overlays are ignored. PS3.3 sections C.7.6.3, C.7.5.1.1.2 (padding), C.11.1 and C.11.2.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from inference.airlock import lut
from inference.airlock.attributes import attributes_of
from inference.airlock.elements import shown
from inference.airlock.frames import samples_of_frame
from inference.airlock.part10 import JPEG, LOSSY
from inference.airlock.picture import (
    Picture,
    Span,
    colour_share,
    counts_of,
    luminance,
    span_of,
)
from inference.airlock.plain import Plain
from inference.airlock.refused import Refused

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from inference.airlock.attributes import Attributes
    from inference.airlock.part10 import Part10
    from inference.airlock.picture import Codes, Display, Values

PHOTOMETRIC_INTERPRETATION = 0x00280004
PIXEL_PADDING_VALUE = 0x00280120
PIXEL_PADDING_RANGE_LIMIT = 0x00280121
_PALETTES = ((0x00281101, 0x00281201), (0x00281102, 0x00281202), (0x00281103, 0x00281203))
_WEIGHTS = (0.299, 0.587, 0.114)
_TAGS = (*lut.VOI_TAGS, *lut.RESCALE_TAGS, PIXEL_PADDING_VALUE, PIXEL_PADDING_RANGE_LIMIT)
_BYTE = 8
_TONES = {"MONOCHROME1", "MONOCHROME2"}
_IN_RGB = {"RGB", "YBR_RCT", "YBR_ICT"}  # the two of JPEG 2000 are undone by its decoder
_LUMA_FIRST = {"YBR_FULL", "YBR_FULL_422"}


def dicom_picture(part10: "Part10", frame: int = 1) -> Picture:
    """Return one frame as a picture.

    Parameters
    ----------
    part10 : Part10
        The opened file.
    frame : int
        From 1.

    Raises
    ------
    Refused
        What ``attributes`` and ``frames`` refuse; ``unsupported_photometric``,
        ``palette_invalid``.
    """
    attributes = attributes_of(part10)
    refuse_photometric(attributes)
    samples = samples_of_frame(part10, attributes, frame)
    if attributes.photometric in _TONES:
        return monochrome(part10, attributes, samples[..., 0])
    if attributes.photometric == "PALETTE COLOR":
        return palette(part10, attributes, samples[..., 0])
    rgb = part10.transfer_syntax_uid in JPEG or attributes.photometric in _IN_RGB
    if not rgb:
        return colour(samples[..., 0], attributes)
    share = colour_share(samples, 2.0**attributes.bits_stored - 1.0)
    return replace(colour(luminance(samples), attributes), colour=share)


def refuse_photometric(attributes: "Attributes") -> None:
    """Refuse what no radiograph has.

    Raises
    ------
    Refused
        ``unsupported_photometric``.
    """
    name = attributes.photometric
    odd = name == "YBR_FULL_422" and attributes.columns % 2
    if odd or name not in _TONES | _IN_RGB | _LUMA_FIRST | {"PALETTE COLOR"}:
        raise Refused("unsupported_photometric", tag=shown(PHOTOMETRIC_INTERPRETATION), found=name)


def colour(codes: "Codes", attributes: "Attributes") -> Picture:
    """Return a picture of brightness already; windows do not apply to colour."""
    size = 1 << (_BYTE * codes.dtype.itemsize)
    return Picture(
        codes=np.ascontiguousarray(codes),
        values=np.arange(size, dtype=np.float64),
        counts=counts_of(codes),
        padding=np.zeros(size, dtype=np.bool_),
        display=Span(0.0, 2.0**attributes.bits_stored - 1.0),
    )


def monochrome(part10: "Part10", attributes: "Attributes", codes: "Codes") -> Picture:
    """Return a grey picture with its modality and VOI transformation."""
    elements = Plain(part10.data).elements(part10.dataset, only=_TAGS, signed=attributes.signed)
    size = 1 << (_BYTE * codes.dtype.itemsize)
    clipped = part10.transfer_syntax_uid in LOSSY
    stored = stored_values(size, attributes, clipped=clipped)
    padding = padding_of(stored, elements, attributes)
    values = modality_values(part10, attributes, stored, elements)
    counts = counts_of(codes)
    return Picture(
        codes=codes,
        values=values,
        counts=counts,
        padding=padding,
        display=display_of(part10, attributes, elements, values)
        or span_of(values, np.where(padding, 0, counts)),
        inverted=attributes.photometric == "MONOCHROME1",
    )


def stored_values(size: int, attributes: "Attributes", *, clipped: bool) -> "NDArray[np.int64]":
    """Return the stored value of every code: bits above and below it are dropped, sign extended.

    Parameters
    ----------
    size : int
        256 or 65536 codes.
    attributes : Attributes
        Bits stored, high bit and sign.
    clipped : bool
        A lossy decoder may overshoot the bits stored: an overshoot is white, not black. (In
        lossless streams the bits above may be an overlay.)
    """
    bits = attributes.bits_stored
    codes: NDArray[np.int64] = np.arange(size, dtype=np.int64) >> (attributes.high_bit + 1 - bits)
    if clipped and not attributes.signed:
        return codes.clip(max=(1 << bits) - 1)
    stored: NDArray[np.int64] = codes & ((1 << bits) - 1)
    if attributes.signed:
        stored -= (stored >> (bits - 1)) << bits
    return stored


def padding_of(
    stored: "NDArray[np.int64]", elements: dict[str, Any], attributes: "Attributes"
) -> "NDArray[np.bool_]":
    """Return which codes are padding: (n,) bool."""
    value = elements.get("PixelPaddingValue")
    limit = elements.get("PixelPaddingRangeLimit", value)
    if not isinstance(value, int) or not isinstance(limit, int):
        return np.zeros(stored.shape, dtype=np.bool_)
    # Writers mix up US and SS here; the pixels say which it is.
    ends = [as_pixel(end, signed=attributes.signed) for end in (value, limit)]
    return (stored >= min(ends)) & (stored <= max(ends))


def as_pixel(value: int, *, signed: bool) -> int:
    """Return a 16-bit value with the sign that the pixels have."""
    word = value & 0xFFFF
    return word - 0x10000 if signed and word & 0x8000 else word


def modality_values(
    part10: "Part10",
    attributes: "Attributes",
    stored: "NDArray[np.int64]",
    elements: dict[str, Any],
) -> "Values":
    """Return what the stored values mean: through the modality LUT or slope and intercept."""
    values = stored.astype(np.float64)
    table = lut.lut_of(
        part10.data, part10.dataset, lut.MODALITY_LUT_SEQUENCE, signed=attributes.signed
    )
    return table.apply(values) if table else lut.rescaled(values, elements)


class _UnitLut:
    """A VOI LUT as a display."""

    def __init__(self, table: lut.Lut) -> None:
        self._table = table

    def apply(self, values: "Values") -> "Values":
        """Return brightness in [0, 1]."""
        return self._table.apply_unit(np.nan_to_num(values))


def display_of(
    part10: "Part10", attributes: "Attributes", elements: dict[str, Any], values: "Values"
) -> "Display | None":
    """Return how the header wants the values shown: VOI LUT, else the first window.

    Without either, pictures of at most 8 bits are shown over the whole range that their bits
    allow, as a PNG or JPEG of them would be; others give None: their range is in their pixels.
    """
    signed = bool(values.min() < 0)
    table = lut.lut_of(part10.data, part10.dataset, lut.VOI_LUT_SEQUENCE, signed=signed)
    if table:
        return _UnitLut(table)
    window = lut.window_of(elements)
    if window is None and attributes.bits_stored <= _BYTE:
        return Span(float(values.min()), float(values.max()))
    return window


def palette(part10: "Part10", attributes: "Attributes", codes: "Codes") -> Picture:
    """Return a palette picture as the luminance of its colours. PS3.3 section C.7.6.3.1.5.

    Raises
    ------
    Refused
        ``palette_invalid``.
    """
    size = 1 << (_BYTE * codes.dtype.itemsize)
    stored = stored_values(size, attributes, clipped=False).astype(np.float64)
    brightness = np.zeros(size)
    for (descriptor, data), weight in zip(_PALETTES, _WEIGHTS, strict=True):
        item = {
            lut.LUT_DESCRIPTOR: part10.dataset.get(descriptor),
            lut.LUT_DATA: part10.dataset.get(data),
        }
        table = lut.table_of(part10.data, item, signed=attributes.signed)
        if table is None:
            raise Refused("palette_invalid", tag=shown(descriptor))
        brightness += weight * table.apply(stored) / top(table.data)
    return Picture(
        codes=codes,
        values=brightness,
        counts=counts_of(codes),
        padding=np.zeros(size, dtype=np.bool_),
        display=Span(0.0, 1.0),
    )


def top(entries: "Values") -> float:
    """Return white of a palette: writers of 8-bit entries fill words up to 255 or to 65535."""
    return 255.0 if entries.max() < 2**_BYTE else 65535.0
