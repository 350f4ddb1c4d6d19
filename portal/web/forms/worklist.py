from django import forms

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


class FilterForm(forms.Form):
    """Which part of the worklist is wanted. Safe in a URL: it names nobody."""

    report_status = forms.ChoiceField(label="Report", choices=REPORT_STATUSES, required=False)
    outcome = forms.ChoiceField(label="AI", choices=OUTCOMES, required=False)
    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)

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
