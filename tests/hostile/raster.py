"""PNG and JPEG: cut, overwritten, of odd depths and modes, and what is said beside them."""

import functools
import io
import itertools
import random
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.hostile.bombs import PNG, chunk, raster_chest
from tests.hostile.case import Case, seed_of, some_chest

CUTS = 32
MUTANTS = 24
_SIDES = (0, 1, 55, 56, 20_000, 65_535)
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_DESCRIBED = {
    "age-adult": {"age": "40Y"},
    "age-4": {"age": "4"},
    "age-months": {"age": "018M"},
    "age-words": {"age": "four"},
    "age-minus": {"age": "-4"},
    "age-formula": {"age": "=1+1"},
    "age-huge": {"age": "9" * 200},
    "age-zero": {"age": "0"},
    "age-151": {"age": "151"},
    "age-arabic-digits": {"age": "٤"},
    "view-ap": {"view": "AP"},
    "view-pa": {"view": "pa"},
    "view-lateral": {"view": "LATERAL"},
    "view-ll": {"view": "LL"},
    "view-script": {"view": "<script>"},
    "sex-f": {"sex": "F"},
    "sex-x": {"sex": "X"},
    "name-script": {"patient_name": "<script>alert(1)</script>"},
    "name-65": {"patient_name": "x" * 65},
    "name-right-to-left": {"patient_name": "a\u202egpj"},
    "name-line-end": {"patient_name": "a\nb"},
    "name-nul": {"patient_name": "a\0b"},
    "id-formula": {"patient_id": "=1+1"},
    "id-65": {"patient_id": "x" * 65},
    "id-emoji": {"patient_id": "\U0001f469"},
    "id-private-use": {"patient_id": "\ue000"},
    "id-escape": {"patient_id": "\x1b[2J"},
    "group-65": {"group": "x" * 65},
    "group-traversal": {"group": "../../x"},
}


def cases() -> Iterator[Case]:
    """Yield the family."""
    return itertools.chain(_cut(), _mutated(), _headers(), _modes(), _described(), _surfaces())


def _cut() -> Iterator[Case]:
    for kind, where in itertools.product(("PNG", "JPEG"), range(CUTS)):
        name = f"raster/cut-{kind.lower()}-{where:02}"
        yield Case(name, functools.partial(_cut_file, name, kind, where))


def _cut_file(name: str, kind: str, where: int) -> bytes:
    whole = raster_chest(name, kind)
    return whole[: len(whole) * where // CUTS]


def _mutated() -> Iterator[Case]:
    for number in range(MUTANTS):
        name = f"raster/mutant-png-{number:02}"
        yield Case(name, functools.partial(_mutant, name))


def _mutant(name: str) -> bytes:
    """Return a PNG with 1 to 4 bytes of its header changed, behind the signature."""
    chance = random.Random(seed_of(name))
    mutant = bytearray(raster_chest(name, "PNG"))
    for _ in range(chance.randint(1, 4)):
        mutant[chance.randrange(8, 41)] = chance.randrange(256)
    return bytes(mutant)


def _headers() -> Iterator[Case]:
    for rows, columns in itertools.product(_SIDES, _SIDES):
        name = f"raster/png-claims-{columns}x{rows}"
        yield Case(name, functools.partial(_claiming, name, struct.pack(">II", columns, rows), 16))
    for bits, colour in itertools.product((0, 1, 2, 4, 8, 16, 255), (0, 1, 2, 3, 4, 6, 255)):
        name = f"raster/png-bits-{bits}-colour-{colour}"
        yield Case(name, functools.partial(_claiming, name, bytes((bits, colour)), 24))
    for what, at in {"compression": 26, "filter": 27, "interlace": 28}.items():
        name = f"raster/png-{what}-9"
        yield Case(name, functools.partial(_claiming, name, b"\x09", at))
    for name, kind, body in (
        ("raster/png-animated", b"acTL", struct.pack(">II", 2, 0)),
        ("raster/png-two-headers", b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 0)),
        ("raster/png-ends-early", b"IEND", b""),
        ("raster/png-palette-in-grey", b"PLTE", b"\0" * 768),
        ("raster/png-private-chunk", b"prVt", b"x" * 1000),
    ):
        yield Case(name, functools.partial(_with_chunk, name, kind, body))
    for precision in (12, 16, 0):
        name = f"raster/jpeg-precision-{precision}"
        yield Case(name, functools.partial(_jpeg_precision, name, precision))


def _claiming(name: str, told: bytes, at: int) -> bytes:
    """Return a PNG that says something else in its header, with the right checksum."""
    whole = raster_chest(name, "PNG")
    head = bytearray(whole[16:29])
    head[at - 16 : at - 16 + len(told)] = told
    mark = chunk(b"tEXt", b"case\0" + name.encode())
    return PNG + chunk(b"IHDR", bytes(head)) + mark + whole[33:]


def _with_chunk(name: str, kind: bytes, body: bytes) -> bytes:
    whole = raster_chest(name, "PNG")
    return whole[:33] + chunk(kind, body) + whole[33:]


def _jpeg_precision(name: str, precision: int) -> bytes:
    whole = bytearray(raster_chest(name, "JPEG"))
    whole[whole.index(b"\xff\xc0") + 4] = precision
    return bytes(whole)


def _modes() -> Iterator[Case]:
    for mode in _MODES:
        name = f"raster/png-mode-{mode.replace(';', '-')}"
        yield Case(name, functools.partial(_in_mode, name, mode, "PNG"))
    for mode in ("L", "RGB", "CMYK"):
        name = f"raster/jpeg-mode-{mode}"
        yield Case(name, functools.partial(_in_mode, name, mode, "JPEG"))
    for quality in (1, 10, 95):
        name = f"raster/jpeg-quality-{quality}"
        yield Case(name, functools.partial(raster_chest, name, "JPEG", quality=quality))
    for orientation in (0, 1, 3, 6, 8, 9, 65_535):
        name = f"raster/jpeg-orientation-{orientation}"
        yield Case(name, functools.partial(_turned, name, orientation))
    name = "raster/jpeg-progressive"
    yield Case(name, functools.partial(raster_chest, name, "JPEG", progressive=True))


def _in_mode(name: str, mode: str, kind: str) -> bytes:
    if mode == "I;16":
        image = Image.fromarray(some_chest(name) * 16)
    else:
        image = Image.open(io.BytesIO(raster_chest(name, "PNG"))).convert(mode)
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def _turned(name: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return raster_chest(name, "JPEG", exif=exif)


def _described() -> Iterator[Case]:
    for what, described in _DESCRIBED.items():
        name = f"raster/described-{what}"
        yield Case(name, functools.partial(raster_chest, name, "PNG"), described)


def _surfaces() -> Iterator[Case]:
    for level in (0, 1, 128, 255):
        name = f"raster/constant-{level}"
        yield Case(name, functools.partial(_surface, np.full((120, 128), level, np.uint8)))
    for side in (64, 256, 1000):
        name = f"raster/noise-{side}"
        chance = np.random.default_rng(seed_of(name))
        yield Case(
            name, functools.partial(_surface, chance.integers(0, 256, (side, side), np.uint8))
        )
    ramp = np.tile(np.arange(256, dtype=np.uint8), (200, 1))
    yield Case("raster/gradient", functools.partial(_surface, ramp))
    checkered = (np.indices((128, 128)).sum(0) % 2 * 255).astype(np.uint8)
    yield Case("raster/checkered", functools.partial(_surface, checkered))


def _surface(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()
