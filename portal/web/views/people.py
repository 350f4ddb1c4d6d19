"""The people of a site, for its administrators. Links and tokens are shown once, in the answer."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from portal.accounts.link_services import make_link
from portal.accounts.models import User
from portal.accounts.people_services import change_roles, disable_user, enable_user, invite_user
from portal.accounts.roles import May
from portal.accounts.selectors import people_of, person_of, sessions_of, tokens_of
from portal.accounts.services import create_token, revoke_token
from portal.accounts.session_services import end_sessions
from portal.errors import PortalError
from portal.http.refusals import status_of
from portal.http.requests import AuthenticatedHttpRequest
from portal.web.access import PermittedView
from portal.web.forms.people import InviteForm, RolesForm, TokenForm


class People(PermittedView):
    """``/users``."""

    act = May.ADMINISTER

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show everybody at the site."""
        return render(request, "accounts/people.html", {"people": people_of(request.user.site)})


class Invite(PermittedView):
    """``/users/invite``."""

    act = May.ADMINISTER

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show the form."""
        return render(request, "accounts/invite.html", {"form": InviteForm()})

    def post(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Make the account and show its one-time link."""
        form = InviteForm(request.POST)
        if not form.is_valid():
            return render(request, "accounts/invite.html", {"form": form}, status=422)
        try:
            user, link = invite_user(**form.cleaned_data, by=request.user)
        except PortalError as refusal:
            form.refuse(refusal)
            status = status_of(refusal)
            return render(request, "accounts/invite.html", {"form": form}, status=status)
        return _page(request, user.pk, link=link)


class Person(PermittedView):
    """``/users/<id>``."""

    act = May.ADMINISTER

    def get(self, request: AuthenticatedHttpRequest, user_id: int) -> HttpResponse:
        """Show one person."""
        return _page(request, user_id)


class _Change(PermittedView):
    """Something that is done to one person; a refusal is said on their page."""

    act = May.ADMINISTER

    def get(self, request: AuthenticatedHttpRequest, user_id: int) -> HttpResponse:
        """Go to the person: after a refusal this is the address in the browser."""
        return redirect("user", person_of(request.user, user_id).pk)

    def post(self, request: AuthenticatedHttpRequest, user_id: int) -> HttpResponse:
        """Do it."""
        person = person_of(request.user, user_id)
        try:
            return self.change(request, person)
        except PortalError as refusal:
            return _page(request, person.pk, refusal=refusal)

    def change(self, request: AuthenticatedHttpRequest, person: User) -> HttpResponse:
        """Do it and answer."""
        raise NotImplementedError


class ChangeRoles(_Change):
    """``/users/<id>/roles``."""

    def change(self, request: AuthenticatedHttpRequest, person: User) -> HttpResponse:
        """Give the person exactly these roles."""
        change_roles(user=person, roles=request.POST.getlist("roles"), by=request.user)
        return _done(request, person, "The roles are stored; the person signs in anew.")


class Disable(_Change):
    """``/users/<id>/disable``."""

    def change(self, request: AuthenticatedHttpRequest, person: User) -> HttpResponse:
        """Close the account."""
        disable_user(user=person, by=request.user)
        return _done(request, person, "The account is disabled; sessions and tokens have ended.")


class Enable(_Change):
    """``/users/<id>/enable``."""

    def change(self, request: AuthenticatedHttpRequest, person: User) -> HttpResponse:
        """Open it again."""
        enable_user(user=person, by=request.user)
        return _done(request, person, "The account is enabled again.")


class MakeLink(_Change):
    """``/users/<id>/link``."""

    def change(self, request: AuthenticatedHttpRequest, person: User) -> HttpResponse:
        """Show a new one-time link."""
        return _page(request, person.pk, link=make_link(user=person, by=request.user))


class EndSessions(_Change):
    """``/users/<id>/end-sessions``."""

    def change(self, request: AuthenticatedHttpRequest, person: User) -> HttpResponse:
        """Sign the person out everywhere."""
        ended = end_sessions(user=person, why="ended", by=request.user)
        return _done(request, person, f"{ended} session{'s' * (ended != 1)} ended.")


class MakeToken(_Change):
    """``/users/<id>/tokens``."""

    def change(self, request: AuthenticatedHttpRequest, person: User) -> HttpResponse:
        """Show a new token, this once."""
        form = TokenForm(request.POST)
        if not form.is_valid():
            return _page(request, person.pk, token_form=form)
        lasts = timedelta(days=form.cleaned_data["days"])
        return _page(
            request, person.pk, token=create_token(user=person, lasts=lasts, by=request.user)
        )


class RevokeToken(_Change):
    """``/users/<id>/tokens/revoke``."""

    def change(self, request: AuthenticatedHttpRequest, person: User) -> HttpResponse:
        """Revoke one."""
        revoke_token(user=person, key=request.POST.get("key", "")[:25], by=request.user)
        return _done(request, person, "The token opens nothing any more.")


def _done(request: AuthenticatedHttpRequest, person: User, words: str) -> HttpResponse:
    messages.success(request, words)
    return redirect("user", person.pk)


def _page(
    request: AuthenticatedHttpRequest,
    user_id: int,
    *,
    refusal: PortalError | None = None,
    token_form: TokenForm | None = None,
    **shown_once: str,
) -> HttpResponse:
    person = person_of(request.user, user_id)
    context: dict[str, Any] = {
        "person": person,
        "is_self": person.pk == request.user.pk,
        "roles_form": RolesForm(initial={"roles": sorted(person.roles)}),
        "token_form": token_form or TokenForm(),
        "sessions": sessions_of(person),
        "tokens": tokens_of(person),
        "refusal": refusal,
        **shown_once,
    }
    status = status_of(refusal) if refusal else 422 if token_form else 200
    return render(request, "accounts/person.html", context, status=status)
