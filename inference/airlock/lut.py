"""Modality and VOI transformations over every code that a pixel can hold. PS3.3 C.11.1, C.11.2."""

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from inference.airlock.elements import Element, Elements

    Values = NDArray[np.float64]

MODALITY_LUT_SEQUENCE = 0x00283000
LUT_DESCRIPTOR = 0x00283002
LUT_DATA = 0x00283006
VOI_LUT_SEQUENCE = 0x00283010
VOI_TAGS = (0x00281050, 0x00281051, 0x00281056)  # WindowCenter, WindowWidth, VOILUTFunction
RESCALE_TAGS = (0x00281052, 0x00281053)  # RescaleIntercept, RescaleSlope
_SIXTEEN_BITS = 0x10000
_ENTRY_BITS = range(8, 17)
_DESCRIPTOR = struct.Struct("<3H")


@dataclass(frozen=True, slots=True)
class Window:
    """A window on values of the modality, in their units.

    Parameters
    ----------
    center, width : float
        Finite; the width is usable for the function.
    function : str
        ``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID``.
    """

    center: float
    width: float
    function: str = "LINEAR"

    def apply(self, values: "Values") -> "Values":
        """Return values in [0, 1]. PS3.3 section C.11.2.1.2."""
        if self.function == "SIGMOID":
            exponent = np.clip(-4.0 * (values - self.center) / self.width, -700.0, 700.0)
            return np.asarray(1.0 / (1.0 + np.exp(exponent)))
        center, width = self.center, self.width
        if self.function == "LINEAR":
            center, width = center - 0.5, width - 1.0
        if width == 0:
            return np.where(values > center, 1.0, 0.0)
        return np.clip((values - center) / width + 0.5, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Lut:
    """A look-up table: ``data[0]`` belongs to ``first``; outside it the ends hold.

    Parameters
    ----------
    first : int
        The value that the first entry belongs to.
    bits : int
        Bits of an entry, 8 to 16.
    data : (n,) float64
        Entries.
    """

    first: int
    bits: int
    data: "Values"

    def apply(self, values: "Values") -> "Values":
        """Return the entries that ``values`` point to."""
        index = np.clip(np.rint(values) - self.first, 0, len(self.data) - 1).astype(np.intp)
        entries: Values = self.data[index]
        return entries

    def apply_unit(self, values: "Values") -> "Values":
        """Return the entries as parts of the range that their bits allow, in [0, 1]."""
        return np.clip(self.apply(values) / (2.0**self.bits - 1.0), 0.0, 1.0)


def window_of(elements: dict[str, Any]) -> Window | None:
    """Return the first window of a header, or None if it has none that can be used."""
    center, width = (first_number(elements.get(f"Window{name}")) for name in ("Center", "Width"))
    function = elements.get("VOILUTFunction") or "LINEAR"
    if center is None or width is None:
        return None
    return usable_window(center, width, function if isinstance(function, str) else "LINEAR")


def usable_window(center: float, width: float, function: str = "LINEAR") -> Window | None:
    """Return the window, or None where the standard gives it no meaning."""
    function = function.upper()
    if function not in {"LINEAR", "LINEAR_EXACT", "SIGMOID"}:
        function = "LINEAR"
    least = 1.0 if function == "LINEAR" else math.ulp(0.0)
    finite = math.isfinite(center) and math.isfinite(width)
    return Window(center, width, function) if finite and width >= least else None


def first_number(value: object) -> float | None:
    """Return the first of one or several numbers, or None where there is no number."""
    first = value[0] if isinstance(value, list) and value else value
    return float(first) if isinstance(first, int | float) else None


def rescaled(values: "Values", elements: dict[str, Any]) -> "Values":
    """Return values times slope plus intercept; overflow becomes infinity, to be refused later."""
    slope = first_number(elements.get("RescaleSlope"))
    intercept = first_number(elements.get("RescaleIntercept"))
    with np.errstate(over="ignore", invalid="ignore"):
        return values * (1.0 if slope is None else slope) + (intercept or 0.0)


def lut_of(data: memoryview, elements: "Elements", sequence: int, *, signed: bool) -> Lut | None:
    """Return the first table of a LUT sequence, or None if there is none that can be used.

    Parameters
    ----------
    data : memoryview
        What ``elements`` point into.
    elements : Elements
        The data set.
    sequence : int
        Tag of the sequence.
    signed : bool
        Whether the first mapped value is signed.
    """
    element = elements.get(sequence)
    items = element.items if element else None
    return table_of(data, items[0], signed=signed) if items else None


def table_of(data: memoryview, item: "Mapping[int, Element | None]", *, signed: bool) -> Lut | None:
    """Return the table of a descriptor and its data, or None if they cannot be used."""
    descriptor, table = item.get(LUT_DESCRIPTOR), item.get(LUT_DATA)
    if descriptor is None or table is None or descriptor.length != _DESCRIPTOR.size:
        return None
    order = "<" if descriptor.little else ">"
    shape = f"{order}H{'h' if signed else 'H'}H"
    count, first, bits = struct.unpack_from(shape, data, descriptor.start)
    entries = entries_of(data[table.start : table.start + table.length], count, order)
    if entries is None or bits not in _ENTRY_BITS:
        return None
    return Lut(first, bits, entries)


def entries_of(raw: memoryview, count: int, order: str) -> "Values | None":
    """Return the entries of a table of words, or of bytes where it is too short for words.

    A count of 0 stands for 65,536 (PS3.3 section C.11.1.1.1).
    """
    count = count or _SIXTEEN_BITS
    if len(raw) >= 2 * count:
        return np.frombuffer(raw[: 2 * count], f"{order}u2").astype(np.float64)
    if len(raw) >= count:
        return np.frombuffer(raw[:count], np.uint8).astype(np.float64)
    return None
