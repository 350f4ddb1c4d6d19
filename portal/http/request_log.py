"""One line a request, and the id by which all lines that it causes are found."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from portal import logs
from portal.accounts.models import User

HEADER = "X-Request-ID"
QUIET = ("healthz", "readyz", "metrics")
"""Asked for every few seconds: a line only if something is wrong."""
_TAKEN = re.compile(r"[0-9a-f]{32}\Z")
_SERVER_ERROR = 500
_CLIENT_ERROR = 400
logger = logging.getLogger(__name__)


class RequestLogMiddleware:
    """Names each request, binds the name to every log line, and answers it as a header.

    The outermost middleware. A line has the method, the route and not the path, the status, the
    milliseconds and the user's key; never a query string, which searches may fill with names.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request and say so."""
        started = time.perf_counter()
        name = id_of(request)
        with logs.bound(request_id=name):
            response = self.get_response(request)
            response[HEADER] = name
            route = route_of(request)
            line = logs.fields(
                method=request.method,
                route=route,
                status=response.status_code,
                ms=round((time.perf_counter() - started) * 1000, 1),
                user=_user_of(request),
            )
            logger.log(_level(route, response.status_code), "request", extra=line)
        return response


def id_of(request: HttpRequest) -> str:
    """Return the id that the proxy gave the request, if it looks like one, else a new one.

    Only 32 hexadecimal digits are taken, as nginx makes them: anything freer could hold a name.
    """
    given = request.headers.get(HEADER, "").replace("-", "").lower()
    return given if _TAKEN.match(given) else uuid.uuid4().hex


def route_of(request: HttpRequest) -> str:
    """Return the pattern that the path matched: an address without what a client put into it."""
    if request.resolver_match:
        return request.resolver_match.route
    return "static/" if request.path.startswith(settings.STATIC_URL) else ""


def _user_of(request: HttpRequest) -> object:
    """Return the key of who is signed in, as far as anybody asked: a line costs no query."""
    by_token, by_session = vars(request).get("user"), getattr(request, "_cached_user", None)
    known = next((u.pk for u in (by_token, by_session) if type(u) is User), None)
    return "" if known is None else known


def _level(route: str, status: int) -> int:
    if status >= _SERVER_ERROR:
        return logging.WARNING
    return (
        logging.DEBUG if route in {*QUIET, "static/"} and status < _CLIENT_ERROR else logging.INFO
    )
