"""What is looked at on the watch page."""

from datetime import date, timedelta

from django import forms
from django.utils import timezone

from portal.accounts.models import Site
from portal.predictions.models import ModelVersion
from portal.watch.selectors import GROUPS, Scope

USUAL_DAYS = 90
MOST_DAYS = 731
_SEPARATOR = ":"


class WatchForm(forms.Form):
    """A version, the days, and perhaps one scanner, view or age band alone."""

    version = forms.TypedChoiceField(label="Version", coerce=int, required=False)
    first = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    last = forms.DateField(
        label="To", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    group = forms.ChoiceField(label="Of these", required=False)

    def __init__(self, *args: object, versions: list[ModelVersion], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._versions = versions
        choices = [(version.pk, str(version)) for version in versions]
        self.fields["version"].choices = choices  # type: ignore[attr-defined]
        chosen = str(self.data.get("group", ""))
        known = chosen.partition(_SEPARATOR)[0] in GROUPS
        found = [("", "All"), *([(chosen, chosen)] if known else [])]
        self.fields["group"].choices = found  # type: ignore[attr-defined]

    def clean(self) -> dict[str, object]:
        """Fill in the last `USUAL_DAYS`, and refuse days that end before they begin."""
        given = super().clean() or {}
        last = given.get("last") or timezone.now().date()
        first = given.get("first") or _back(last, USUAL_DAYS)
        assert isinstance(last, date)  # noqa: S101 (for the type checker)
        assert isinstance(first, date)  # noqa: S101
        if not timedelta() <= last - first <= timedelta(days=MOST_DAYS):
            raise forms.ValidationError("From one day to a later one, at most two years.")
        return given | {"first": first, "last": last}

    def scope(self, site: Site) -> Scope:
        """Return what was asked for; the usual if that cannot be looked at."""
        asked = self.cleaned_data if self.is_valid() else {}
        last = asked.get("last") or timezone.now().date()
        number = asked.get("version") or self._versions[0].pk
        version = next(one for one in self._versions if one.pk == number)
        group, _, value = str(asked.get("group") or "").partition(_SEPARATOR)
        return Scope(
            site, version, asked.get("first") or _back(last, USUAL_DAYS), last, group, value
        )

    def offer(self, values: list[tuple[str, str]]) -> None:
        """Let one of the groups that there are be chosen: its name, and its value."""
        found = [
            (f"{name}{_SEPARATOR}{value}", f"{GROUPS[name]}: {value}") for name, value in values
        ]
        chosen = str(self.data.get("group", ""))
        if chosen and chosen not in dict(found):
            name, _, value = chosen.partition(_SEPARATOR)
            found += [(chosen, f"{GROUPS.get(name, name)}: {value}")]
        self.fields["group"].choices = [("", "All"), *found]  # type: ignore[attr-defined]


def _back(last: object, days: int) -> date:
    assert isinstance(last, date)  # noqa: S101 (for the type checker)
    return last - timedelta(days=days)
