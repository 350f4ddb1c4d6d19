"""Is this an upright frontal chest radiograph at all? Asked of the pixels and the body's features.

What components of radiographs cannot explain of the features is a stranger: a photograph, a
screenshot, a slice of a CT. A radiograph that is turned, inverted or put together with another is
made of the same textures; its arrangement is judged on a thumbnail.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference.manifest import Gates
from inference.preprocess import squash
from inference.refusal import Refusal

Floats = npt.NDArray[np.float32]
Arrays = Mapping[str, npt.NDArray[np.floating]]

SIDE = 32
DARK, BRIGHT = 0.02, 0.98
"""Quantiles of a thumbnail that are brought to 0 and 1."""
UPRIGHT = "upright"
REASONS = {
    "turned_left": "rotated",
    "turned_right": "rotated",
    "upside_down": "upside_down",
    "mirrored_top_to_bottom": "upside_down",
    "inverted": "inverted",
    "side_by_side": "several_images",
    "one_above_the_other": "several_images",
}
"""What is refused, and under which code."""
STRANGER = Refusal(
    code="not_a_chest_radiograph",
    detail="The image does not look like a frontal chest radiograph.",
    outcome="not_applicable",
    remedy="Send the radiograph alone, as the detector made it: no photograph, screen or report.",
)
ARRANGED = {
    one.code: one
    for one in (
        Refusal(
            "rotated", "The radiograph seems to lie on its side.", "rejected_quality",
            remedy="Turn it upright and send it again.",
        ),
        Refusal(
            "upside_down", "The radiograph seems to stand on its head.", "rejected_quality",
            remedy="Turn it upright and send it again.",
        ),
        Refusal(
            "inverted", "Black and white of the radiograph seem to be exchanged.",
            "rejected_quality",
            remedy="Correct PhotometricInterpretation or the look-up table and send it again.",
        ),
        Refusal(
            "several_images", "Several radiographs seem to be put together in one image.",
            "rejected_quality",
            remedy="Send each radiograph as an image of its own.",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Likeness:
    """The gates of one bundle.

    Parameters
    ----------
    gates : Gates
        The bounds.
    arrays : mapping
        ``mean``, ``scale`` (length,), ``components`` (k, length): of the features of radiographs,
        standardised. ``kernel`` (1024, arrangements), ``bias`` (arrangements,): of a logistic
        regression on thumbnails.
    """

    gates: Gates
    arrays: Arrays

    def refusals(self, pixels: Floats, features: Floats) -> list[Refusal | None]:
        """Return why each radiograph is refused, or None.

        Parameters
        ----------
        pixels : (n, 224, 224) float32, in [0, 1]
        features : (n, length) float32
            What is pooled of the blocks of the gates.
        """
        found = strangeness(features, self.arrays)
        chances = arrangement_chances(thumbnails(pixels), self.arrays)
        return [self._judge(float(s), one) for s, one in zip(found, chances, strict=True)]

    def _judge(self, strange: float, chances: npt.NDArray[np.float64]) -> Refusal | None:
        gates, wrong = self.gates, 1 + int(chances[1:].argmax())
        stranger = strange > gates.strangeness_maximum
        arranged = chances[0] < gates.upright_minimum
        # A radiograph on its side is strange too: it is called so where its side is certain.
        if arranged and (not stranger or chances[wrong] >= gates.arranged_minimum):
            return ARRANGED[REASONS[gates.arrangements[wrong]]]
        return STRANGER if stranger else None


def strangeness(features: Floats, arrays: Arrays) -> npt.NDArray[np.float64]:
    """Return the mean square of what the components leave unexplained of (n, length) features."""
    mean, scale, components = (
        arrays[name].astype(np.float64) for name in ("mean", "scale", "components")
    )
    standard = (features - mean) * scale
    rest = standard - (standard @ components.T) @ components
    return np.asarray((rest**2).mean(axis=1))


def thumbnails(pixels: Floats) -> Floats:
    """Return (n, 1024) thumbnails of (n, rows, columns) pixels, each stretched to its own range."""
    small = np.stack([squash(np.ascontiguousarray(one), SIDE).ravel() for one in pixels])
    low, high = np.quantile(small, [DARK, BRIGHT], axis=1, keepdims=True)
    stretched = (small - low) / np.maximum(high - low, 1e-6)
    return np.asarray(np.clip(stretched, 0.0, 1.0), np.float32)


def arrangement_chances(small: Floats, arrays: Arrays) -> npt.NDArray[np.float64]:
    """Return the (n, arrangements) probabilities of (n, 1024) thumbnails."""
    logits = small @ arrays["kernel"].astype(np.float64) + arrays["bias"].astype(np.float64)
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))
