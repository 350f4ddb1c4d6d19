"""Sign-in, sign-out, one-time links, and where a person starts."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import (
    INTERNAL_RESET_SESSION_TOKEN,
    LoginView,
    LogoutView,
    PasswordResetConfirmView,
)
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View

from portal.accounts.link_services import LinkDead, link_is_alive, use_link
from portal.accounts.models import User
from portal.accounts.session_store import ADDRESS, BROWSER
from portal.accounts.sign_in_services import record_sign_in, record_sign_out
from portal.accounts.throttle_services import TooManyAttempts
from portal.http.client import browser_of, client_address, remember_device
from portal.http.refusals import as_refused
from portal.http.requests import AuthenticatedHttpRequest
from portal.web.access import PlainView
from portal.web.forms.accounts import NewPasswordForm, SignInForm
from portal.web.navigation import places_for
from portal.web.templatetags.overread import THEMES

A_YEAR = 365 * 24 * 3600  # seconds


@method_decorator(login_not_required, name="dispatch")
class SignIn(PlainView, LoginView):
    """``/sign-in``."""

    form_class = SignInForm
    template_name = "registration/sign_in.html"
    is_poll = True  # a page asks here whether its person is still signed in
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign in, or say why not; whoever tries too often is told when to go on."""
        try:
            return super().post(request, *args, **kwargs)
        except TooManyAttempts as refusal:
            form = SignInForm(request, initial={"username": request.POST.get("username", "")})
            context = self.get_context_data(form=form, throttled=str(refusal))
            return as_refused(self.render_to_response(context), refusal)

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign in, remember it, and know this device the next time."""
        response = super().form_valid(form)
        user = form.get_user()
        self.request.session[ADDRESS] = client_address(self.request)
        self.request.session[BROWSER] = browser_of(self.request)
        record_sign_in(user=user)
        remember_device(self.request, response, user.username)
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        """Refuse."""
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


class _Links:
    """What Django's view asks about the token of a link."""

    def check_token(self, user: User, token: str) -> bool:
        """Return whether the link works now."""
        return link_is_alive(user, token)


@method_decorator(login_not_required, name="dispatch")
class SetPassword(PlainView, PasswordResetConfirmView):
    """``/set-password/<uidb64>/<token>/``: a one-time link, used up by the new password."""

    form_class = NewPasswordForm
    template_name = "registration/set_password.html"
    success_url = reverse_lazy("sign-in")
    token_generator = _Links()

    def form_valid(self, form: Any) -> HttpResponse:
        """Store the password and go on to the sign-in page, which knows this device."""
        token = self.request.session.pop(INTERNAL_RESET_SESSION_TOKEN)
        user = form.user
        try:
            use_link(user=user, token=token, password=form.cleaned_data["new_password1"])
        except LinkDead:
            self.validlink = False
            return self.render_to_response(self.get_context_data(), status=409)
        messages.success(self.request, "Your password is set. Sign in with it.")
        response = redirect("sign-in")
        remember_device(self.request, response, user.username)
        return response


class Home(View):
    """``/``."""

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Go where the person's work is."""
        return redirect(places_for(request.user)[0].url_name)


class StillHere(View):
    """``/still-here``: a page says that its person typed or moved; that alone is the news."""

    def post(self, request: AuthenticatedHttpRequest) -> HttpResponse:  # noqa: ARG002 (Django's)
        """Answer; the session was prolonged on the way."""
        return HttpResponse(status=204)


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
