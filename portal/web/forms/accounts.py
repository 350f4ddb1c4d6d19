from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.contrib.auth.password_validation import password_validators_help_text_html

from portal.accounts.models import User
from portal.accounts.services import PasswordWrong, confirm_own_password
from portal.accounts.sign_in_services import Knock, SignInRefused, check_sign_in
from portal.accounts.throttle_services import TooManyAttempts
from portal.http.client import client_network, known_device


class SignInForm(AuthenticationForm):
    """Name and password."""

    error_messages = {  # noqa: RUF012 (Django's)
        "invalid_login": (
            "This username and password do not belong together. Check both; if you forgot the "
            "password, your site administrator can give you a one-time link."
        ),
    }

    def clean_username(self) -> str:
        """Return the name as it is stored: usernames are lower case."""
        return str(self.cleaned_data["username"]).strip().lower()

    def clean(self) -> dict[str, Any]:
        """Find out who signs in.

        Raises
        ------
        TooManyAttempts
        """
        username, password = (self.cleaned_data.get(name) for name in ("username", "password"))
        if self.request and username and password:
            knock = Knock(client_network(self.request), known_device(self.request, username))
            try:
                self.user_cache = check_sign_in(username=username, password=password, knock=knock)
            except SignInRefused:
                raise self.get_invalid_login_error() from None
        return self.cleaned_data


# SetPasswordForm is generic to mypy only
class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]
    """A new password, typed twice."""

    user: User

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.fields["new_password1"].help_text = password_validators_help_text_html()
        self.fields["new_password2"].label = "New password, once more"


class OwnPasswordForm(NewPasswordForm):
    """A new password, and the old one to show that it is you."""

    field_order = ("old_password", "new_password1", "new_password2")
    throttled: TooManyAttempts | None = None
    old_password = forms.CharField(
        label="Your password now",
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean_old_password(self) -> str:
        """Return the old password if it is right."""
        old = str(self.cleaned_data["old_password"])
        try:
            confirm_own_password(user=self.user, password=old)
        except PasswordWrong:
            raise forms.ValidationError("This is not your password; nothing was changed.") from None
        except TooManyAttempts as refusal:
            self.throttled = refusal
            raise forms.ValidationError(str(refusal)) from None
        return old
