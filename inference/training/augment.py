"""The augmented view of a radiograph, aimed at what separates the classes for the wrong reason.

In these archives the compression, the sharpness, the size and the tone of a file tell the classes
apart (docs/model-card.md). An augmented view disturbs all four, and often takes the sharpness and
the texture of another radiograph, of either class or hospital (after Xu et al. 2021,
arXiv:2105.11120, who mix amplitudes of Fourier spectra). It never flips left to right: that would
move the heart to the other side, which is another finding.
"""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter, ImageOps

from inference.preprocess import squash

Floats = npt.NDArray[np.float32]

FILTERS = (
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
    Image.Resampling.BOX,
)


def augment(
    pixels: Floats, rng: np.random.Generator, *, size: int, other: Floats | None = None
) -> Floats:
    """Return another view of ``pixels``, (size, size) float32 in [0, 1].

    Parameters
    ----------
    pixels : (height, width) float32, in [0, 1]
        Never written to.
    rng : Generator
        Decides everything: the same state gives the same view.
    size : int
        Side of the answer, in pixels.
    other : (height, width) float32, in [0, 1], optional
        Another radiograph, whose spectrum the view may take; None: it keeps its own.
    """
    view = pixels
    if rng.random() < BORROWED and other is not None:
        view = borrow_spectrum(squash(view, size), squash(other, size), rng)
    for share, step in STEPS:
        if share is None or rng.random() < share:
            view = step(view, rng)
    return squash(np.clip(view, 0.0, 1.0).astype(np.float32), size)


def borrow_spectrum(pixels: Floats, other: Floats, rng: np.random.Generator) -> Floats:
    """Return square ``pixels`` with 30 to 100 % (in the logarithm) of the power of ``other``.

    What is exchanged is the mean amplitude at each spatial frequency, whatever its direction; the
    phases, where the anatomy is, and the mean brightness stay.
    """
    side = pixels.shape[0]
    rows, columns = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    ring = np.round(np.hypot(rows, columns) * side).astype(np.intp)
    count = np.maximum(np.bincount(ring.ravel()), 1)

    def profile(spectrum: npt.NDArray[np.complexfloating]) -> npt.NDArray[np.floating]:
        power = np.bincount(ring.ravel(), (np.abs(spectrum) ** 2).ravel())
        return np.sqrt(power / count) + TINY

    own = np.fft.rfft2(pixels)
    gain = np.clip(profile(np.fft.rfft2(other)) / profile(own), *GAINS)
    gain[0] = 1.0
    taken = np.fft.irfft2(own * gain[ring] ** rng.uniform(0.3, 1.0), s=pixels.shape)
    return np.clip(taken, 0.0, 1.0).astype(np.float32)


def equalise(pixels: Floats, rng: np.random.Generator) -> Floats:
    """Return ``pixels`` on the way to a flat histogram, a fifth of it or more."""
    flat = _as_floats(ImageOps.equalize(_as_bytes(pixels)))
    share = np.float32(rng.uniform(0.2, 1.0))
    return share * flat + (1 - share) * pixels


def reduce(pixels: Floats, rng: np.random.Generator) -> Floats:
    """Return ``pixels`` reduced to a square of 24 to 112 pixels, and enlarged again."""
    height, width = pixels.shape
    side = round(float(np.exp(rng.uniform(np.log(24), np.log(112)))))
    down, up = rng.choice(len(FILTERS), 2)
    image = Image.fromarray(pixels).resize((side, side), FILTERS[down])
    return np.asarray(image.resize((width, height), FILTERS[up]), np.float32)


def reframe(pixels: Floats, rng: np.random.Generator) -> Floats:
    """Return ``pixels`` with up to 15 % of each side cropped away and turned by up to 4 degrees."""
    height, width = pixels.shape
    tall, wide = (max(2, round(side * rng.uniform(0.85, 1.0))) for side in (height, width))
    top, left = rng.integers(0, height - tall + 1), rng.integers(0, width - wide + 1)
    turned = Image.fromarray(pixels).rotate(rng.uniform(-4, 4), resample=Image.Resampling.BILINEAR)
    return np.asarray(turned, np.float32)[top : top + tall, left : left + wide]


def resample(pixels: Floats, rng: np.random.Generator) -> Floats:
    """Return ``pixels`` reduced to between a quarter and all of its size, and enlarged again."""
    height, width = pixels.shape
    share = float(np.exp(rng.uniform(np.log(0.25), 0.0)))
    small = (max(8, round(width * share)), max(8, round(height * share)))
    down, up = rng.choice(len(FILTERS), 2)
    image = Image.fromarray(pixels).resize(small, FILTERS[down])
    return np.asarray(image.resize((width, height), FILTERS[up]), np.float32)


def blur(pixels: Floats, rng: np.random.Generator) -> Floats:
    """Return ``pixels`` under a Gaussian of 0.3 to 1.5 pixels."""
    filtered = _as_bytes(pixels).filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))
    return _as_floats(filtered)


def retone(pixels: Floats, rng: np.random.Generator) -> Floats:
    """Return ``pixels`` with another gamma, contrast and brightness."""
    gamma = np.exp(rng.uniform(-0.35, 0.35))
    bent = np.clip(pixels, 0.0, 1.0) ** np.float32(gamma)
    middle = bent.mean()
    stretched = (bent - middle) * np.float32(rng.uniform(0.7, 1.3)) + middle
    return np.asarray(stretched + np.float32(rng.uniform(-0.1, 0.1)), np.float32)


def recompress(pixels: Floats, rng: np.random.Generator) -> Floats:
    """Return ``pixels`` after a JPEG of quality 15 to 95."""
    stream = io.BytesIO()
    _as_bytes(pixels).save(stream, "JPEG", quality=int(rng.integers(15, 96)))
    with Image.open(stream) as image:
        return _as_floats(image)


def _as_bytes(pixels: Floats) -> Image.Image:
    return Image.fromarray(np.round(np.clip(pixels, 0.0, 1.0) * 255).astype(np.uint8))


def _as_floats(image: Image.Image) -> Floats:
    return np.asarray(image, np.float32) / np.float32(255)


def add_noise(pixels: Floats, rng: np.random.Generator) -> Floats:
    """Return ``pixels`` with Gaussian noise of 0.005 to 0.03 of full scale."""
    return pixels + rng.normal(0.0, rng.uniform(0.005, 0.03), pixels.shape).astype(np.float32)


BORROWED = 0.4
"""Share of the views that take the spectrum of another radiograph."""
GAINS = (0.05, 8.0)
"""Bounds of what a spatial frequency is weakened or strengthened by."""
TINY = 1e-6

STEPS: tuple[tuple[float | None, Callable[[Floats, np.random.Generator], Floats]], ...] = (
    (0.3, equalise),
    (0.35, reduce),
    (None, reframe),
    (0.6, resample),
    (0.4, blur),
    (None, retone),
    (0.3, add_noise),
    (0.8, recompress),
)
"""What is done in turn, and to which share of the views; None: to all, and nothing is drawn."""
