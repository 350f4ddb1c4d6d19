"""What a case is, and the file that most cases are a spoilt copy of."""

import functools
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from tests.dicom_files import chest_pixels, child_chest

Make = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Case:
    """One file.

    Parameters
    ----------
    name : str
        ``family/what``: unique, and never changed once it is in ``expected.csv``.
    make : callable
        Returns the bytes, the same ones every time.
    described : mapping
        What is sent beside it, as for PNG and JPEG.
    """

    name: str
    make: Make
    described: Mapping[str, str] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """What the name begins with."""
        return self.name.partition("/")[0]


def seed_of(name: str) -> int:
    """Return a number that depends on the name alone."""
    return zlib.crc32(name.encode())


def spoilt(name: str, **how: object) -> Case:
    """Return a case: a child's chest radiograph with ``how`` changed in its header.

    ``how`` is that of `tests.dicom_files.child_chest`; each case has a patient of its own.
    """
    return Case(name, functools.partial(child, name, **how))


def child(name: str, **how: object) -> bytes:
    """Return a child's chest radiograph that no other case shares an identifier with."""
    return child_chest(**({"seed": seed_of(name), "pixels": some_chest(name)} | how))


def some_chest(name: str) -> np.ndarray:
    """Return one of eight chests: drawing one takes longer than reading it."""
    return _chest(seed_of(name) % 8)


@functools.cache
def _chest(number: int) -> np.ndarray:
    pixels = chest_pixels(number, rows=128, columns=120)
    pixels.setflags(write=False)
    return pixels
