"""Pictures that the worker made or looked over: their bytes, handed on as they are."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from portal.http.requests import AuthenticatedHttpRequest, AuthenticatedRequest
from portal.predictions.models import Prediction, ReportPicture
from portal.predictions.selectors import map_of
from portal.studies.access_services import record_images_viewed

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


def map_answer(
    request: AuthenticatedHttpRequest | AuthenticatedRequest, prediction: Prediction
) -> HttpResponse:
    """Return the PNG of where the network looked.

    It is of a patient, as the radiograph is: who looks is in the trail, and no cache keeps it.
    """
    content = map_of(prediction)
    record_images_viewed(study=prediction.instance.series.study, by=request.user)
    response = HttpResponse(content, content_type="image/png")
    response["X-Content-Type-Options"] = "nosniff"
    return response
