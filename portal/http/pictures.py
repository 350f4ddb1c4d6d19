"""Plots of a model's report: bytes that the worker looked over, handed on as they are."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from portal.predictions.models import ReportPicture

KEPT = "private, max-age=31536000, immutable"
"""A plot never changes, and no patient is in it; who may see it has signed in."""


def plot_answer(request: HttpRequest, picture: ReportPicture) -> HttpResponseBase | None:
    """Return the PNG; 304 if the client has it."""
    content = bytes(picture.content)  # a memoryview on PostgreSQL
    response = HttpResponse(content, content_type="image/png")
    etag = f'"{picture.sha256}"'
    response["ETag"] = etag
    response["X-Content-Type-Options"] = "nosniff"
    answer = get_conditional_response(request, etag=etag, response=response)
    if answer is not None:
        answer["Cache-Control"] = KEPT
    return answer
