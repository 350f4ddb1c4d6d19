"""What the forms of the models page hold."""

from django import forms

from portal.errors import InvalidInput

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
