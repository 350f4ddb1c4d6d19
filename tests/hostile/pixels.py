"""Pixels that cannot be what the header says, and headers that no pixels can follow."""

import functools
import itertools
import struct
from collections.abc import Iterator

import numpy as np

from tests.dicom_files import (
    EXPLICIT_LE,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LOSSLESS,
    JPEG_LS,
    RLE,
    SECONDARY_CAPTURE,
    chest_pixels,
)
from tests.hostile.case import Case, child, seed_of, some_chest, spoilt

_SIZES = (0, 1, 2, 55, 56, 57, 4096, 20_000, 65_535)
_FRAMES = (
    *(b"0 ", b"1 ", b"2 ", b"-1", b"+1", b"1.5 ", b"1e3 ", b"many", b"2147483647", b"2147483648"),
    *(b"99999999999999999999", b"", b"0x10", b" 1", b"\xef\xbc\x91 "),
)
_BITS = (
    *((16, 17, 16), (8, 12, 11), (16, 0, 0), (0, 0, 0), (16, 16, 15), (16, 12, 15), (16, 12, 10)),
    *((1, 1, 0), (32, 32, 31), (64, 64, 63), (12, 12, 11), (24, 24, 23), (16, 1, 0), (8, 8, 7)),
    *((65_535, 65_535, 65_534), (16, 12, 65_535), (16, 65_535, 11)),
)
_REALS = {
    "zero": b"0 ", "minus": b"-1", "nan": b"NaN ", "inf": b"inf ", "minus-inf": b"-inf",
    "huge": b"1e308 ", "too-huge": b"1e999 ", "tiny": b"1e-308", "denormal": b"5e-324",
    "words": b"wide", "empty": b"", "several": b"100\\200", "comma": b"1,5 ", "hex": b"0x10",
    "long": b"1" * 40, "spaces": b"    ", "plus": b"+100", "underscore": b"1_000 ",
}  # fmt: skip
_PHOTOMETRIC = (
    *(b"MONOCHROME1 ", b"MONOCHROME2 ", b"MONOCHROME3 ", b"monochrome2 ", b"RGB ", b"ARGB"),
    *(b"PALETTE COLOR ", b"YBR_FULL", b"YBR_FULL_422", b"YBR_PARTIAL_420 ", b"CMYK", b"HSV "),
    *(b"<script>", b"XYB "),
)


def cases() -> Iterator[Case]:
    """Yield the family."""
    return itertools.chain(
        _sizes(), _frames(), _bits(), _transforms(), _colour(), _palettes(), _streams(), _surfaces()
    )


def _sizes() -> Iterator[Case]:
    for rows, columns in itertools.product(_SIZES, _SIZES):
        yield spoilt(f"pixels/size-{rows}x{columns}", Rows=rows, Columns=columns)
    for rows, columns in ((56, 56), (56, 300), (300, 56), (57, 2000), (1024, 1024)):
        name = f"pixels/real-size-{rows}x{columns}"
        yield Case(name, functools.partial(_of_size, name, rows, columns))
    for more in (-2, -1, 1, 2, 100_000):
        name = f"pixels/data-{more:+}-bytes"
        yield Case(name, functools.partial(_other_length, name, more))


def _of_size(name: str, rows: int, columns: int) -> bytes:
    return child(name, pixels=chest_pixels(seed_of(name), rows, columns))


def _other_length(name: str, more: int) -> bytes:
    pixels = some_chest(name).astype("<u2").tobytes()
    return child(name, PixelData=(pixels + b"\0" * max(0, more))[: len(pixels) + more])


def _frames() -> Iterator[Case]:
    for number, value in enumerate(_FRAMES):
        yield spoilt(f"pixels/frames-{number:02}", NumberOfFrames=value)
    two = "pixels/two-frames"
    yield Case(
        two,
        lambda: child(two, pixels=np.stack([some_chest(two)] * 2), SOPClassUID=SECONDARY_CAPTURE),
    )
    yield spoilt("pixels/one-frame-multi-frame-class", SOPClassUID=SECONDARY_CAPTURE + ".3")


def _bits() -> Iterator[Case]:
    for allocated, stored, high in _BITS:
        yield spoilt(
            f"pixels/bits-{allocated}-{stored}-{high}",
            BitsAllocated=allocated,
            BitsStored=stored,
            HighBit=high,
        )
    for value in (1, 2, 7, 65_535):
        yield spoilt(f"pixels/representation-{value}", PixelRepresentation=value)
    for value in (0, 2, 3, 4, 65_535):
        yield spoilt(f"pixels/samples-{value}", SamplesPerPixel=value)


def _transforms() -> Iterator[Case]:
    for what, value in _REALS.items():
        yield spoilt(f"pixels/slope-{what}", RescaleSlope=value, RescaleIntercept=b"0 ")
        yield spoilt(f"pixels/intercept-{what}", RescaleSlope=b"1 ", RescaleIntercept=value)
        yield spoilt(f"pixels/window-width-{what}", WindowCenter=b"2048", WindowWidth=value)
        yield spoilt(f"pixels/window-center-{what}", WindowCenter=value, WindowWidth=b"4096")
    for function in (b"SIGMOID ", b"LINEAR_EXACT", b"LINEAR", b"EXPLODE ", b"<script>"):
        yield spoilt(f"pixels/function-{function.decode().strip()}", VOILUTFunction=function)
    for padding in (0, 4095, 2048, -1, 65_535):
        yield spoilt(
            f"pixels/padding-{padding}", PixelPaddingValue=struct.pack("<I", padding & 0xFFFF)[:2]
        )
    yield spoilt(
        "pixels/padding-everything",
        PixelPaddingValue=b"\0\0",
        PixelPaddingRangeLimit=b"\xff\xff",
    )


