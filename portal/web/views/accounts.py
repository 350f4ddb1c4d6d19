"""Sign-in, sign-out, passwords, and where a person starts."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView, PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View

from portal.accounts.models import User
from portal.accounts.services import (
    record_refused_sign_in,
    record_sign_in,
    record_sign_out,
    set_password,
)
from portal.http.requests import AuthenticatedHttpRequest
from portal.web.access import PlainView
from portal.web.forms.accounts import NewPasswordForm, OwnPasswordForm, SignInForm
from portal.web.navigation import places_for
from portal.web.templatetags.overread import THEMES

A_YEAR = 365 * 24 * 3600  # seconds


@method_decorator(login_not_required, name="dispatch")
class SignIn(PlainView, LoginView):
    """``/sign-in``."""

    form_class = SignInForm
    template_name = "registration/sign_in.html"
    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form; a page that polled after its session ended is loaded anew instead."""
        if getattr(request, "htmx", False):
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return super().get(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign in and remember it."""
        response = super().form_valid(form)
        record_sign_in(user=form.get_user())
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        """Refuse and remember it."""
        record_refused_sign_in(username=form.cleaned_data.get("username", ""))
        response = super().form_invalid(form)
        response.status_code = 403
        return response


class SignOut(LogoutView):
    """``/sign-out``."""

    http_method_names = ["post", "options"]  # noqa: RUF012 (Django's)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """End the session and remember it."""
        user = request.user
        if user.is_authenticated:
            record_sign_out(user=user)
        return super().post(request, *args, **kwargs)


@method_decorator(login_not_required, name="dispatch")
class SetPassword(PlainView, PasswordResetConfirmView):
    """``/set-password/<uidb64>/<token>/``: a one-time link, used up by the new password."""

    form_class = NewPasswordForm
    template_name = "registration/set_password.html"
    success_url = reverse_lazy("sign-in")

    def get_user(self, uidb64: str) -> User | None:
        """Return whom the link is for, unless the account is closed."""
        user = super().get_user(uidb64)
        return user if isinstance(user, User) and user.is_active else None

    def form_valid(self, form: Any) -> HttpResponse:
        """Store the password and go on to the sign-in page."""
        messages.success(self.request, "Your password is set. Sign in with it.")
        return super().form_valid(form)


class OwnPassword(View):
    """``/password``."""

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show the form."""
        form = OwnPasswordForm(request.user)
        return render(request, "registration/password.html", {"form": form})

    def post(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Change the password; other sessions of the person end."""
        form = OwnPasswordForm(request.user, request.POST)
        if not form.is_valid():
            return render(request, "registration/password.html", {"form": form}, status=422)
        set_password(user=request.user, password=form.cleaned_data["new_password1"])
        update_session_auth_hash(request, request.user)
        messages.success(request, "Your password is changed. Other sessions of yours have ended.")
        return redirect("home")


class Home(View):
    """``/``."""

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Go where the person's work is."""
        return redirect(places_for(request.user)[0].url_name)


@method_decorator(login_not_required, name="dispatch")
class Theme(View):
    """``/theme``: light, dark, or as the system says; a cookie, because it is the browser's."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Remember the choice and go back."""
        back = request.POST.get("next", "")
        ours = url_has_allowed_host_and_scheme(
            back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )
        response = redirect(back if ours else "home")
        chosen = request.POST.get("theme", "")
        response.set_cookie(
            "theme",
            chosen if chosen in THEMES else "",
            max_age=A_YEAR,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        return response
