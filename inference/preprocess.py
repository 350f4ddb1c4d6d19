"""From a display-ready radiograph to the picture that the network sees.

Training and serving both call ``squash``: a model must meet the same input in both.
"""

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

PREPROCESSING_VERSION = "squash-bilinear-1"
"""Stored with every result; changes whenever the same file would give other numbers."""

_PLANE = 2
_CHUNK_PIXELS = 1 << 16
"""What is made of so many stays in the processor's cache; much more costs twice the time."""
INPUT_SIZE = 224
"""Rows and columns of the network's input, in pixels (Simonyan & Zisserman 2015)."""


def squash(pixels: "NDArray[np.float32]", size: int = INPUT_SIZE) -> "NDArray[np.float32]":
    """Return ``pixels`` resampled to a square, without regard to the aspect ratio.

    Letterboxing would leak the aspect ratio, which separates the classes of the training set by
    itself; an antialiased filter keeps the result independent of the size of the original.

    Parameters
    ----------
    pixels : (rows, columns) float32, in [0, 1], 1 = white
    size : int
        Rows and columns of the result, in pixels.

    Returns
    -------
    (size, size) float32, in [0, 1]
        A new array. Bilinear, with the support of the filter scaled to the reduction.

    Raises
    ------
    ValueError
        If shape, dtype or size are wrong. That is a bug in the caller, not a bad image.
    """
    if pixels.ndim != _PLANE or pixels.dtype != np.float32 or pixels.size == 0:
        raise ValueError(f"expected float32 (rows, columns), got {pixels.dtype} {pixels.shape}")
    if size < 1:
        raise ValueError(f"expected a size of at least 1 pixel, got {size}")
    step = max(1, _CHUNK_PIXELS // pixels.shape[1])
    starts = range(0, pixels.shape[0], step)
    return squash_parts((pixels[row : row + step] for row in starts), size)


def squash_parts(
    parts: "Iterable[NDArray[np.float32]]", size: int = INPUT_SIZE
) -> "NDArray[np.float32]":
    """Return what `squash` makes of a picture whose rows come some at a time, from the top.

    Pillow copies what it resamples, and a picture may have 400 MB: so it is never there whole.
    """
    narrow = np.concatenate([_resampled(part, size, part.shape[0]) for part in parts])
    squashed: NDArray[np.float32] = np.clip(_resampled(narrow, size, size), 0.0, 1.0)
    return squashed


def _resampled(pixels: "NDArray[np.float32]", columns: int, rows: int) -> "NDArray[np.float32]":
    image = Image.fromarray(np.ascontiguousarray(pixels))
    resized = image.resize((columns, rows), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32)
