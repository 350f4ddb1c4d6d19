"""The bounds that a bundle sets for what may be scored: cheap checks of the pixels."""

import dataclasses
from dataclasses import dataclass

from inference.measured import FigureInvalid


@dataclass(frozen=True, slots=True)
class QualityBounds:
    """What pixels must keep to, to be a picture that anyone could read; see `inference.quality`.

    Parameters
    ----------
    spread_minimum : float
        Standard deviation of the pixels, in [0, 1].
    extreme_maximum : float
        Share of pixels that are black or white to the end of the scale.
    roughness_maximum : float
        Variance between neighbours, as a share of that between strangers.
    structure_minimum : float
        Share of the variance that is more than a smooth shade.
    colour_maximum : float
        Share of pixels that are not grey.
    """

    spread_minimum: float
    extreme_maximum: float
    roughness_maximum: float
    structure_minimum: float
    colour_maximum: float

    def __post_init__(self) -> None:
        for one in dataclasses.fields(self):
            value = getattr(self, one.name)
            if not 0 <= value <= 1:
                raise FigureInvalid(f"{one.name}: {value!r} is not possible")
