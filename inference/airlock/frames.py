"""One frame of a DICOM file as raw samples, decompressed, still as stored.

Every size is checked against the header and the file before anything is allocated.
"""

import struct
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import imagecodecs
import numpy as np
from pydicom.pixels.decoders.rle import _rle_decode_frame

from inference.airlock.codestream import jpeg2000_codestream, jpeg_codestream
from inference.airlock.elements import PIXEL_DATA, shown
from inference.airlock.part10 import JPEG_2000, JPEG_LS, NATIVE, RLE_LOSSLESS
from inference.airlock.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from inference.airlock.attributes import Attributes
    from inference.airlock.codestream import Codestream
    from inference.airlock.elements import Element
    from inference.airlock.part10 import Part10

    Samples = NDArray[np.uint8 | np.uint16]
    Decoder = Callable[[memoryview], NDArray[Any]]

_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")
_STREAM_END = b"\xff\xd9"
_TAIL = 1024
"""Bytes within which the end marker must lie. What pads it to an even length is a zero by the
standard (PS3.5 section A.4) and 0xff by habit."""
_TAG = shown(PIXEL_DATA)
_BYTE = 8
_WIDEST = 2


def samples_of_frame(part10: "Part10", attributes: "Attributes", frame: int) -> "Samples":
    """Return the samples of a frame.

    Parameters
    ----------
    part10 : Part10
        The opened file.
    attributes : Attributes
        How its pixels are stored.
    frame : int
        From 1.

    Returns
    -------
    (rows, columns, samples) uint8 or uint16
        Bits as stored: overlay bits and sign are still in them.

    Raises
    ------
    Refused
        ``pixel_data_missing``, ``pixel_data_length``, ``pixels_undecodable``,
        ``codestream_mismatch``, ``no_such_frame``.
    """
    if not 1 <= frame <= attributes.frames:
        raise Refused("no_such_frame", found=frame)
    element = part10.dataset.get(PIXEL_DATA)
    if element is None or (element.length == 0 and not element.fragments):
        raise Refused("pixel_data_missing", tag=_TAG)
    native = part10.transfer_syntax_uid in NATIVE
    if native != (element.fragments is None):
        raise Refused("pixels_undecodable", tag=_TAG, found="not what the transfer syntax says")
    if native:
        return native_samples(part10, element, attributes, frame)
    return decompressed(part10, compressed_frame(part10, element, attributes, frame), attributes)


def native_samples(
    part10: "Part10", element: "Element", attributes: "Attributes", frame: int
) -> "Samples":
    """Return the samples of an uncompressed frame: a view of the file where that is possible.

    Raises
    ------
    Refused
        ``pixel_data_length``.
    """
    size = attributes.frame_bytes
    start = element.start + (frame - 1) * size
    if start + size > element.start + element.length:
        found = f"{element.length} bytes, {size} a frame needed"
        raise Refused("pixel_data_length", tag=_TAG, found=found)
    raw = part10.data[start : start + size]
    if attributes.bits_allocated == _BYTE and not element.little and element.vr == "OW":
        # Bytes of OW were swapped in pairs on their way to big endian.
        return shaped(np.frombuffer(raw, ">u2").astype("<u2").view(np.uint8), attributes)
    order = "<" if element.little else ">"
    samples = np.frombuffer(raw, f"{order}u{attributes.bits_allocated // _BYTE}")
    return shaped(samples.astype(samples.dtype.newbyteorder("="), copy=False), attributes)


