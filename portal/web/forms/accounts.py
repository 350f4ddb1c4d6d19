from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.contrib.auth.password_validation import password_validators_help_text_html

from portal.accounts.models import User
from portal.accounts.services import set_password


class SignInForm(AuthenticationForm):
    """Name and password."""

    error_messages = {  # noqa: RUF012 (Django's)
        "invalid_login": (
            "This username and password do not belong together. Check both; if you forgot the "
            "password, your site administrator can send you a one-time link."
        ),
        "inactive": "This account is closed. Ask your site administrator.",
    }

    def clean_username(self) -> str:
        """Return the name as it is stored: usernames are lower case."""
        return str(self.cleaned_data["username"]).strip().lower()


# SetPasswordForm is generic to mypy only
class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]
    """A new password, typed twice."""

    user: User

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.fields["new_password1"].help_text = password_validators_help_text_html()
        self.fields["new_password2"].label = "New password, once more"

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002, ARG002 (Django's)
        """Return the user, with the password set and the change in the trail."""
        set_password(user=self.user, password=self.cleaned_data["new_password1"])
        return self.user


class OwnPasswordForm(NewPasswordForm):
    """A new password, and the old one to show that it is you."""

    field_order = ("old_password", "new_password1", "new_password2")
    old_password = forms.CharField(
        label="Your password now",
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean_old_password(self) -> str:
        """Return the old password if it is right."""
        old = str(self.cleaned_data["old_password"])
        if not self.user.check_password(old):
            raise forms.ValidationError("This is not your password; nothing was changed.")
        return old
