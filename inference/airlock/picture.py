"""A picture whose every pixel is a code, and what each code means.

Pixels have 8 or 16 bits, so a transformation is worked out once for all 256 or 65,536 codes, in
float64, and then looked up: exact, fast, and without large intermediate arrays.
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from inference.airlock.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Codes = NDArray[np.uint8 | np.uint16]
    Values = NDArray[np.float64]

_CHUNK_PIXELS = 1 << 16
_LUMINANCE = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601, as JPEG has it."""
_GREY_STEP = 1.0 / 255.0
_GRID = 512


class Display(Protocol):
    """How values become brightness."""

    def apply(self, values: "Values") -> "Values":
        """Return brightness in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Span:
    """Brightness rises evenly from ``low`` (black) to ``high`` (white)."""

    low: float
    high: float

    def apply(self, values: "Values") -> "Values":
        """Return brightness in [0, 1]."""
        if self.high <= self.low:
            return np.zeros_like(values)
        return np.clip((values - self.low) / (self.high - self.low), 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame.

    Parameters
    ----------
    codes : (rows, columns) uint8 or uint16
        As stored.
    values : (256,) or (65536,) float64
        What each code means, in units of the modality.
    counts : (256,) or (65536,) int64
        How many pixels have each code.
    padding : (256,) or (65536,) bool
        Codes that stand for no picture; they are shown black and set no range.
    display : Display
        From values to brightness.
    inverted : bool
        The lowest value is white (MONOCHROME1).
    colour : float
        Share of the pixels that are clearly not grey; see `colour_share`.
    """

    codes: "Codes"
    values: "Values"
    counts: "NDArray[np.int64]"
    padding: "NDArray[np.bool_]"
    display: Display
    inverted: bool = False
    colour: float = 0.0

    @property
    def rows(self) -> int:
        """Rows, in pixels."""
        return int(self.codes.shape[0])

    @property
    def columns(self) -> int:
        """Columns, in pixels."""
        return int(self.codes.shape[1])

    def brightness(
        self, display: Display | None = None, *, invert: bool = False
    ) -> "NDArray[np.float32]":
        """Return the brightness of every code: (256,) or (65536,) float32, in [0, 1], 1 = white.

        Raises
        ------
        Refused
            ``pixel_values_invalid`` if a pixel has none.
        """
        with np.errstate(all="ignore"):
            shown = (display or self.display).apply(self.values)
        if self.inverted != invert:
            shown = 1.0 - shown
        shown = np.where(self.padding, 0.0, shown)
        if not np.isfinite(np.where(self.counts > 0, self.values, 0.0)).all():
            raise Refused("pixel_values_invalid")
        return np.nan_to_num(shown, nan=0.0).astype(np.float32)

    def chunks(self) -> "Iterator[Codes]":
        """Yield the codes, some rows at a time, to bound the memory of what is made of them."""
        step = max(1, _CHUNK_PIXELS // self.columns)
        for row in range(0, self.rows, step):
            yield self.codes[row : row + step]


def counts_of(codes: "Codes") -> "NDArray[np.int64]":
    """Return how many pixels have each code: (256,) or (65536,) int64."""
    size = 1 << (8 * codes.dtype.itemsize)
    step = max(1, _CHUNK_PIXELS // codes.shape[1])
    counts = np.zeros(size, dtype=np.int64)
    for row in range(0, codes.shape[0], step):
        counts += np.bincount(codes[row : row + step].ravel(), minlength=size)
    return counts


def luminance(samples: "Codes") -> "Codes":
    """Return the brightness of RGB samples, of the same type.

    Parameters
    ----------
    samples : (rows, columns, 3) uint8 or uint16
        Red, green, blue.

    Returns
    -------
    (rows, columns) uint8 or uint16
        Equal samples keep their value exactly.
    """
    grey: Codes = np.rint(samples[..., :3] @ _LUMINANCE).astype(samples.dtype)
    return grey


def colour_share(samples: "Codes", white: float) -> float:
    """Return the share of pixels whose samples are a sixth of white or more apart.

    Parameters
    ----------
    samples : (rows, columns, 3) uint8 or uint16
        Red, green, blue. Of a large picture a grid of at most 512 x 512 is looked at.
    white : float
        The largest value that a sample can have.
    """
    rows, columns = (max(1, -(-side // _GRID)) for side in samples.shape[:2])
    some = samples[::rows, ::columns, :3].astype(np.float32)
    return float((np.ptp(some, axis=-1) >= white / 6).mean())


def span_of(values: "Values", counts: "NDArray[np.int64]") -> Span:
    """Return the range of the values that pixels have.

    Not a percentile of them: that would brighten a picture more, the more of it is lung, and one
    and the same picture would look different with and without its window.

    Parameters
    ----------
    values : (n,) float64
        Of each code.
    counts : (n,) int64
        Pixels of each code that are to be looked at.
    """
    present = values[(counts > 0) & np.isfinite(values)]
    return Span(float(present.min()), float(present.max())) if present.size else Span(0.0, 0.0)


def quality_of(counts: "NDArray[np.int64]", brightness: "NDArray[np.float32]") -> dict[str, float]:
    """Return figures of the whole picture, for the gate.

    Parameters
    ----------
    counts : (n,) int64
        Pixels of each code.
    brightness : (n,) float32, in [0, 1]
        Of each code.

    Returns
    -------
    dict
        ``minimum``, ``maximum``, ``mean``, ``std`` of the brightness; ``black`` and ``white``, the
        shares of pixels within one grey step of 256 of either end.

    Raises
    ------
    Refused
        ``constant_image`` if all pixels lie within one such step.
    """
    present = counts > 0
    shown, weights = brightness[present].astype(np.float64), counts[present] / counts.sum()
    mean = float(shown @ weights)
    figures = {
        "minimum": float(shown.min()),
        "maximum": float(shown.max()),
        "mean": mean,
        "std": float(np.sqrt(((shown - mean) ** 2) @ weights)),
        "black": float(weights[shown < _GREY_STEP].sum()),
        "white": float(weights[shown > 1.0 - _GREY_STEP].sum()),
    }
    if figures["maximum"] - figures["minimum"] <= _GREY_STEP:
        raise Refused("constant_image", found=f"brightness {mean:.3f} everywhere")
    return figures


def pixel_sha256(picture: Picture, brightness: "NDArray[np.float32]") -> str:
    """Return the SHA-256 of the picture as shown, full size, as big-endian 16-bit words."""
    words = np.rint(brightness.astype(np.float64) * 65535.0).astype(">u2")
    digest = hashlib.sha256()
    for codes in picture.chunks():
        digest.update(words[codes].tobytes())
    return digest.hexdigest()
