"""Django's own error answers: a problem document below ``/api/``, a page elsewhere."""

import sys
from http import HTTPStatus

from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults

from portal.errors import Unavailable
from portal.http.outages import outage_beneath, outage_of
from portal.http.refusals import PROBLEM, RETRY_AFTER, problem, status_of

_WORDS = {
    400: ("malformed_request", "The request cannot be read."),
    403: ("forbidden", "This is not for your account."),
    404: ("not_found", "There is no such thing."),
    500: ("internal_error", "Something broke on the server; what was stored before is safe."),
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself cannot read, such as a foreign Host.

    That a session could not be stored is to Django a bad request: somebody ended it, it thinks.
    """
    if isinstance(exception, SessionInterrupted) and (outage := outage_beneath(exception)):
        return _later(request, outage)
    return _problem(request, HTTPStatus.BAD_REQUEST) or defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what the caller may not do."""
    return _problem(request, HTTPStatus.FORBIDDEN) or defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a path that leads nowhere."""
    return _problem(request, HTTPStatus.NOT_FOUND) or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a bug or an outage, and give nothing away."""
    if outage := outage_of(sys.exc_info()[1]):  # Django calls this while it handles the error
        return _later(request, outage)
    return _problem(request, HTTPStatus.INTERNAL_SERVER_ERROR) or defaults.server_error(request)


def _later(request: HttpRequest, outage: Unavailable) -> HttpResponse:
    """Answer without a look at session or user: both may be what is away."""
    status = status_of(outage)
    if request.path.startswith("/api/"):
        body = problem(code=outage.code, title=str(outage), status=status)
        answer: HttpResponse = JsonResponse(body, status=status, content_type=PROBLEM)
    else:
        answer = HttpResponse(render_to_string("503.html", {"detail": str(outage)}), status=status)
    answer["Retry-After"] = str(RETRY_AFTER)
    return answer


def _problem(request: HttpRequest, status: HTTPStatus) -> JsonResponse | None:
    if not request.path.startswith("/api/"):
        return None
    code, title = _WORDS[status]
    body = problem(code=code, title=title, status=int(status))
    return JsonResponse(body, status=status, content_type=PROBLEM)
