"""Simple measures of one file: none of them knows what a lung is."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

BLACK, WHITE = 0.02, 0.98
STROKE = 0.25
"""By how much of the grey range a stroke is brighter than what is around it."""
WINDOW = 7


@dataclass(frozen=True, slots=True)
class Simple:
    """One measure: what it is called, and in a sentence what it says.

    Parameters
    ----------
    key : str
        Its name in ``explore.json``.
    digits : int
        Decimals on the page.
    log : bool
        Drawn on a logarithmic axis.
    shown : bool
        Its extremes are worth looking at.
    """

    key: str
    title: str
    unit: str
    meaning: str
    digits: int = 3
    log: bool = False
    shown: bool = True


SIMPLE = (
    Simple("width", "Width", "px", "Columns of the file.", 0, shown=False),
    Simple("height", "Height", "px", "Rows of the file.", 0, shown=False),
    Simple("aspect", "Aspect", "width / height", "1 is square; above 1 is wider than high."),
    Simple("short_side", "Short side", "px", "The smaller of width and height.", 0, shown=False),
    Simple("megapixels", "Size", "megapixels", "Width times height, in millions of pixels."),
    Simple(
        "bytes_per_pixel",
        "File bytes per pixel",
        "bytes",
        "How hard the file is compressed, and how much detail there was to keep: it comes of the "
        "archive, not of the patient.",
        log=True,
    ),
    Simple("brightness", "Brightness", "0 to 1", "Mean grey value; 0 is black, 1 white."),
    Simple("contrast", "Contrast", "0 to 0.5", "Standard deviation of the grey values."),
    Simple(
        "black",
        "Black share",
        "0 to 1",
        f"Share of pixels at or below {BLACK}: borders, collimation, air outside the patient.",
    ),
    Simple(
        "white",
        "White share",
        "0 to 1",
        f"Share of pixels at or above {WHITE}: markers, letters, burnt-out bone.",
    ),
    Simple(
        "sharpness",
        "Sharpness",
        "ratio",
        "Variance of the Laplacian (four neighbours) over the variance of the grey values, in the "
        "file's own pixels: fine detail and noise, whatever the contrast.",
        4,
        log=True,
    ),
    Simple(
        "detail",
        "Fine detail at 224 px",
        "variance",
        "Variance of the Laplacian after the picture was reduced to the 224 x 224 that the network "
        "sees: sharpness and contrast together.",
        4,
        log=True,
    ),
    Simple(
        "strokes",
        "Bright strokes",
        "0 to 1",
        f"Share of pixels, at 224 x 224, brighter by {STROKE} than the opening of their "
        f"surroundings with a square of {WINDOW}: letters, side markers, wires, electrodes. The "
        "highest are the place to look for text in the pictures.",
        4,
    ),
)
BY_KEY = {simple.key: simple for simple in SIMPLE}


def measure_picture(grey: Floats, seen: Floats, size: int) -> dict[str, float]:
    """Return every measure of `SIMPLE` by its key.

    Parameters
    ----------
    grey : (height, width) float32, in [0, 1]
        The file's own pixels.
    seen : (224, 224) float32, in [0, 1]
        What the network sees of it.
    size : int
        Bytes of the file.
    """
    height, width = grey.shape
    return {
        "width": float(width),
        "height": float(height),
        "aspect": width / height,
        "short_side": float(min(width, height)),
        "megapixels": grey.size / 1e6,
        "bytes_per_pixel": size / grey.size,
        "brightness": float(grey.mean(dtype=np.float64)),
        "contrast": float(grey.std(dtype=np.float64)),
        "black": float((grey <= BLACK).mean()),
        "white": float((grey >= WHITE).mean()),
        "sharpness": sharpness(grey),
        "detail": float(laplacian(seen).var(dtype=np.float64)),
        "strokes": float((top_hat(seen) >= STROKE).mean()),
    }


def sharpness(grey: Floats) -> float:
    """Return the variance of the Laplacian relative to that of the grey; 0 of an even picture."""
    spread = float(grey.var(dtype=np.float64))
    edges = laplacian(grey)
    return float(edges.var(dtype=np.float64)) / spread if spread and edges.size else 0.0


def laplacian(grey: Floats) -> Floats:
    """Return each inner pixel's four neighbours less four times itself."""
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return np.asarray(around - 4 * grey[1:-1, 1:-1], np.float32)


def top_hat(grey: Floats) -> Floats:
    """Return ``grey`` less its opening: what is bright and thinner than the window."""
    return np.asarray(grey - _extreme(_extreme(grey, np.minimum), np.maximum), np.float32)


def _extreme(grey: Floats, choose: np.ufunc) -> Floats:
    """Return the extreme of the square window around each pixel, one axis after the other."""
    for axis in (0, 1):
        reach = WINDOW // 2
        padding = [(reach, reach) if axis == other else (0, 0) for other in (0, 1)]
        padded = np.pad(grey, padding, mode="edge")
        length = grey.shape[axis]
        parts = [
            padded.take(range(start, start + length), axis=axis) if axis else
            padded[start : start + length]
            for start in range(WINDOW)
        ]  # fmt: skip
        grey = choose.reduce(parts)
    return grey
