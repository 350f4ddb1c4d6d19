"""The door of every page: who is not signed in goes to the sign-in page and back afterwards."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from portal.accounts.models import Session
from portal.accounts.session_services import note_activity
from portal.accounts.session_store import SessionStore


class SignedInMiddleware(LoginRequiredMiddleware):
    """Django's own, which also notes that a person did something.

    A view that a page asks by itself says ``is_poll = True``: an open page is nobody's presence.
    One that says ``is_for_machines = True`` is asked by nobody in particular: whose cookie came
    along is not looked up, because the database may be what is asked about.
    """

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        """Go on, or to the sign-in page."""
        view = getattr(view_func, "view_class", None)
        if getattr(view, "is_for_machines", False):
            return None
        is_poll, row = getattr(view, "is_poll", False), _row_of(request)
        if row and not is_poll:
            note_activity(row)
        return super().process_view(request, view_func, view_args, view_kwargs)

    def handle_no_permission(  # type: ignore[override]  # Django's knows redirects alone
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],  # noqa: ARG002 (Django's)
    ) -> HttpResponse:
        """Send the browser to the sign-in page; a script sends the whole page there."""
        if request.headers.get("HX-Request"):
            address = sign_in_address(request, request.headers.get("HX-Current-URL", ""))
            return HttpResponse(status=204, headers={"HX-Redirect": address})
        if request.method in {"GET", "HEAD"}:
            return redirect(sign_in_address(request, request.get_full_path()))
        unsent = sign_in_address(request, request.headers.get("Referer", ""), unsent="1")
        return redirect(unsent)


def _row_of(request: HttpRequest) -> Session | None:
    """Return the stored session of whoever is signed in."""
    session = request.session
    if not request.user.is_authenticated or not isinstance(session, SessionStore):
        return None
    return session.row


def sign_in_address(request: HttpRequest, back: str, **more: str) -> str:
    """Return the sign-in page that leads ``back``, if that is a place of ours."""
    parts = urlsplit(back)
    ours = url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    place = parts._replace(scheme="", netloc="").geturl() if ours else ""
    query = urlencode({**({"next": place} if place else {}), **more})
    return f"{reverse(settings.LOGIN_URL)}?{query}".rstrip("?")
