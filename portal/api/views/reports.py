from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api import model_examples as examples
from portal.api.documented import operation
from portal.api.forms import NoQuery, query
from portal.api.serializers.registry import ReportOutput
from portal.http.pictures import plot_answer
from portal.http.requests import AuthenticatedRequest
from portal.predictions.deployment_selectors import version_of
from portal.predictions.report_selectors import needed_report, picture_of


class ReadReport(APIView):
    """``GET models/{id}/report``: whoever is signed in may know what was measured."""

    permission_classes = (IsAuthenticated,)

    @operation(
        "read_report",
        "What was measured of a version, and where the plots are",
        answers={200: ReportOutput},
        refusals=(400, 404),
        example=examples.REPORT,
    )
    def get(self, request: AuthenticatedRequest, model_id: int) -> Response:
        """Return the report."""
        query(NoQuery, request.query_params)
        return Response(ReportOutput(needed_report(version_of(model_id))).data)


class ReadPicture(APIView):
    """``GET models/{id}/pictures/{name}.png``: the one answer here that is not JSON."""

    permission_classes = (IsAuthenticated,)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002 (REST framework's)
        """Take whatever is accepted: a picture is a PNG, a refusal JSON."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(exclude=True)
    def get(
        self, request: AuthenticatedRequest, model_id: int, picture: str
    ) -> HttpResponseBase | None:
        """Return the PNG; 304 if the client has it."""
        return plot_answer(request, picture_of(version_of(model_id), f"{picture}.png"))
