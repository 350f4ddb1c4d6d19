"""Window and level of the picture on the page, as the query string says them."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django import forms

LIMIT = 1_000_000  # stored values have at most 16 bits; a rescale slope may enlarge them


@dataclass(frozen=True, slots=True)
class Window:
    """What is shown: ``centre`` and ``width`` in units of the modality, None as the file says."""

    centre: float | None = None
    width: float | None = None
    invert: bool = False
    full_size: bool = False

    @property
    def query(self) -> str:
        """The same as a query string, empty for the picture as the file says."""
        pairs = {"centre": self.centre, "width": self.width}
        given = {name: f"{value:.10g}" for name, value in pairs.items() if value is not None}
        flags = {"invert": self.invert, "full_size": self.full_size}
        return urlencode(given | {name: "on" for name, on in flags.items() if on})


def _number() -> forms.NumberInput:
    return forms.NumberInput(attrs={"placeholder": "as sent"})


class WindowForm(forms.Form):
    """A plain GET form: it works without JavaScript."""

    centre = forms.FloatField(required=False, min_value=-LIMIT, max_value=LIMIT, widget=_number())
    width = forms.FloatField(required=False, min_value=1, max_value=LIMIT, widget=_number())
    invert = forms.BooleanField(required=False)
    full_size = forms.BooleanField(label="Actual pixels", required=False)

    def window(self) -> Window:
        """Return what was asked for; a window needs both numbers, and both must be valid."""
        self.is_valid()
        data = self.cleaned_data
        centre, width = data.get("centre"), data.get("width")
        if centre is None or width is None:
            centre = width = None
        return Window(centre, width, bool(data.get("invert")), bool(data.get("full_size")))
