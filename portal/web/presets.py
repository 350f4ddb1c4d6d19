"""Steps of window and level as links: they work without JavaScript and by keyboard."""

from dataclasses import dataclass, replace

from portal.web.picture import Scale
from portal.web.window import Window

STEP = 0.15  # of the window's width: one step of brightness
TIGHTER = 0.7  # of the window's width: one step of contrast


@dataclass(frozen=True, slots=True)
class Preset:
    """A link that shows the same picture otherwise."""

    name: str
    label: str
    window: Window
    is_current: bool = False


def presets_of(scale: Scale, now: Window) -> list[Preset]:
    """Return the picture as sent, in full range, and one step lighter, darker, harder, softer."""
    centre, width = scale.full
    sent = replace(now, centre=None, width=None, invert=False)
    whole = replace(now, centre=centre, width=width)
    start = now if now.width else replace(now, centre=scale.centre, width=scale.width)
    dark = -STEP if scale.is_negative != now.invert else STEP
    return [
        Preset("sent", "As sent", sent, is_current=sent == now),
        Preset("full", "Full range", whole, is_current=whole == now),
        Preset("lighter", "Lighter", _moved(start, -dark)),
        Preset("darker", "Darker", _moved(start, dark)),
        Preset("harder", "More contrast", _tightened(start, TIGHTER)),
        Preset("softer", "Less contrast", _tightened(start, 1 / TIGHTER)),
    ]


def _moved(window: Window, step: float) -> Window:
    """Return the window moved by ``step`` of its width."""
    return replace(window, centre=round((window.centre or 0) + step * (window.width or 0), 1))


def _tightened(window: Window, factor: float) -> Window:
    return replace(window, width=max(1.0, round((window.width or 0) * factor, 1)))
