from django import forms
from django.db.models import Q, QuerySet

from portal.studies.models import Study

REPORT_STATUSES = (
    ("", "Any report"),
    ("registered", "Not read, no AI answer"),
    ("partial", "AI only, not read"),
    ("final", "Signed"),
    ("amended", "Amended"),
)
OUTCOMES = (
    ("", "Any AI outcome"),
    ("waiting", "Waiting or running"),
    ("scored", "Scored"),
    ("not_applicable", "Not applicable"),
    ("rejected_quality", "Rejected for quality"),
    ("failed", "Failed"),
    ("none", "Read without AI"),
)
_CONDITIONS = {
    "waiting": Q(state__in=("queued", "running")),
    "failed": Q(state="failed"),
    "none": Q(state=None) | Q(state="cancelled"),
}


class FilterForm(forms.Form):
    """Which part of the worklist is wanted. Safe in a URL: it names nobody."""

    report_status = forms.ChoiceField(label="Report", choices=REPORT_STATUSES, required=False)
    outcome = forms.ChoiceField(label="AI", choices=OUTCOMES, required=False)
    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)

    def narrow(self, studies: QuerySet[Study]) -> QuerySet[Study]:
        """Return those of ``studies`` (with the columns of the worklist) that were asked for."""
        if status := self.value("report_status"):
            studies = studies.filter(Q(report_status=status))
        if outcome := self.value("outcome"):
            studies = studies.filter(_CONDITIONS.get(outcome, Q(outcome=outcome)))
        return studies

    def value(self, name: str) -> str:
        """Return what was chosen, empty if nothing (or nothing valid) was."""
        self.is_valid()
        return str(self.cleaned_data.get(name) or "")


class SearchForm(FilterForm):
    """The same with a patient's id or name: only ever in the body of a request."""

    words = forms.CharField(
        label="Search",
        required=False,
        max_length=64,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": "Patient ID, name or accession"}
        ),
    )
