"""What the forms of the models page hold."""

from django import forms
from django.http import QueryDict

from portal.errors import InvalidInput
from portal.predictions.wider import Wider

_WORDS = "Enter how many of 100 radiographs show pneumonia, as 12 or 12.5; nothing takes it back."


class PrevalenceForm(forms.Form):
    """A prevalence as people say it: so many of a hundred."""

    of_100 = forms.FloatField(required=False)

    def share(self) -> float | None:
        """Return it as 0 to 1; None if the field is empty.

        Raises
        ------
        InvalidInput
            It is not a number.
        """
        if not self.is_valid():
            raise InvalidInput(_WORDS)
        count = self.cleaned_data["of_100"]
        return None if count is None else count / 100


class WideningForm(forms.Form):
    """An age range and words of DICOM; what they may be is for the service to say."""

    youngest = forms.IntegerField(required=False)
    oldest = forms.IntegerField(required=False)

    def wider(self) -> Wider:
        """Return what was asked for. Two empty ages leave the age alone.

        Raises
        ------
        InvalidInput
            An age is no whole number, or only one of the two is there.
        """
        ages = [self.cleaned_data.get(name) for name in self.fields] if self.is_valid() else []
        known = [age for age in ages if age is not None]
        if not self.is_valid() or len(known) == 1:
            raise InvalidInput("Enter both ages in whole years, as 0 and 17, or neither.")
        return Wider(
            (known[0], known[1]) if known else None,
            tuple(self.chosen("modalities")),
            tuple(self.chosen("body_parts")),
            tuple(self.chosen("views")),
        )

    def chosen(self, name: str) -> list[str]:
        """Return the words that were ticked."""
        return list(self.data.getlist(name)) if isinstance(self.data, QueryDict) else []


def whole_number(typed: str, of: str) -> int | None:
    """Return what was typed as a whole number ``of`` something; None if nothing was.

    Raises
    ------
    InvalidInput
    """
    try:
        found: int | None = forms.IntegerField(required=False).clean(typed)
    except forms.ValidationError:
        raise InvalidInput(f"Enter a whole number of {of}.") from None
    return found
