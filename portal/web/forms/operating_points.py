"""What the forms of the page about a site's own cut-off hold."""

from datetime import date
from typing import Any

from django import forms

from portal.errors import InvalidInput
from portal.reviews.operating_point_services import PLACES, Choice
from portal.reviews.signed_selectors import usual_days

_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")  # what browsers read


class DaysForm(forms.Form):
    """Days of signing, in UTC, both included."""

    since = forms.DateField(label="Signed from", widget=_DAY, required=False)
    until = forms.DateField(label="To", widget=_DAY, required=False)

    def clean(self) -> dict[str, Any]:
        """Fill in the usual days, and refuse what cannot be."""
        given = super().clean() or {}
        since, until = usual_days(given.get("until"))
        since = given.get("since") or since
        if until < since:
            raise forms.ValidationError("The days of the set end before they begin.")
        return given | {"since": since, "until": until}

    def filled_in(self) -> "DaysForm":
        """Return the form as it is shown: with the days that were not asked for, too."""
        return type(self)(initial=self.asked()) if self.is_valid() else self

    def asked(self) -> dict[str, Any]:
        """Return what was asked for; the usual if that cannot be looked at."""
        return self.cleaned_data if self.is_valid() else self.usual()

    def usual(self) -> dict[str, Any]:
        """Return the usual days."""
        return dict(zip(("since", "until"), usual_days(), strict=True))

    def days(self) -> tuple[date, date]:
        """Return the days that are looked at."""
        asked = self.asked()
        return asked["since"], asked["until"]


class SetForm(DaysForm):
    """The days of signing of a set, and perhaps a cut-off to look at on it."""

    cut_off = forms.FloatField(
        label="A cut-off to look at",
        required=False,
        widget=forms.NumberInput(attrs={"min": "0.0001", "max": "0.9999", "step": "0.0001"}),
    )

    def clean(self) -> dict[str, Any]:
        """Fill in the usual days, and refuse what cannot be."""
        given = super().clean()
        cut_off = given.get("cut_off")
        if cut_off is not None and not 0 < cut_off < 1:
            raise forms.ValidationError("A cut-off lies between 0 and 1, neither included.")
        if cut_off is not None and round(cut_off, PLACES) != cut_off:
            raise forms.ValidationError(f"A cut-off has at most {PLACES} decimals.")
        return given

    def usual(self) -> dict[str, Any]:
        """Return the usual days, and no cut-off."""
        return super().usual() | {"cut_off": None}


class ChoiceForm(forms.Form):
    """A cut-off to sign, and the set that it was chosen on."""

    cut_off = forms.FloatField()
    set_name = forms.CharField(required=False)
    since = forms.DateField()
    until = forms.DateField()
    seen = forms.CharField(required=False, max_length=64)

    def choice(self) -> Choice:
        """Return what was chosen.

        Raises
        ------
        InvalidInput
            The cut-off is no number, or a day no day.
        """
        if not self.is_valid():
            raise InvalidInput("Enter the cut-off as a number like 0.62, and both days of the set.")
        sent = self.cleaned_data
        days = sent["since"], sent["until"]
        return Choice(sent["cut_off"], sent["set_name"], *days, seen=sent["seen"])
