"""Everything that the models page shows, and what the person may do there."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.deployment_models import Proposal
from portal.predictions.deployment_selectors import (
    current_deployment,
    deployments_at,
    open_pause,
    proposals_at,
    troubles,
    versions_at,
)
from portal.predictions.deployment_services import LONGEST
from portal.predictions.prevalence_selectors import prevalence_at, prevalences_at


@dataclass(frozen=True, slots=True)
class Refused:
    """An act that was not done: shown beside its form, with what was typed.

    ``version_id`` is 0 for what concerns no version.
    """

    act: str
    version_id: int
    words: str
    typed: str
    share: str = ""


def show_models(
    request: AuthenticatedHttpRequest, *, refused: Refused | None = None, status: int = 200
) -> HttpResponse:
    """Return the models page of the person's site."""
    user, site = request.user, request.user.site
    proposals = list(proposals_at(site))
    current = current_deployment(site)
    waiting = [p for p in proposals if p.state == Proposal.State.WAITING]
    context = {
        "current": current,
        "pause": open_pause(site),
        "versions": [v for v in versions_at(site) if current is None or v != current.model_version],
        "waiting": waiting,
        "proposed": {p.model_version_id for p in waiting},
        "decided": [
            p for p in proposals if p.state in (Proposal.State.DECLINED, Proposal.State.WITHDRAWN)
        ],
        "deployments": deployments_at(site),
        "here": prevalence_at(site),
        "entered": list(prevalences_at(site)),
        "troubles": troubles(),
        "refused": refused,
        "longest": LONGEST,
        **_allowed(user),
    }
    return render(request, "models/models.html", context, status=status)


def _allowed(user: User) -> dict[str, bool]:
    return {
        "may_propose": user.may(May.EVALUATE_MODELS),
        "may_decide": user.may(May.APPROVE_MODELS),
        "may_pause": user.may(May.PAUSE_MODEL),
    }
