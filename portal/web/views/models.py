"""What is live here, and the acts of two persons that change it."""

from typing import ClassVar

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views import View

from portal.accounts.roles import DECIDES_ON_MODELS, LOOKS_AT_CUT_OFFS, May
from portal.errors import PortalError
from portal.http.refusals import status_of
from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.deployment_models import ModelVersion
from portal.predictions.deployment_selectors import current_deployment, version_of
from portal.predictions.deployment_services import (
    approve_deployment,
    decline_deployment,
    propose_deployment,
    withdraw_proposal,
)
from portal.predictions.operating_point_selectors import points_in_force
from portal.predictions.pause_services import pause_model, resume_model
from portal.predictions.prevalence_services import enter_prevalence
from portal.watch.proposal_selectors import compared_now
from portal.web.access import PermittedToAny, PermittedView
from portal.web.forms.models import PrevalenceForm, whole_number
from portal.web.model_card import model_card
from portal.web.model_report import model_report
from portal.web.models_page import Refused, show_models


class Models(View):
    """``/models``: for everybody who is signed in; the buttons are for some."""

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show what is live, what waits for a decision, and what was before."""
        return show_models(request)


class AboutVersion(View):
    """``/models/<id>``: the figures of any registered version."""

    def get(self, request: AuthenticatedHttpRequest, version_id: int) -> HttpResponse:
        """Show what the version is, may do, and was measured to do."""
        version = version_of(version_id)
        context = {
            "version": version,
            "card": model_card(version),
            "report": model_report(version),
            "current": current_deployment(request.user.site),
            "points": points_in_force(request.user.site),
            "may_choose": any(map(request.user.may, LOOKS_AT_CUT_OFFS)),
            "may_export": request.user.may(May.READ_AUDIT),
        }
        return render(request, "models/about.html", context)


class ActOnModel(View):
    """A form of the models page: one act on one version, with a reason or a note."""

    name: ClassVar[str]
    done: ClassVar[str]

    def get(self, request: AuthenticatedHttpRequest, version_id: int) -> HttpResponse:  # noqa: ARG002 (Django's)
        """Go to the models: after a refusal this is the address in the browser."""
        return redirect("models")

    def post(self, request: AuthenticatedHttpRequest, version_id: int) -> HttpResponse:
        """Do it, or show the page again with what was typed."""
        version, words = version_of(version_id), request.POST.get("reason", "")
        try:
            self.do(version, words, request)
        except PortalError as refusal:
            beside = request.POST.get("share", request.POST.get("days", ""))
            refused = Refused(self.name, version.pk, str(refusal), words, beside)
            return show_models(request, refused=refused, status=status_of(refusal))
        messages.success(request, self.done.format(version=version))
        return redirect("models")

    def do(self, version: ModelVersion, words: str, request: AuthenticatedHttpRequest) -> None:
        """Call the service."""
        raise NotImplementedError


class Propose(ActOnModel, PermittedView):
    """``/models/<id>/propose``."""

    act, name = May.EVALUATE_MODELS, "propose"
    done = "{version} is proposed. It waits for a second person."

    def do(self, version: ModelVersion, words: str, request: AuthenticatedHttpRequest) -> None:
        """Propose it."""
        share = whole_number(request.POST.get("share", ""), "percent")
        propose_deployment(
            version=version, why=words, share=share, by=request.user, compare=compared_now
        )


class Withdraw(ActOnModel, PermittedToAny):
    """``/models/<id>/withdraw``: for all who may propose a version, or a rollback."""

    acts, name = DECIDES_ON_MODELS, "withdraw"
    done = "The proposal of {version} is withdrawn."

    def do(self, version: ModelVersion, words: str, request: AuthenticatedHttpRequest) -> None:
        """Take it back."""
        withdraw_proposal(version=version, note=words, by=request.user)


class Approve(ActOnModel, PermittedView):
    """``/models/<id>/approve``."""

    act, name = May.APPROVE_MODELS, "approve"
    done = "{version} reads from now on. What was scored before keeps its version and cut-off."

    def do(self, version: ModelVersion, words: str, request: AuthenticatedHttpRequest) -> None:
        """Make it live."""
        approve_deployment(version=version, note=words, by=request.user)


class Decline(ActOnModel, PermittedView):
    """``/models/<id>/decline``."""

    act, name = May.APPROVE_MODELS, "decline"
    done = "The proposal of {version} is declined."

    def do(self, version: ModelVersion, words: str, request: AuthenticatedHttpRequest) -> None:
        """Decline it."""
        decline_deployment(version=version, reason=words, by=request.user)


class Pause(ActOnModel, PermittedView):
    """``/models/<id>/pause``: the stop button."""

    act, name = May.PAUSE_MODEL, "pause"
    done = "{version} is paused. Studies flow on and are read without AI."

    def do(self, version: ModelVersion, words: str, request: AuthenticatedHttpRequest) -> None:
        """Stop it."""
        pause_model(version=version, reason=words, by=request.user)


class Resume(ActOnModel, PermittedView):
    """``/models/<id>/resume``."""

    act, name = May.APPROVE_MODELS, "resume"
    done = "{version} reads again what arrives from now on."

    def do(self, version: ModelVersion, words: str, request: AuthenticatedHttpRequest) -> None:
        """Let it go on."""
        resume_model(version=version, note=words, by=request.user)


class EnterPrevalence(PermittedView):
    """``/models/prevalence``: how common pneumonia is here, or that nobody can say any more."""

    act = May.EVALUATE_MODELS

    def get(self, _request: AuthenticatedHttpRequest) -> HttpResponse:
        """Go to the models: after a refusal this is the address in the browser."""
        return redirect("models")

    def post(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Enter it, or show the page again with what was typed."""
        form = PrevalenceForm(request.POST)
        basis, typed = request.POST.get("basis", ""), request.POST.get("of_100", "")
        try:
            entered = enter_prevalence(share=form.share(), basis=basis, by=request.user)
        except PortalError as refusal:
            refused = Refused("prevalence", 0, str(refusal), basis, typed)
            return show_models(request, refused=refused, status=status_of(refusal))
        messages.success(
            request,
            "The study page says from now on what a score means here."
            if entered.share is not None
            else "The prevalence is taken back: a score means what it meant in validation.",
        )
        return redirect("models")
