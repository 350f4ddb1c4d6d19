"""Small files that want much: memory, time, or both."""

import functools
import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image
from pydicom.encaps import encapsulate

from tests.dicom_files import (
    DEFLATED,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LOSSLESS,
    JPEG_LS,
    RLE,
    child_chest,
    compressed,
)
from tests.hostile.case import Case, child, seed_of, some_chest
from tests.inference.airlock.raw import UNDEFINED, deflated, element, part10

PNG = b"\x89PNG\r\n\x1a\n"
_SIDES = (9_000, 10_000, 10_001, 20_000, 65_500)
_MB = 1 << 20


def cases() -> Iterator[Case]:
    """Yield the family."""
    for megabytes in (8, 64, 200):
        yield _case(f"bombs/deflate-{megabytes}-mb", _deflate, megabytes)
    yield _case("bombs/deflate-in-deflate", _deflate_twice)
    yield _case("bombs/deflate-garbage", _deflate_garbage)
    for what, syntax in {
        "jpeg": JPEG_BASELINE, "jpeg-lossless": JPEG_LOSSLESS, "jpeg-ls": JPEG_LS,
        "jpeg-2000": JPEG_2000_LOSSLESS, "rle": RLE,
    }.items():  # fmt: skip
        # its decoder fills 81 million pixels in the time that a busy machine has, or not
        quick = syntax != JPEG_2000_LOSSLESS
        for side in _SIDES if quick else (3_000, *_SIDES[2:]):
            yield _case(f"bombs/{what}-claims-{side}", _claims, syntax, side)
            yield _case(f"bombs/{what}-header-claims-{side}", _header_claims, syntax, side)
    yield _case("bombs/rle-of-runs", _runs, 9_000)
    yield _case("bombs/rle-of-single-bytes", _single_bytes, 2_500)
    yield _case("bombs/jpeg-2000-of-zeros-4000", _zeros, JPEG_2000_LOSSLESS, 4_000)
    yield _case("bombs/jpeg-ls-of-zeros-9000", _zeros, JPEG_LS, 9_000)
    yield _case("bombs/fragments-30000", _fragments, 30_000)
    yield _case("bombs/offset-table-of-a-million", _offsets, 1_000_000)
    yield from _pngs()


def _pngs() -> Iterator[Case]:
    for bits, side in ((1, 20_000), (8, 20_000), (8, 9_900), (16, 9_000)):
        yield _case(f"bombs/png-{bits}-bits-{side}", _png_of_zeros, bits, side)
    for name, body in (
        (b"tEXt", b"Comment\0" + b"x" * 5 * _MB),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 200 * _MB)),
        (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(b"x" * 200 * _MB)),
        (b"iCCP", b"profile\0\0" + zlib.compress(b"\0" * 200 * _MB)),
        (b"eXIf", b"II*\0" + b"\xff" * 70_000),
        (b"zTXt", b"Comment\0\0not deflated"),
        (b"iCCP", b"profile\0\0not deflated"),
    ):
        what = f"{name.decode()}-{len(body)}"
        yield _case(f"bombs/png-{what}", _png_with, name, body)
    yield _case("bombs/png-of-20000-chunks", _png_with, b"tEXt", b"a\0b", 20_000)
    yield _case("bombs/png-of-9000-chunks", _png_with, b"tEXt", b"a\0b", 9_000)
    yield _case("bombs/png-chunk-length-lies", _png_lying)
    yield _case(
        "bombs/jpeg-thumbnails", _jpeg_with, b"\xff\xe1\xff\xfeExif\0\0" + b"\xff" * 65_526, 60
    )
    yield _case("bombs/jpeg-fill-bytes", _jpeg_with, b"\xff" * 4_000_000, 1)
    yield _case("bombs/jpeg-comments", _jpeg_with, b"\xff\xfe\0\x02", 200_000)
    for side in (20_000, 65_500):
        yield _case(f"bombs/plain-jpeg-claims-{side}", _plain_jpeg, side)


def _case(name: str, make: object, *arguments: object) -> Case:
    return Case(name, functools.partial(make, name, *arguments))


def _deflate(name: str, megabytes: int) -> bytes:
    """Return a deflated data set that is one private element of zeros."""
    return deflated(element(0x00091001, "OB", b"\0" * megabytes * _MB))


def _deflate_twice(name: str) -> bytes:
    inner = zlib.compress(b"\0" * 40 * _MB, 9)
    return deflated(element(0x00091001, "OB", zlib.compress(inner, 9)))


def _deflate_garbage(name: str) -> bytes:
    return part10(np.random.default_rng(seed_of(name)).bytes(4096), DEFLATED)


