from django import forms
from django.db.models import QuerySet

from portal.audit.models import AuditEvent
from portal.audit.services import SYSTEM, Action


class AuditFilterForm(forms.Form):
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
        return events

    def applied(self) -> list[str]:
        """Return the names of the filters that narrow the list, for the trail."""
        return [name for name in ("action", "actor", "subject") if self._value(name)]

    def _value(self, name: str) -> str:
        self.is_valid()
        return str(self.cleaned_data.get(name) or "")
