"""What is tried beside the live version: put in shadow, compared, ended; and the way back."""

from django.http import HttpResponse

from portal.accounts.roles import DECIDES_ON_MODELS, May
from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.challenger_services import end_challenger, start_shadow
from portal.predictions.deployment_models import ModelVersion
from portal.predictions.deployment_selectors import version_of
from portal.predictions.deployment_services import propose_rollback
from portal.watch.proposal_selectors import compared_now
from portal.web.access import PermittedToAny, PermittedView
from portal.web.comparison_page import show_comparison
from portal.web.forms.models import whole_number
from portal.web.views.models import ActOnModel


class StartShadow(ActOnModel, PermittedView):
    """``/models/<id>/shadow``."""

    act, name = May.EVALUATE_MODELS, "shadow"
    done = "{version} is in shadow. It reads what the live version has read; no reader sees it."

    def do(self, version: ModelVersion, words: str, request: AuthenticatedHttpRequest) -> None:
        """Start it."""
        days = whole_number(request.POST.get("days", ""), "days") or 0
        start_shadow(version=version, why=words, days=days, by=request.user)


class EndTrial(ActOnModel, PermittedToAny):
    """``/models/<id>/end``."""

    acts, name = DECIDES_ON_MODELS, "end"
    done = "The trial of {version} is over."

    def do(self, version: ModelVersion, words: str, request: AuthenticatedHttpRequest) -> None:
        """End it."""
        end_challenger(version=version, reason=words, by=request.user)


class RollBack(ActOnModel, PermittedToAny):
    """``/models/<id>/rollback``: of the version that is to go."""

    acts, name = DECIDES_ON_MODELS, "rollback"
    done = "That {version} is rolled back is proposed. It waits for a second person."

    def do(self, version: ModelVersion, words: str, request: AuthenticatedHttpRequest) -> None:
        """Propose what was live before."""
        propose_rollback(version=version, why=words, by=request.user, compare=compared_now)


class CompareVersions(PermittedView):
    """``/models/<id>/comparison``."""

    act = May.WATCH_MODEL

    def get(self, request: AuthenticatedHttpRequest, version_id: int) -> HttpResponse:
        """Show the version beside what is live."""
        return show_comparison(request, version_of(version_id))
