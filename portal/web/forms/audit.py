from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from django import forms
from django.db.models import QuerySet

from portal.accounts.models import Site
from portal.audit.models import AuditEvent
from portal.audit.services import SYSTEM, Action
from portal.predictions.subject_selectors import subjects_of_patient


class DaysForm(forms.Form):
    """From one day to another, both whole, in UTC; neither is needed."""

    first = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    last = forms.DateField(
        label="To", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def clean(self) -> dict[str, object]:
        """Refuse days that end before they begin."""
        given = super().clean() or {}
        first, last = given.get("first"), given.get("last")
        if first and last and last < first:
            raise forms.ValidationError("From one day to a later one.")
        return given


class AuditFilterForm(DaysForm):
    """Which events are wanted."""

    chain = forms.ChoiceField(label="Chain", required=False)
    action = forms.ChoiceField(
        label="Action", choices=[("", "Any action"), *Action.choices], required=False
    )
    actor = forms.CharField(label="Actor", required=False, max_length=150)
    subject = forms.CharField(label="Subject", required=False, max_length=160)

    def __init__(self, *args: object, site_slug: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._own = site_slug
        self.fields["chain"].choices = [  # type: ignore[attr-defined]
            (site_slug, f"This site ({site_slug})"),
            (SYSTEM, "System"),
        ]

    @property
    def wanted_chain(self) -> str:
        """The chain that was asked for; the auditor's own site unless said otherwise."""
        return str(self._value("chain") or self._own)

    def narrow(self, events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        """Return those of ``events`` that were asked for."""
        if action := self._value("action"):
            events = events.filter(action=action)
        if actor := self._value("actor"):
            events = events.filter(actor__icontains=actor)
        if subject := self._value("subject"):
            events = events.filter(subject__icontains=subject)
        return _of_days(events, self.cleaned_data)

    def applied(self) -> list[str]:
        """Return the names of the filters that narrow the list, for the trail."""
        names = ("action", "actor", "subject", "first", "last")
        return [name for name in names if self._value(name)]

    def _value(self, name: str) -> str:
        self.is_valid()
        return str(self.cleaned_data.get(name) or "")


class PatientForm(DaysForm):
    """Of which patient of the site: only ever in the body of a request."""

    patient = forms.CharField(label="Patient ID, as in the header", max_length=64)

    def __init__(self, *args: object, site: Site, **kwargs: object) -> None:
        super().__init__(*args, auto_id="id_patient_%s", **kwargs)  # type: ignore[arg-type, misc]
        self._site = site

    @property
    def wanted_chain(self) -> str:
        """The site's own: studies are of one site."""
        return self._site.slug

    def narrow(self, events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        """Return those of ``events`` that are about the patient; none if nobody was named."""
        if not self.is_valid():
            return events.none()
        subjects = subjects_of_patient(self._site, self.cleaned_data["patient"])
        return _of_days(events.filter(subject__in=subjects), self.cleaned_data)

    def applied(self) -> list[str]:
        """Return the names of the filters that narrow the list, for the trail."""
        self.is_valid()
        return [name for name in ("patient", "first", "last") if self.cleaned_data.get(name)]


def _of_days(
    events: QuerySet[AuditEvent], given: Mapping[str, date | None]
) -> QuerySet[AuditEvent]:
    if first := given.get("first"):
        events = events.filter(at__gte=datetime.combine(first, time(), UTC))
    if last := given.get("last"):
        events = events.filter(at__lt=datetime.combine(last + timedelta(days=1), time(), UTC))
    return events
