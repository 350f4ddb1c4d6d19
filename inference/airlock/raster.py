"""PNG and JPEG files: their headers, read without a decoder, and their pixels."""

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image, ImageOps

from inference.airlock.attributes import refuse_size
from inference.airlock.codestream import jpeg_codestream
from inference.airlock.picture import Picture, Span, colour_share, counts_of
from inference.airlock.refused import Refused
from inference.airlock.sniff import PNG_SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inference.airlock.picture import Codes

RasterKind = Literal["png", "jpeg"]

_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type, PNG section 11.2.2
_PNG_PALETTE = 3
_CHUNK_LIMIT = 10_000
_BYTE = 8
THUMBNAIL = 512
"""Pixels a side on which colour is looked for."""
_PILLOW_ERRORS = (OSError, ValueError, SyntaxError, EOFError, struct.error, OverflowError)
"""What Pillow raises for bad bytes."""


@dataclass(frozen=True, slots=True)
class RasterHeader:
    """What the header of a picture says.

    Parameters
    ----------
    rows, columns : int
        Pixels, as stored: an EXIF orientation may yet turn them.
    bits, samples : int
        Bits a sample and samples a pixel.
    """

    rows: int
    columns: int
    bits: int
    samples: int


def raster_header(data: memoryview, kind: RasterKind) -> RasterHeader:
    """Return what the header says.

    Raises
    ------
    Refused
        ``raster_unreadable``, ``unsupported_bits``, ``multi_frame_raster``, ``too_many_pixels``,
        ``image_too_small``.
    """
    return png_header(data) if kind == "png" else jpeg_header(data)


def jpeg_header(data: memoryview) -> RasterHeader:
    """Return what the frame header of a JPEG says.

    Raises
    ------
    Refused
        ``raster_unreadable``, ``unsupported_bits``, and for the size.
    """
    stream = jpeg_codestream(data)
    if stream is None:
        raise Refused("raster_unreadable", found="no frame header")
    refuse_size(stream.rows, stream.columns)
    if stream.precision != _BYTE:
        raise Refused("unsupported_bits", found=f"{stream.precision} bits")
    return RasterHeader(stream.rows, stream.columns, stream.precision, stream.components)


def png_header(data: memoryview) -> RasterHeader:
    """Return what the IHDR of a PNG says.

    Raises
    ------
    Refused
        ``raster_unreadable``, ``unsupported_bits``, ``multi_frame_raster``, and for the size.
    """
    if bytes(data[12:16]) != b"IHDR" or len(data) < len(PNG_SIGNATURE) + 25:
        raise Refused("raster_unreadable", found="no IHDR")
    columns, rows, bits, colour = struct.unpack_from(">IIBB", data, 16)
    refuse_size(rows, columns)
    if colour not in _PNG_SAMPLES:
        raise Refused("raster_unreadable", found=f"colour type {colour}")
    if bits == 1 or (bits not in {_BYTE, 2 * _BYTE} and colour != _PNG_PALETTE):
        raise Refused("unsupported_bits", found=f"{bits} bits")
    if any(name == b"acTL" for name in png_chunks(data)):
        raise Refused("multi_frame_raster")
    return RasterHeader(rows, columns, bits, _PNG_SAMPLES[colour])


def png_chunks(data: memoryview) -> "Iterator[bytes]":
    """Yield the names of the chunks before the pixels, where an animation has to announce itself.

    Raises
    ------
    Refused
        ``raster_unreadable`` if there are too many.
    """
    at = len(PNG_SIGNATURE)
    for _ in range(_CHUNK_LIMIT):
        if at + 8 > len(data):
            return
        length, name = struct.unpack_from(">I4s", data, at)
        if name in {b"IDAT", b"IEND"}:
            return
        yield name
        at += 12 + length
    raise Refused("raster_unreadable", found="too many chunks")


def raster_picture(data: memoryview, kind: RasterKind) -> Picture:
    """Return the pixels as a picture.

    Eight bits are taken as they are; sixteen over the range that the pixels have, because many
    hold 12 bits only. Transparency is dropped, not composited: what it hides is the radiograph.

    Raises
    ------
    Refused
        What ``raster_header`` refuses; ``pixels_undecodable``.
    """
    raster_header(data, kind)
    codes, colour = decoded(data, kind)
    counts = counts_of(codes)
    present = np.flatnonzero(counts)
    eight = codes.dtype.itemsize == 1
    return Picture(
        codes=codes,
        values=np.arange(len(counts), dtype=np.float64),
        counts=counts,
        padding=np.zeros(len(counts), dtype=np.bool_),
        display=Span(0.0, 255.0) if eight else Span(float(present[0]), float(present[-1])),
        colour=colour,
    )


def decoded(data: memoryview, kind: RasterKind) -> "tuple[Codes, float]":
    """Return grey codes, turned as EXIF says, and the share of the pixels that are not grey.

    Raises
    ------
    Refused
        ``pixels_undecodable``.
    """
    try:
        with Image.open(io.BytesIO(data), formats=(kind.upper(),)) as image:
            return grey(ImageOps.exif_transpose(image)), colour_of(image)
    except _PILLOW_ERRORS as error:
        raise Refused("pixels_undecodable", found=type(error).__name__) from error


def colour_of(image: Image.Image) -> float:
    """Return the share of the pixels of a Pillow image that are clearly not grey."""
    if image.mode in {"L", "LA"} or image.mode.startswith("I"):
        return 0.0
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.NEAREST, reducing_gap=None)
    return colour_share(np.asarray(image.convert("RGB")), 255.0)


def grey(image: Image.Image) -> "Codes":
    """Return the brightness of a Pillow image as uint8, or uint16 where it is 16-bit grey."""
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.uint16)
    if image.mode in {"RGBA", "LA", "PA"} or (image.mode == "P" and "transparency" in image.info):
        image.info.pop("transparency", None)
        image = image.convert("RGB") if image.mode in {"RGBA", "P", "PA"} else image.getchannel("L")
    return np.asarray(image.convert("L"))