def shaped(samples: "Samples", attributes: "Attributes") -> "Samples":
    """Return flat samples as (rows, columns, samples)."""
    rows, columns = attributes.rows, attributes.columns
    if attributes.photometric == "YBR_FULL_422":
        # Two pixels share four samples, Y Y Cb Cr; the luminance is all that is wanted.
        return samples.reshape(rows, columns // 2, 4)[:, :, :2].reshape(rows, columns, 1)
    if attributes.planar and attributes.samples > 1:
        return np.moveaxis(samples.reshape(3, rows, columns), 0, -1)
    return samples.reshape(rows, columns, attributes.samples)


def compressed_frame(
    part10: "Part10", element: "Element", attributes: "Attributes", frame: int
) -> memoryview:
    """Return the stream of one frame. PS3.5 section A.4.

    Raises
    ------
    Refused
        ``pixel_data_missing``, ``pixels_undecodable``.
    """
    table, *fragments = element.fragments or [(0, 0)]
    if not fragments:
        raise Refused("pixel_data_missing", tag=_TAG)
    if attributes.frames == 1:
        return joined(part10.data, fragments)
    if len(fragments) == attributes.frames:
        return joined(part10.data, fragments[frame - 1 : frame])
    starts = frame_starts(part10.data, table, fragments)
    if len(starts) != attributes.frames:
        raise Refused("pixels_undecodable", tag=_TAG, found="frames cannot be told apart")
    last = starts[frame] if frame < len(starts) else len(fragments)
    return joined(part10.data, fragments[starts[frame - 1] : last])


def joined(data: memoryview, fragments: list[tuple[int, int]]) -> memoryview:
    """Return fragments as one stream, copied only if there are several."""
    parts = [data[start : start + length] for start, length in fragments]
    return parts[0] if len(parts) == 1 else memoryview(b"".join(parts))


def frame_starts(
    data: memoryview, table: tuple[int, int], fragments: list[tuple[int, int]]
) -> list[int]:
    """Return the index of the first fragment of every frame.

    By the basic offset table if there is one; else by the marker that a stream begins with.
    """
    start, length = table
    if length:
        first = fragments[0][0]
        index = {at - first: i for i, (at, _) in enumerate(fragments)}
        offsets = struct.unpack_from(f"<{length // 4}I", data, start)
        return [index[offset] for offset in offsets if offset in index]
    return [
        i for i, (at, _) in enumerate(fragments) if bytes(data[at : at + 4]).startswith(_STARTS)
    ]


def decompressed(part10: "Part10", stream: memoryview, attributes: "Attributes") -> "Samples":
    """Return the samples of a compressed frame.

    Raises
    ------
    Refused
        ``pixels_undecodable``, ``codestream_mismatch``.
    """
    syntax = part10.transfer_syntax_uid
    if syntax == RLE_LOSSLESS:
        return rle(stream, attributes)
    refuse_open_end(stream)
    read = jpeg2000_codestream if syntax in JPEG_2000 else jpeg_codestream
    refuse_mismatch(read(stream), attributes)
    samples = guarded(lambda: decoder_of(syntax, attributes)(stream))
    if (
        samples.shape[:2] != (attributes.rows, attributes.columns)
        or samples.dtype.itemsize > _WIDEST
    ):
        found = f"{samples.dtype} {samples.shape}"
        raise Refused("codestream_mismatch", tag=_TAG, found=found)
    unsigned = samples.view(f"u{samples.dtype.itemsize}")
    return unsigned.reshape(attributes.rows, attributes.columns, -1)


def decoder_of(syntax: str, attributes: "Attributes") -> "Decoder":
    """Return the decoder for a transfer syntax."""
    if syntax in JPEG_LS:
        return cast("Decoder", imagecodecs.jpegls_decode)
    if syntax in JPEG_2000:
        return cast("Decoder", imagecodecs.jpeg2k_decode)
    if attributes.samples == 1:
        return cast("Decoder", imagecodecs.jpeg8_decode)
    # Without an Adobe marker libjpeg guesses the colour space; the header knows.
    space = "RGB" if attributes.photometric == "RGB" else "YCBCR"
    decoder = partial(imagecodecs.jpeg8_decode, colorspace=space, outcolorspace="RGB")
    return cast("Decoder", decoder)


def refuse_open_end(stream: memoryview) -> None:
    """Refuse a stream without its end marker, the same for JPEG, JPEG-LS and JPEG 2000.

    Their decoders fill up what is missing with an even grey, and a half chest would be scored.

    Raises
    ------
    Refused
        ``pixels_undecodable``.
    """
    if not bytes(stream[-_TAIL:]).rstrip(b"\0\xff").endswith(_STREAM_END):
        raise Refused("pixels_undecodable", tag=_TAG, found="no end of the stream")


def refuse_mismatch(codestream: "Codestream | None", attributes: "Attributes") -> None:
    """Refuse a stream that is of another size or depth than the header.

    Raises
    ------
    Refused
        ``pixels_undecodable`` if it has no frame header at all; ``codestream_mismatch``.
    """
    if codestream is None:
        raise Refused("pixels_undecodable", tag=_TAG, found="no frame header in the stream")
    shape = (codestream.rows, codestream.columns, codestream.components)
    if shape != (attributes.rows, attributes.columns, attributes.samples) or (
        codestream.precision > attributes.bits_allocated
    ):
        found = f"{codestream.columns} x {codestream.rows} x {codestream.components} in the stream"
        raise Refused("codestream_mismatch", tag=_TAG, found=found)


def guarded(decode: "Callable[[], NDArray[Any]]") -> "NDArray[Any]":
    """Return what a decoder gives; what it raises for bad bytes becomes a refusal.

    Raises
    ------
    Refused
        ``pixels_undecodable``.
    """
    try:
        return decode()
    except (RuntimeError, ValueError, OverflowError, NotImplementedError, struct.error) as error:
        # Every error of imagecodecs is a RuntimeError; pydicom's RLE raises the others.
        raise Refused("pixels_undecodable", tag=_TAG, found=type(error).__name__) from error


def rle(stream: memoryview, attributes: "Attributes") -> "Samples":
    """Return the samples of an RLE frame. PS3.5 annex G."""
    depth, samples = attributes.bits_allocated, attributes.samples
    rows, columns = attributes.rows, attributes.columns
    flat = guarded(
        lambda: np.frombuffer(
            _rle_decode_frame(bytes(stream), rows, columns, samples, depth), f"<u{depth // 8}"
        )
    )
    return np.moveaxis(flat.reshape(samples, rows, columns), 0, -1)