def _claims(name: str, syntax: str, side: int) -> bytes:
    """Return a file whose header and stream both claim a large side."""
    whole = bytearray(child(name, syntax=syntax, Rows=side, Columns=side))
    start = whole.rindex(b"\xfe\xff\0\xe0") + 8
    claimed = struct.pack(">HH", side, side)
    for marker in (b"\xff\xc0", b"\xff\xc1", b"\xff\xc3", b"\xff\xf7"):
        if (at := whole.find(marker, start)) > 0 and syntax not in {RLE, JPEG_2000_LOSSLESS}:
            whole[at + 5 : at + 9] = claimed
    if syntax == JPEG_2000_LOSSLESS:
        size = struct.pack(">II", side, side)
        whole[start + 8 : start + 16] = whole[start + 24 : start + 32] = size
    return bytes(whole)


def _header_claims(name: str, syntax: str, side: int) -> bytes:
    return child(name, syntax=syntax, Rows=side, Columns=side)


def _stream(name: str, syntax: str, side: int, stream: bytes, **how: object) -> bytes:
    """Return a file of (side, side) 8-bit pixels around a given stream."""
    content = child_chest(
        seed=seed_of(name), pixels=np.zeros((64, 64), np.uint8), Rows=side, Columns=side,
        PixelData=None, syntax=syntax, **how,
    )  # fmt: skip
    data = encapsulate([stream]) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return content + element(0x7FE00010, "OB", data, UNDEFINED)


def _rle(segment: bytes) -> bytes:
    return struct.pack("<16I", 1, 64, *[0] * 14) + segment + b"\0" * (len(segment) % 2)


def _runs(name: str, side: int) -> bytes:
    return _stream(name, RLE, side, _rle(b"\x81\x55" * (side * side // 128 + side)))


def _single_bytes(name: str, side: int) -> bytes:
    return _stream(name, RLE, side, _rle(b"\0\x55" * side * side))


def _zeros(name: str, syntax: str, side: int) -> bytes:
    return _stream(name, syntax, side, compressed(np.zeros((side, side), np.uint8), syntax))


def _fragments(name: str, count: int) -> bytes:
    content = child(name, syntax=JPEG_BASELINE)
    at = content.rindex(b"\xe0\x7f\x10\0OB")
    items = b"\xfe\xff\0\xe0\2\0\0\0\xff\xff" * count
    return content[:at] + element(0x7FE00010, "OB", items + b"\xfe\xff\xdd\xe0\0\0\0\0", UNDEFINED)


def _offsets(name: str, count: int) -> bytes:
    content = child(name, syntax=JPEG_BASELINE, NumberOfFrames=b"2 ")
    at = content.rindex(b"\xe0\x7f\x10\0OB")
    table = struct.pack("<4sI", b"\xfe\xff\0\xe0", 4 * count) + b"\0" * 4 * count
    items = b"\xfe\xff\0\xe0\2\0\0\0\xff\xff" * 3
    data = table + items + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return content[:at] + element(0x7FE00010, "OB", data, UNDEFINED)


def chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG."""
    checksum = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + checksum


def _png_of_zeros(name: str, bits: int, side: int) -> bytes:
    row = 1 + side * bits // 8
    squeezed = zlib.compressobj(9)
    rows = [squeezed.compress(b"\0" * row * 100) for _ in range(side // 100)]
    body = b"".join([*rows, squeezed.flush()])
    head = struct.pack(">IIBBBBB", side, side, bits, 0, 0, 0, 0)
    mark = chunk(b"tEXt", b"case\0" + name.encode())
    return PNG + chunk(b"IHDR", head) + mark + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _png_with(name: str, kind: bytes, body: bytes, times: int = 1) -> bytes:
    """Return a chest as PNG with chunks behind its header."""
    whole = raster_chest(name, "PNG")
    end = len(PNG) + 25
    mark = chunk(b"tEXt", b"case\0" + name.encode())
    return whole[:end] + mark + chunk(kind, body) * times + whole[end:]


def _png_lying(name: str) -> bytes:
    whole = raster_chest(name, "PNG")
    end = len(PNG) + 25
    return whole[:end] + struct.pack(">I4s", 0x7FFFFFFF, b"tEXt") + whole[end:]


def _jpeg_with(name: str, segment: bytes, times: int) -> bytes:
    whole = raster_chest(name, "JPEG")
    return whole[:2] + segment * times + whole[2:]


def _plain_jpeg(name: str, side: int) -> bytes:
    whole = bytearray(raster_chest(name, "JPEG"))
    at = whole.index(b"\xff\xc0")
    whole[at + 5 : at + 9] = struct.pack(">HH", side, side)
    return bytes(whole)


def raster_chest(name: str, kind: str, **options: object) -> bytes:
    """Return a chest as PNG or JPEG, another one for every name."""
    grey = (some_chest(name) >> 4).astype(np.uint8).copy()
    grey[0, :4] = np.frombuffer(struct.pack(">I", seed_of(name)), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(grey).save(stream, kind, **options)
    return stream.getvalue()
