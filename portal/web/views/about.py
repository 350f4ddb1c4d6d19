from django.http import HttpResponse
from django.shortcuts import render
from django.views import View

from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.deployment_selectors import current_deployment
from portal.predictions.operating_point_selectors import points_in_force
from portal.web.model_card import model_card
from portal.web.model_report import model_report


class AboutModel(View):
    """``/about``: for everybody who is signed in."""

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show what the live or paused version is, may do, and was measured to do."""
        current = current_deployment(request.user.site)
        version = current.model_version if current else None
        card = model_card(version) if version else None
        report = model_report(version) if version else None
        context = {
            "version": version,
            "card": card,
            "report": report,
            "current": current,
            "points": points_in_force(request.user.site),
        }
        return render(request, "models/about.html", context)
