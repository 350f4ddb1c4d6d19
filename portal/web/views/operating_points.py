"""The page that chooses a site's own cut-off, and the forms that decide on one."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from portal.accounts.models import User
from portal.accounts.roles import DECIDES_ON_MODELS, LOOKS_AT_CUT_OFFS, May
from portal.errors import PortalError
from portal.http.refusals import status_of
from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.deployment_selectors import version_of
from portal.predictions.models import OperatingPoint
from portal.predictions.operating_point_selectors import point_of
from portal.reviews.operating_point_services import (
    approve_operating_point,
    decline_operating_point,
    propose_operating_point,
    withdraw_operating_point,
)
from portal.web.access import PermittedToAny
from portal.web.forms.operating_points import ChoiceForm
from portal.web.operating_point_page import Unsigned, show_operating_point
from portal.web.views.decisions import ActOnDecision


class ProposeOperatingPoint(PermittedToAny):
    """``/models/<id>/operating-point``: looked at by whoever decides, signed by who proposes."""

    acts = LOOKS_AT_CUT_OFFS

    def get(self, request: AuthenticatedHttpRequest, version_id: int) -> HttpResponse:
        """Show a set of signed studies, and what each cut-off would have said on it."""
        return show_operating_point(request, version_of(version_id))

    def post(self, request: AuthenticatedHttpRequest, version_id: int) -> HttpResponse:
        """Sign the proposal, or show the page again with what was typed but the password."""
        version, form = version_of(version_id), ChoiceForm(request.POST)
        why, password = request.POST.get("reason", ""), request.POST.get("password", "")
        try:
            choice = form.choice()
            propose_operating_point(
                version=version, choice=choice, why=why, password=password, by=request.user
            )
        except PortalError as refusal:
            typed = {name: str(value) for name, value in request.POST.items() if name != "password"}
            unsigned = Unsigned(str(refusal), typed)
            status = status_of(refusal)
            return show_operating_point(request, version, unsigned=unsigned, status=status)
        messages.success(request, "The cut-off is proposed. It waits for a second signature.")
        return redirect("models")


class _ActOnPoint(ActOnDecision):
    def find(self, user: User, row_id: int) -> OperatingPoint:
        return point_of(user, row_id)


class ApproveOperatingPoint(_ActOnPoint):
    """``/models/operating-points/<id>/approve``."""

    acts, name = (May.SIGN,), "approve-operating-point"
    done = "The cut-off is in force. What was scored before keeps the one it was held against."

    def do(self, row: OperatingPoint, words: str, request: AuthenticatedHttpRequest) -> None:
        """Sign it as the second person."""
        password = request.POST.get("password", "")
        approve_operating_point(point=row, note=words, password=password, by=request.user)


class DeclineOperatingPoint(_ActOnPoint):
    """``/models/operating-points/<id>/decline``."""

    acts, name = (May.SIGN,), "decline-operating-point"
    done = "The cut-off is declined."

    def do(self, row: OperatingPoint, words: str, request: AuthenticatedHttpRequest) -> None:
        """Decline it."""
        decline_operating_point(point=row, reason=words, by=request.user)


class WithdrawOperatingPoint(_ActOnPoint):
    """``/models/operating-points/<id>/withdraw``."""

    acts = DECIDES_ON_MODELS
    name = "withdraw-operating-point"
    done = "The cut-off is taken back. The model's own counts from now on."

    def do(self, row: OperatingPoint, words: str, request: AuthenticatedHttpRequest) -> None:
        """Take it back."""
        withdraw_operating_point(point=row, reason=words, by=request.user)
