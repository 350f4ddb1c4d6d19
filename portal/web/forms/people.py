from django import forms

from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.errors import PortalError

_MAY = {
    Role.UPLOADER: "sends images and follows their own uploads",
    Role.READER: "sees the studies of the site, writes findings that wait for a signature",
    Role.REVIEWER: "sees the studies, signs reviews, overrides the AI",
    Role.ADJUDICATOR: "sees the studies, signs, decides where two readers differ",
    Role.PACS_ADMIN: "sees the studies, sends again and cancels what failed",
    Role.DATA_SCIENTIST: "registers and compares models",
    Role.AUDITOR: "reads and verifies the audit trail",
    Role.SITE_ADMIN: "invites people, gives roles and tokens; sees no studies by that",
}
_FIELD_OF = {"user_exists": "username"}
_DAYS = ((1, "1 day"), (7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "1 year"))


def described_roles() -> list[tuple[str, str]]:
    """Return each role with what it may do."""
    return [
        (role.value, f"{str(role.label)[:1].upper()}{str(role.label)[1:]}: {_MAY[role]}")
        for role in Role
    ]


class RolesForm(forms.Form):
    """What a person is."""

    roles = forms.MultipleChoiceField(
        choices=described_roles,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one role."},
    )


class InviteForm(RolesForm):
    """Somebody new."""

    username = forms.RegexField(
        r"^[a-z0-9][a-z0-9._-]*\Z",
        max_length=User._meta.get_field("username").max_length,
        help_text="Lower-case letters, digits, dots, hyphens, underscores. It never changes: the "
        "audit trail keeps it.",
        error_messages={"invalid": "Use lower-case letters, digits, dots, hyphens, underscores."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    name = forms.CharField(
        max_length=150,
        required=False,
        help_text="As shown beside a signature, such as Dr Alice Ward.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    field_order = ("username", "name", "roles")

    def refuse(self, refusal: PortalError) -> None:
        """Show a refusal of the service beside the field that it is about."""
        self.add_error(_FIELD_OF.get(refusal.code), str(refusal))


class TokenForm(forms.Form):
    """How long a token lasts."""

    days = forms.TypedChoiceField(label="Lasts", choices=_DAYS, coerce=int, initial=90)
