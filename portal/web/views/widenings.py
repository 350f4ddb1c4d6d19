"""The forms that widen the use of the live model at a site, and take that back."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views import View

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.errors import PortalError
from portal.http.refusals import status_of
from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.deployment_selectors import version_of
from portal.predictions.widening_models import Widening
from portal.predictions.widening_selectors import widening_of
from portal.predictions.widening_services import (
    approve_widening,
    decline_widening,
    propose_widening,
    withdraw_widening,
)
from portal.web.access import NotForYourRoles, PermittedView
from portal.web.forms.models import WideningForm
from portal.web.models_page import Refused, show_models


class ProposeWidening(PermittedView):
    """``/models/<id>/widen``."""

    act = May.EVALUATE_MODELS

    def get(self, _request: AuthenticatedHttpRequest, version_id: int) -> HttpResponse:  # noqa: ARG002 (Django's)
        """Go to the models: after a refusal this is the address in the browser."""
        return redirect("models")

    def post(self, request: AuthenticatedHttpRequest, version_id: int) -> HttpResponse:
        """Sign the proposal, or show the page again with what was typed but the password."""
        version, form = version_of(version_id), WideningForm(request.POST)
        why, password = request.POST.get("reason", ""), request.POST.get("password", "")
        try:
            propose_widening(
                version=version, wider=form.wider(), why=why, password=password, by=request.user
            )
        except PortalError as refusal:
            refused = Refused("widen", version.pk, str(refusal), why)
            status = status_of(refusal)
            return show_models(request, refused=refused, widening=form, status=status)
        messages.success(request, "The wider use is proposed. It waits for a second signature.")
        return redirect("models")


class _ActOnWidening(View):
    """One act on one widening of the person's site, for whoever may do any of ``acts``."""

    acts: ClassVar[tuple[May, ...]]
    name: ClassVar[str]
    done: ClassVar[str]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Go on if one of the person's roles allows it.

        Raises
        ------
        NotForYourRoles
        """
        user = request.user
        if not isinstance(user, User) or not any(user.may(act) for act in self.acts):
            raise NotForYourRoles("This page is for people with another role.")
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: AuthenticatedHttpRequest, widening_id: int) -> HttpResponse:
        """Go to the models, if there is such a widening at the site."""
        widening_of(request.user, widening_id)
        return redirect("models")

    def post(self, request: AuthenticatedHttpRequest, widening_id: int) -> HttpResponse:
        """Do it, or show the page again with what was typed but the password."""
        widening, words = widening_of(request.user, widening_id), request.POST.get("reason", "")
        try:
            self.do(widening, words, request)
        except PortalError as refusal:
            refused = Refused(self.name, widening.pk, str(refusal), words)
            return show_models(request, refused=refused, status=status_of(refusal))
        messages.success(request, self.done)
        return redirect("models")

    def do(self, widening: Widening, words: str, request: AuthenticatedHttpRequest) -> None:
        """Call the service."""
        raise NotImplementedError


class ApproveWidening(_ActOnWidening):
    """``/models/widenings/<id>/approve``."""

    acts, name = (May.APPROVE_MODELS,), "approve-widening"
    done = "The wider use is in force. What was refused before is read again only if asked for."

    def do(self, widening: Widening, words: str, request: AuthenticatedHttpRequest) -> None:
        """Sign it as the second person."""
        password = request.POST.get("password", "")
        approve_widening(widening=widening, note=words, password=password, by=request.user)


class DeclineWidening(_ActOnWidening):
    """``/models/widenings/<id>/decline``."""

    acts, name = (May.APPROVE_MODELS,), "decline-widening"
    done = "The wider use is declined."

    def do(self, widening: Widening, words: str, request: AuthenticatedHttpRequest) -> None:
        """Decline it."""
        decline_widening(widening=widening, reason=words, by=request.user)


class WithdrawWidening(_ActOnWidening):
    """``/models/widenings/<id>/withdraw``."""

    acts = (May.PAUSE_MODEL, May.APPROVE_MODELS, May.EVALUATE_MODELS)
    name = "withdraw-widening"
    done = "The wider use is taken back. What is read from now on is held to the rest again."

    def do(self, widening: Widening, words: str, request: AuthenticatedHttpRequest) -> None:
        """Take it back."""
        withdraw_widening(widening=widening, reason=words, by=request.user)
