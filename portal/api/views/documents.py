from typing import Any, NoReturn

from csp.decorators import csp_update
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView


class OpenAPIDocument(SpectacularJSONAPIView):
    """``GET openapi.json``: what this door does, for everybody."""

    permission_classes = (AllowAny,)


@method_decorator(csp_update({"img-src": ["data:"]}), name="dispatch")
class DocumentationPage(APIView):
    """``GET docs/``: the same to be read and tried. Swagger UI draws its icons as data URLs."""

    permission_classes = (AllowAny,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Return the page."""
        return render(request._request, "api/docs.html")

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002
        """Answer whatever is accepted: a browser that asks for HTML alone gets the page."""
        return super().perform_content_negotiation(request, force=True)


@extend_schema(exclude=True)
class NoSuchPath(APIView):
    """Every other address below ``/api/v1/``."""

    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        """Refuse.

        Raises
        ------
        NotFound
        """
        raise NotFound("There is nothing at this address.")
