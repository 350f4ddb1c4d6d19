"""What an engine on processors is to give of a body, the same words for each of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference.vgg16 import (
    BGR_IMAGENET_MEAN,
    BLOCKS,
    CONVENTIONS,
    FeatureSpec,
    check_alpha,
    check_arrays,
)

Floats = npt.NDArray[np.float32]
Arrays = Mapping[str, npt.NDArray[np.floating]]

LAYERS = tuple(
    f"block{block}_conv{number}"
    for block, widths in enumerate(BLOCKS, start=1)
    for number in range(1, len(widths) + 1)
)
"""The convolutions, in the order of the network: the ranges of a bundle are in this order."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a network is to give.

    Parameters
    ----------
    convention : str
        See `inference.vgg16.to_input`.
    spec : FeatureSpec
        Which features it gives.
    alpha : (512,) float32, optional
        Weights of a map, if it gives one.
    ranges : (13,) float32, optional
        The largest value that each convolution may give: the network is reduced. None: float32.
    """

    convention: str
    spec: FeatureSpec
    alpha: Floats | None = None
    ranges: Floats | None = None

    @property
    def scale_and_mean(self) -> tuple[float, tuple[float, float, float]]:
        """Return what pixels are multiplied by, and what is then taken off each channel."""
        plain = self.convention == "rgb_0_1"
        return (1.0, (0.0, 0.0, 0.0)) if plain else (255.0, BGR_IMAGENET_MEAN)

    def check(self, body: Arrays) -> None:
        """Raise ValueError unless ``body`` is that of a VGG16 and what is wanted fits it."""
        check_arrays(body)
        if self.convention not in CONVENTIONS:
            raise ValueError(f"unknown input convention {self.convention!r}")
        if self.alpha is not None:
            check_alpha(self.alpha)
        ranges = self.ranges
        if ranges is not None and (ranges.shape != (len(LAYERS),) or not (ranges > 0).all()):
            raise ValueError(f"the ranges are not {len(LAYERS)} numbers above 0")


def last_layer(block: int) -> str:
    """Return the name of the last convolution of ``block``, 1 to 5."""
    return f"block{block}_conv{len(BLOCKS[block - 1])}"
