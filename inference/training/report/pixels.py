"""The grey values that a report is about: of plain pictures and of DICOM, reduced if so wished."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.classifier import Classifier
from inference.preprocess import INPUT_SIZE, squash
from inference.refusal import Refusal
from inference.training.features import read_grey
from inference.training.splits import BadData

Floats = npt.NDArray[np.float32]
Read = Callable[[Path], Floats]


@dataclass(frozen=True, slots=True)
class Reader:
    """What reads the radiographs of a report, so that all of it is about the same pixels.

    Parameters
    ----------
    classifier : Classifier
        Its airlock opens what is no plain picture.
    side : int, optional
        Each is reduced to a square of so many pixels and enlarged again.
    """

    classifier: Classifier
    side: int | None = None

    def grey(self, file: Path) -> Floats:
        """Return the (height, width) float32 grey values, in [0, 1], that are measured.

        Raises
        ------
        BadData
            Neither Pillow nor the airlock can read the file.
        """
        pixels = self._whole(file)
        if self.side is None:
            return pixels
        return np.asarray(reduced(pixels, self.side), np.float32) / np.float32(255)

    def image(self, file: Path) -> Image.Image:
        """Return what `grey` returns, in 256 levels."""
        return _levels(self.grey(file))

    def _whole(self, file: Path) -> Floats:
        try:
            return read_grey(file)
        except BadData:
            found = self.classifier.picture(file)  # DICOM
        if isinstance(found, Refusal):
            raise BadData(f"{file} cannot be scored: {found.detail}")
        return found


def reduced(pixels: Floats, side: int) -> Image.Image:
    """Return a picture, reduced to a square of ``side`` pixels and enlarged again."""
    grey = _levels(squash(pixels, side))
    return grey.resize((INPUT_SIZE, INPUT_SIZE), Image.Resampling.BILINEAR)


def _levels(pixels: Floats) -> Image.Image:
    return Image.fromarray(np.round(pixels * 255).astype(np.uint8))
