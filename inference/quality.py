"""Is this a picture that anyone could read? Cheap checks of the pixels, before any network."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

from inference.bounds import QualityBounds
from inference.refusal import Refusal

Pixels = npt.NDArray[np.float32]

BOUNDS = QualityBounds(
    spread_minimum=0.02, extreme_maximum=0.98, roughness_maximum=0.08, structure_minimum=0.05,
    colour_maximum=0.05,
)  # fmt: skip
"""What a bundle gets that is packed now, and what one without bounds of its own was measured with.

A radiograph has a spread of 0.15 to 0.30. Of 1,522 radiographs the roughest has 0.03; white noise
has 0.75, and still 0.10 when it is enlarged from 64 x 64. Of 2,896 the smoothest has a structure of
0.11; a gradient has none. None has a pixel in colour; a coloured stamp is less than that bound.
"""

SAME_SHADE = 1e-9
"""Singular value, as a share of the largest, below which a shade is a sum of the others."""

EXPORT = "Repeat the exposure or the export; check the detector and its connection."
PHOTOGRAPH = "Send the radiograph as the detector made it: no photograph, screen or report."


def check_quality(
    pixels: Pixels, *, colour: float = 0.0, bounds: QualityBounds = BOUNDS
) -> Refusal | None:
    """Return why an image cannot be read by anyone, or None.

    Parameters
    ----------
    pixels : (n, n) float32, in [0, 1]
    colour : float
        Share of the pixels of the original that are not grey.
    bounds : QualityBounds
        Those of the bundle.
    """
    if not np.isfinite(pixels).all():
        return Refusal("pixel_values_invalid", "The pixels are not all numbers.", "failed")
    return next(_faults(pixels, colour, bounds), None)


def _faults(pixels: Pixels, colour: float, bounds: QualityBounds) -> Iterator[Refusal]:
    """Yield what is wrong; a later check may take for granted that the earlier ones passed."""
    if (spread := float(pixels.std())) < bounds.spread_minimum:
        yield Refusal(
            code="no_contrast",
            detail="The image is almost one even surface.",
            outcome="rejected_quality",
            found=f"standard deviation {spread:.3f} of full scale",
            remedy="Repeat the exposure or the export; check the window of the sending system.",
        )
    if (extreme := float(((pixels <= 0.0) | (pixels >= 1.0)).mean())) > bounds.extreme_maximum:
        yield Refusal(
            code="saturated",
            detail="Almost all of the image is plain black or plain white.",
            outcome="rejected_quality",
            found=f"{extreme:.0%} of the pixels",
            remedy="Check the window and the look-up tables of the sending system.",
        )
    if (found := roughness(pixels)) > bounds.roughness_maximum:
        yield Refusal(
            code="noise",
            detail="The image is noise, or no radiograph: neighbouring pixels differ too much.",
            outcome="rejected_quality",
            found=f"{found:.0%} of the contrast lies between neighbours",
            remedy=EXPORT,
        )
    if (found := structure(pixels)) < bounds.structure_minimum:
        yield Refusal(
            code="no_structure",
            detail="The image is a smooth shade from dark to bright, with nothing in it.",
            outcome="rejected_quality",
            found=f"{found:.1%} of the contrast is more than a shade",
            remedy=EXPORT,
        )
    if colour > bounds.colour_maximum:
        yield Refusal(
            code="not_grey",
            detail="The image is in colour; a radiograph is grey.",
            outcome="rejected_quality",
            found=f"{colour:.0%} of the pixels",
            remedy=PHOTOGRAPH,
        )


def structure(pixels: Pixels) -> float:
    """Return the share of the variance that no smooth shade explains, 0 to 1.

    A shade is a polynomial of the second degree over rows and columns.

    Parameters
    ----------
    pixels : (n, n) float32
        Not all the same.
    """
    small = pixels[::4, ::4]
    values = small.ravel().astype(np.float64)
    shades = _shades(*small.shape)
    rest = values - shades @ (shades.T @ values)
    return float(rest.var() / max(float(values.var()), 1e-12))


@cache
def _shades(rows: int, columns: int) -> npt.NDArray[np.float64]:
    """Return an orthonormal basis of the shades: (rows * columns, 6), or fewer where some agree."""
    row, column = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    shades = [row**0, row, column, row**2, row * column, column**2]
    basis, strength, _ = np.linalg.svd(
        np.stack([one.ravel() for one in shades], 1), full_matrices=False
    )
    # With a row or two some shades are sums of others, and their direction would be any at all.
    return np.asarray(basis[:, strength > SAME_SHADE * strength[0]], np.float64)


def roughness(pixels: Pixels) -> float:
    """Return how unlike neighbours are: 0 where all is smooth, 1 where they are strangers.

    Parameters
    ----------
    pixels : (n, n) float32
        Not all the same.
    """
    between = max(float(np.diff(pixels, axis=axis).var()) for axis in (0, 1))
    return between / (2 * float(pixels.var()))
