from django import forms

from portal.errors import PortalError
from portal.reviews.models import Presence
from portal.reviews.reasons import Reason
from portal.reviews.services import Read

_GROUPS = (
    ("FP_", "The model saw too much"),
    ("FN_", "The model saw too little"),
    ("IQ_", "Image quality"),
    ("OOS_", "Outside the model's scope"),
    ("", "Something else"),
)
_FIELD_OF = {
    "password_wrong": "password",
    "too_many_attempts": "password",
    "reason_missing": "reason_code",
    "reason_does_not_fit": "reason_code",
    "comment_missing": "comment",
    "amend_reason_missing": "amend_reason",
}
_CONFIDENCES = tuple((n, str(n)) for n in range(1, 6))


def grouped_reasons() -> list[tuple[str, object]]:
    """Return the reasons as a select with groups, an empty choice first."""
    groups: dict[str, list[tuple[str, str]]] = {label: [] for _, label in _GROUPS}
    for value, label in Reason.choices:
        group = next(group for prefix, group in _GROUPS if value.startswith(prefix))
        groups[group].append((value, str(label)))
    return [("", "None: I agree with the AI, or it gave no answer"), *groups.items()]


class ReviewForm(forms.Form):
    """What a reviewer decides, and the password that signs it."""

    presence = forms.ChoiceField(
        label="Pneumonia",
        choices=Presence.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Say what you found."},
    )
    reason_code = forms.ChoiceField(
        label="Reason, if you disagree with the AI", choices=grouped_reasons, required=False
    )
    comment = forms.CharField(
        required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3})
    )
    confidence = forms.TypedChoiceField(
        label="How sure are you? 1 guess, 5 certain",
        choices=_CONFIDENCES,
        coerce=int,
        empty_value=None,
        required=False,
        widget=forms.RadioSelect,
    )
    password = forms.CharField(
        label="Your password, to sign",
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Type your password to sign."},
    )
    refused_with = ""

    def read(self) -> Read:
        """Return the decision as the service takes it."""
        data = self.cleaned_data
        return Read(
            presence=data["presence"],
            reason_code=data["reason_code"],
            comment=data["comment"],
            confidence=data["confidence"],
        )

    def refuse(self, refusal: PortalError) -> None:
        """Show a refusal of the service beside the field that it is about."""
        field = _FIELD_OF.get(refusal.code)
        self.refused_with = refusal.code
        self.add_error(field if field in self.fields else None, str(refusal))

    def typed(self) -> list[tuple[str, str]]:
        """Return what was entered, field by field, for a form that cannot be sent again."""
        shown = ("presence", "reason_code", "confidence", "amend_reason", "comment")
        fields = [self[name] for name in shown if name in self.fields]
        values = [(str(field.label), str(field.value() or "")) for field in fields]
        return [(label, value) for label, value in values if value]


class AmendForm(ReviewForm):
    """The same, and why the signed review changes."""

    amend_reason = forms.CharField(
        label="Why do you amend it?",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why you amend it."},
    )
    field_order = ("presence", "reason_code", "comment", "confidence", "amend_reason", "password")
