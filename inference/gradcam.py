"""Where a network looked: Grad-CAM of the last convolution, without a gradient being computed.

Selvaraju et al. 2017, arXiv:1610.02391: a channel's weight is the mean over the positions of the
derivative of the logit; the map is what the weighted channels sum to, where that is positive. Of a
head that is one linear layer on the mean, the maximum and the standard deviation of each channel
these means are known beforehand, the same for every radiograph: of N positions the mean gives 1/N
to each, the maximum 1 to one, and what the standard deviation gives sums to nothing.
"""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.manifest import Head, Manifest
from inference.vgg16 import BLOCKS, MAP

Floats = npt.NDArray[np.float32]
Arrays = Mapping[str, npt.NDArray[np.floating]]

METHOD = "Grad-CAM of block5_conv3"
LAST = len(BLOCKS)
CHANNELS = BLOCKS[-1][-1]
FULL = 255


@dataclass(frozen=True, slots=True)
class Explanation:
    """A map of where the network looked, for one radiograph.

    Parameters
    ----------
    png : bytes
        14 x 14, 8-bit grey, 255 where the map has its maximum; of the squashed square that the
        network saw.
    maximum : float
        What 255 stands for, in units of the logit's derivative times activation; 0 if the map is
        empty: nothing spoke for pneumonia.
    """

    png: bytes
    maximum: float


def alpha_of(head: Head, arrays: Arrays) -> Floats | None:
    """Return the (512,) weights of the map, or None for a head of another kind.

    There is a closed form for one linear layer on pooled features, block 5 among them.
    """
    if head.features != "pooled" or len(head.layers) != 1 or LAST not in head.blocks:
        return None
    weights = arrays["dense1/kernel"][:, head.logit_index] * arrays["scale"]
    begin = sum(3 * BLOCKS[b - 1][-1] for b in head.blocks[: head.blocks.index(LAST)])
    mean = weights[begin : begin + CHANNELS]
    maximum = weights[begin + CHANNELS : begin + 2 * CHANNELS]
    return np.asarray((mean + maximum) / math.prod(MAP), np.float32)


def shown_alpha(manifest: Manifest, arrays: Arrays) -> Floats | None:
    """Return the weights of the maps that a version may show: None unless its check was passed."""
    if manifest.explanation is None or not manifest.explanation.passed:
        return None
    if manifest.network == "tiny":
        return np.ones(CHANNELS, np.float32)
    return alpha_of(manifest.head, arrays)


def explain(projection: Floats) -> Explanation:
    """Return the map for a (14, 14) float32 sum over the weighted channels."""
    positive = np.maximum(projection, 0)
    maximum = float(positive.max())
    shade = positive / maximum if maximum > 0 else positive
    stream = io.BytesIO()
    Image.fromarray(np.rint(shade * FULL).astype(np.uint8)).save(stream, "PNG")
    return Explanation(stream.getvalue(), maximum)
