from django.http.response import HttpResponseBase
from django.views import View

from portal.http.pictures import plot_answer
from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.deployment_selectors import version_of
from portal.predictions.report_selectors import picture_of


class ReportPicture(View):
    """``/models/<id>/pictures/<name>``: for everybody who is signed in, as the page about it."""

    def get(
        self, request: AuthenticatedHttpRequest, version_id: int, picture: str
    ) -> HttpResponseBase | None:
        """Return the PNG; 304 if the browser has it."""
        return plot_answer(request, picture_of(version_of(version_id), f"{picture}.png"))