def _colour() -> Iterator[Case]:
    for number, value in enumerate(_PHOTOMETRIC):
        what = value.decode().strip("< >").replace(" ", "-")
        yield spoilt(f"pixels/grey-as-{number:02}-{what}", PhotometricInterpretation=value)
        name = f"pixels/colour-as-{number:02}-{what}"
        yield Case(name, functools.partial(_coloured, name, value))
    name = "pixels/monochrome1-twin"
    inverted = 4095 - some_chest(name)
    yield spoilt(name, pixels=inverted, PhotometricInterpretation=b"MONOCHROME1 ")


def _coloured(name: str, photometric: bytes) -> bytes:
    grey = (some_chest(name) >> 4).astype(np.uint8)
    return child(name, pixels=np.stack([grey] * 3, -1), PhotometricInterpretation=photometric)


def _palettes() -> Iterator[Case]:
    ramp = np.arange(256, dtype="<u2") * 257
    for what, descriptor, entries in (
        ("whole", (256, 0, 16), ramp),
        ("short", (256, 0, 16), ramp[:16]),
        ("empty", (256, 0, 16), ramp[:0]),
        ("two", (2, 0, 16), ramp[:2]),
        ("beyond", (256, 60_000, 16), ramp),
        ("zero-means-65536", (0, 0, 16), ramp),
        ("no-bits", (256, 0, 0), ramp),
        ("99-bits", (256, 0, 99), ramp),
        ("no-descriptor", (), ramp),
    ):
        name = f"pixels/palette-{what}"
        yield Case(name, functools.partial(_palette, name, descriptor, entries))


def _palette(name: str, descriptor: tuple[int, ...], entries: np.ndarray) -> bytes:
    told: dict[str, object] = {"PhotometricInterpretation": b"PALETTE COLOR "}
    for colour in ("Red", "Green", "Blue"):
        packed = struct.pack(f"<{len(descriptor)}H", *descriptor)
        told[f"{colour}PaletteColorLookupTableDescriptor"] = packed
        told[f"{colour}PaletteColorLookupTableData"] = entries.tobytes()
    return child(name, pixels=(some_chest(name) >> 4).astype(np.uint8), **told)


def _streams() -> Iterator[Case]:
    """Yield compressed frames that are cut, overwritten, of another size or of another kind."""
    for what, syntax in {
        "jpeg": JPEG_BASELINE, "jpeg-lossless": JPEG_LOSSLESS, "jpeg-ls": JPEG_LS,
        "jpeg-2000": JPEG_2000_LOSSLESS, "rle": RLE,
    }.items():  # fmt: skip
        yield spoilt(f"pixels/{what}-whole", syntax=syntax)
        yield spoilt(f"pixels/{what}-rows-disagree", syntax=syntax, Rows=64)
        yield spoilt(f"pixels/{what}-bits-disagree", syntax=syntax, BitsAllocated=8, BitsStored=8,
                     HighBit=7)  # fmt: skip
        for part in ("first-half", "no-start", "zeros", "noise"):
            name = f"pixels/{what}-{part}"
            yield Case(name, functools.partial(_stream, name, syntax, part))
        yield spoilt(f"pixels/{what}-declared-only", meta={"TransferSyntaxUID": syntax})
    yield spoilt(
        "pixels/native-declared-only",
        syntax=JPEG_LOSSLESS,
        meta={"TransferSyntaxUID": EXPLICIT_LE},
    )


def _stream(name: str, syntax: str, part: str) -> bytes:
    """Return a file whose fragment keeps its length, so that only the stream is broken."""
    whole = bytearray(child(name, syntax=syntax))
    start = whole.rindex(b"\xfe\xff\0\xe0") + 8
    length = len(whole) - 8 - start
    half = start + length // 2
    if part == "first-half":
        whole[half : start + length] = b"\0" * (start + length - half)
    elif part == "no-start":
        whole[start : start + 16] = b"\0" * 16
    elif part == "zeros":
        whole[start : start + length] = b"\0" * length
    else:
        noise = np.random.default_rng(seed_of(name)).integers(0, 256, length, np.uint8)
        whole[half : start + length] = noise.tobytes()[: start + length - half]
    return bytes(whole)


def _surfaces() -> Iterator[Case]:
    """Yield pictures that nobody can read: even, saturated, noise."""
    for level in (0, 1, 2048, 4095):
        flat = np.full((128, 120), level, np.uint16)
        yield spoilt(f"pixels/constant-{level}", pixels=flat)
        yield spoilt(f"pixels/constant-{level}-no-window", pixels=flat, WindowWidth=None)
    for what, window in {"black": (b"60000 ", b"2 "), "white": (b"-60000", b"2 ")}.items():
        yield spoilt(f"pixels/saturated-{what}", WindowCenter=window[0], WindowWidth=window[1])
    for side in (64, 128, 512):
        name = f"pixels/noise-{side}"
        chance = np.random.default_rng(seed_of(name))
        yield spoilt(name, pixels=chance.integers(0, 4096, (side, side), np.uint16))
    halves = np.repeat(np.array([[0, 4095]], np.uint16), 64, 1).repeat(128, 0)
    yield spoilt("pixels/black-and-white", pixels=halves)
    faint = 2048 + (some_chest("pixels/almost-even") >> 6)
    yield spoilt("pixels/almost-even", pixels=faint.astype(np.uint16))
    yield spoilt("pixels/almost-even-no-window", pixels=faint.astype(np.uint16), WindowWidth=None)
