from django.http import HttpResponse
from django.shortcuts import render
from django.views import View

from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.deployment_selectors import live_version
from portal.web.model_card import model_card


class AboutModel(View):
    """``/about``: for everybody who is signed in."""

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show what the live version is, may do, and was measured to do."""
        version = live_version(request.user.site)
        card = model_card(version) if version else None
        return render(request, "models/about.html", {"version": version, "card": card})
