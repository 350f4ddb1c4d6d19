"""What a compressed stream says of itself, read before anything is decoded or allocated."""

import struct
from dataclasses import dataclass

_JPEG_START = b"\xff\xd8"
_JPEG_2000_START = b"\xff\x4f\xff\x51"
_JPEG_2000_BOX = b"\0\0\0\x0cjP  "
# Start-of-frame markers: ITU-T T.81 table B.1 (without DHT, JPG, DAC) and T.87 (JPEG-LS).
_FRAME_MARKERS = (set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}) | {0xF7}
_ALONE = {0x01, *range(0xD0, 0xD9)}
_SCAN = 0xDA
_FILL = 0xFF


@dataclass(frozen=True, slots=True)
class Codestream:
    """Size and depth of the picture in a stream.

    Parameters
    ----------
    rows, columns : int
        Pixels.
    precision : int
        Bits a sample.
    components : int
        Samples a pixel.
    """

    rows: int
    columns: int
    precision: int
    components: int


def jpeg_codestream(data: memoryview) -> Codestream | None:
    """Return what the frame header of a JPEG or JPEG-LS stream says, or None if there is none.

    Parameters
    ----------
    data : memoryview
        From the SOI marker on. ITU-T T.81 section B.2.2.
    """
    at = 2 if data[:2] == _JPEG_START else len(data)
    while at + 4 <= len(data):
        if data[at] != _FILL:
            return None
        marker = data[at + 1]
        if marker == _FILL or marker in _ALONE:  # fill byte, or a marker without a segment
            at += 1 if marker == _FILL else 2
            continue
        if marker in _FRAME_MARKERS and at + 10 <= len(data):
            precision, rows, columns, components = struct.unpack_from(">BHHB", data, at + 4)
            return Codestream(rows, columns, precision, components)
        if marker == _SCAN:
            return None
        at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    return None


def jpeg2000_codestream(data: memoryview) -> Codestream | None:
    """Return what the SIZ marker of a JPEG 2000 stream says, or None if there is none.

    Parameters
    ----------
    data : memoryview
        A bare codestream, as DICOM wants, or one in a JP2 box. ITU-T T.800 section A.5.1.
    """
    at = 0
    if data[:8] == _JPEG_2000_BOX:
        at = max(0, bytes(data[:65536]).find(_JPEG_2000_START))
    if data[at : at + 4] != _JPEG_2000_START or at + 43 > len(data):
        return None
    right, lower, left, upper = struct.unpack_from(">4I", data, at + 8)
    components, depth = struct.unpack_from(">HB", data, at + 40)
    return Codestream(lower - upper, right - left, (depth & 0x7F) + 1, components)
