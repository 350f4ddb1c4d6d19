"""Radiographs in the page: small JPEG pictures as data URIs."""

import base64
import io
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.training.explore.markup import Html, tag
from inference.training.features import read_grey

SIDE = 150
QUALITY = 72


class Thumbnails:
    """The radiographs of a folder, made small when they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._made = cache(lambda name: _shrunk(folder / name))

    def show(self, name: str, alt: str) -> Html:
        """Return the radiograph ``name`` as an element, at its own aspect."""
        return _element(self._made(name), alt)


def show_mean(mean: npt.NDArray[np.float32], alt: str) -> Html:
    """Return a mean radiograph, (rows, columns) in [0, 1], as an element."""
    return _element(Image.fromarray(_bytes(mean)), alt)


def show_difference(difference: npt.NDArray[np.float32], full: float, alt: str) -> Html:
    """Return a difference as an element: orange above 0, blue below, grey at 0.

    ``full`` is the difference that has full colour.
    """
    strength = np.minimum(np.abs(difference)[..., None] / (full or 1.0), 1.0)
    ends = np.where(difference[..., None] > 0, (217, 119, 6), (37, 99, 235))
    mixed = 225 * (1 - strength) + ends * strength
    return _element(Image.fromarray(np.rint(mixed).astype(np.uint8)), alt)


def _shrunk(file: Path) -> Image.Image:
    image = Image.fromarray(_bytes(read_grey(file)))
    image.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR)
    return image


def _bytes(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8)


def _element(image: Image.Image, alt: str) -> Html:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY, optimize=True)
    source = f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
    return tag("img", src=source, alt=alt, width=image.width, height=image.height)
