"""One's own account: the password, where one is signed in, one's API tokens."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views import View

from portal.accounts.roles import May
from portal.accounts.selectors import sessions_of, tokens_of
from portal.accounts.services import revoke_token, set_password
from portal.accounts.session_services import end_session, end_sessions
from portal.http.refusals import as_refused
from portal.http.requests import AuthenticatedHttpRequest
from portal.web.forms.accounts import OwnPasswordForm


class OwnAccount(View):
    """``/account``."""

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show it."""
        context = {
            # read here: a template takes a comparison that breaks for False
            "sessions": list(sessions_of(request.user)),
            "this_session": request.session.session_key,
            "tokens": list(tokens_of(request.user)),
            "idle_minutes": settings.OVERREAD_SESSION_IDLE_MINUTES,
            "session_hours": settings.OVERREAD_SESSION_HOURS,
            "may_make_tokens": request.user.may(May.ADMINISTER),
        }
        return render(request, "accounts/own_account.html", context)


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
            response = render(request, "registration/password.html", {"form": form}, status=422)
            return as_refused(response, form.throttled) if form.throttled else response
        key = request.session.session_key or ""
        new = form.cleaned_data["new_password1"]
        set_password(user=request.user, password=new, keep_session=key)
        update_session_auth_hash(request, request.user)
        messages.success(request, "Your password is changed. Other sessions of yours have ended.")
        return redirect("account")


class EndOwnSession(View):
    """``/account/sessions/<number>/end``."""

    def post(self, request: AuthenticatedHttpRequest, number: UUID) -> HttpResponse:
        """End it; ending the one in use is signing out."""
        end_session(user=request.user, number=number, by=request.user)
        messages.success(request, "That session has ended.")
        return redirect("account")


class EndOtherSessions(View):
    """``/account/sessions/end-others``."""

    def post(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """End all but this one."""
        key = request.session.session_key or ""
        ended = end_sessions(user=request.user, why="ended", by=request.user, keep=key)
        messages.success(request, f"{ended} other session{'s' * (ended != 1)} ended.")
        return redirect("account")


class RevokeOwnToken(View):
    """``/account/tokens/revoke``."""

    def post(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Revoke it."""
        revoke_token(user=request.user, key=request.POST.get("key", "")[:25], by=request.user)
        messages.success(request, "The token opens nothing any more.")
        return redirect("account")
