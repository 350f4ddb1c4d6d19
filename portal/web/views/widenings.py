"""The forms that widen the use of the live model at a site, and take that back."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from portal.accounts.models import User
from portal.accounts.roles import DECIDES_ON_MODELS, May
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
from portal.web.access import PermittedView
from portal.web.forms.models import WideningForm
from portal.web.models_page import Refused, show_models
from portal.web.views.decisions import ActOnDecision


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


class _ActOnWidening(ActOnDecision):
    def find(self, user: User, row_id: int) -> Widening:
        return widening_of(user, row_id)


class ApproveWidening(_ActOnWidening):
    """``/models/widenings/<id>/approve``."""

    acts, name = (May.APPROVE_MODELS,), "approve-widening"
    done = "The wider use is in force. What was refused before is read again only if asked for."

    def do(self, row: Widening, words: str, request: AuthenticatedHttpRequest) -> None:
        """Sign it as the second person."""
        password = request.POST.get("password", "")
        approve_widening(widening=row, note=words, password=password, by=request.user)


class DeclineWidening(_ActOnWidening):
    """``/models/widenings/<id>/decline``."""

    acts, name = (May.APPROVE_MODELS,), "decline-widening"
    done = "The wider use is declined."

    def do(self, row: Widening, words: str, request: AuthenticatedHttpRequest) -> None:
        """Decline it."""
        decline_widening(widening=row, reason=words, by=request.user)


class WithdrawWidening(_ActOnWidening):
    """``/models/widenings/<id>/withdraw``."""

    acts = DECIDES_ON_MODELS
    name = "withdraw-widening"
    done = "The wider use is taken back. What is read from now on is held to the rest again."

    def do(self, row: Widening, words: str, request: AuthenticatedHttpRequest) -> None:
        """Take it back."""
        withdraw_widening(widening=row, reason=words, by=request.user)
