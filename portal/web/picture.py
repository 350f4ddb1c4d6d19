"""The airlock's answers, as the study page needs them. This process opens no file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal import airlock
from portal.airlock import Header, Refusal, View
from portal.errors import Unavailable
from portal.studies.blobs import store
from portal.studies.models import Instance
from portal.web.window import Window

FITTED = 1600  # pixels of the longer side, unless the page asks for actual pixels
_MOST_BITS = 16
_LOST = Refusal("file_missing", "The file is no longer where it was stored, or may not be read.")


class PictureUnavailable(Unavailable):
    """Nobody draws pictures at the moment; asking again later will help."""

    code = "airlock_unavailable"


@dataclass(frozen=True, slots=True)
class Scale:
    """The values of an image, in units of its modality.

    ``low`` to ``high`` is what a pixel can hold; ``centre`` and ``width`` are the window that the
    file asks for, or the whole range if it asks for none.
    """

    low: float
    high: float
    centre: float
    width: float
    is_negative: bool = False

    @property
    def full(self) -> tuple[float, float]:
        """Centre and width of the whole range."""
        return (self.low + self.high) / 2, self.high - self.low


def draw(instance: Instance, window: Window) -> bytes | Refusal:
    """Return a PNG of ``instance``.

    Raises
    ------
    PictureUnavailable
    """
    view = View(
        center=window.centre,
        width=window.width,
        invert=window.invert,
        max_size=None if window.full_size else FITTED,
    )
    try:
        return airlock.render(store.path(instance.sha256), view)
    except airlock.AirlockUnavailable as error:
        raise PictureUnavailable("No picture can be drawn at the moment.") from error
    except (FileNotFoundError, PermissionError):
        return _LOST


def scale_of(instance: Instance) -> Scale:
    """Return the scale of ``instance``; 8 bits if its header cannot be asked for now."""
    try:
        header = airlock.header(store.path(instance.sha256))
    except OSError:  # neither the airlock nor a lost blob may take the whole page away
        return _scale({}, bits=8)
    if not isinstance(header, Header):
        return _scale({}, bits=8)
    return _scale(header.elements, bits=header.bits or _first(header.elements, "BitsStored", 8))


def _scale(elements: Mapping[str, Any], *, bits: float) -> Scale:
    slope, intercept = _first(elements, "RescaleSlope", 1), _first(elements, "RescaleIntercept", 0)
    codes = 2.0 ** min(max(int(bits), 1), _MOST_BITS)
    first = -codes / 2 if _first(elements, "PixelRepresentation", 0) == 1 else 0.0
    low, high = sorted((first * slope + intercept, (first + codes) * slope + intercept))
    return Scale(
        low=low,
        high=high if high > low else low + 1,
        centre=_first(elements, "WindowCenter", (low + high) / 2),
        width=max(1.0, _first(elements, "WindowWidth", high - low)),
        is_negative=elements.get("PhotometricInterpretation") == "MONOCHROME1",
    )


def _first(elements: Mapping[str, Any], keyword: str, default: float) -> float:
    """Return the first number of an element."""
    value = elements.get(keyword)
    first = value[0] if isinstance(value, list) and value else value
    return float(first) if isinstance(first, int | float) else default
