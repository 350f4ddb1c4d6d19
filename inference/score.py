"""The model's answer for one radiograph."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from inference.gradcam import Explanation


@dataclass(frozen=True, slots=True)
class Score:
    """The model's answer for one radiograph, with all that is needed to judge and to repeat it.

    Parameters
    ----------
    probability : float
        Calibrated probability of pneumonia, 0 to 1, at the prevalence ``prevalence``.
    threshold : float
        At or above it the finding is "present".
    unknown : tuple of str
        Which of modality, body_part, view and age were not known.
    pixel_sha256, weights_sha256 : str
        What was seen, and what saw it.
    engine : str
        What computed it, with version and device.
    logit : float
        What ``calibration`` (a slope and an intercept) made the score of.
    libraries : mapping, the version of each that opened the file
    outside_use : tuple of str
        The refusals that the intended use has for it; there is a score only because of a widening.
    widening : int or None
        The number of that widening.
    explanation : Explanation or None
        Where it looked, if the version may show that.
    """

    probability: float
    threshold: float
    finding: Literal["present", "absent"]
    prevalence: float
    model: str
    version: str
    unknown: tuple[str, ...]
    pixel_sha256: str
    weights_sha256: str
    preprocessing: str
    engine: str
    facts: Mapping[str, object]
    logit: float
    calibration: Mapping[str, float]
    libraries: Mapping[str, str]
    outside_use: tuple[str, ...] = ()
    widening: int | None = None
    explanation: Explanation | None = None
