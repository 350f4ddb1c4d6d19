"""What the domain refuses, as HTTP says it. The only place that knows which status is which."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from portal.audit.services import Action, Outcome, record_alone
from portal.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    LengthRequired,
    NotFound,
    PortalError,
    PreconditionRequired,
    Stale,
    TooLarge,
    TooManyRequests,
    Unavailable,
)

STATUS: dict[type[PortalError], int] = {
    InvalidInput: 422,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    LengthRequired: 411,
    Stale: 412,
    TooLarge: 413,
    PreconditionRequired: 428,
    TooManyRequests: 429,
    Unavailable: 503,
}
PROBLEM = "application/problem+json"
RETRY_AFTER = 10  # seconds
_LENGTH_DIGITS = 18
logger = logging.getLogger(__name__)


def status_of(refusal: PortalError) -> int:
    """Return the HTTP status of a refusal."""
    return next((code for kind, code in STATUS.items() if isinstance(refusal, kind)), 400)


def headers_of(refusal: PortalError) -> dict[str, str]:
    """Return the headers that a refusal needs: when to try again, where that helps."""
    if isinstance(refusal, TooManyRequests):
        return {"Retry-After": str(refusal.retry_after)}
    return {"Retry-After": str(RETRY_AFTER)} if isinstance(refusal, Unavailable) else {}


def as_refused(response: HttpResponse, refusal: PortalError) -> HttpResponse:
    """Return a page with the status and the headers of what was refused on it."""
    response.status_code = status_of(refusal)
    for name, value in headers_of(refusal).items():
        response[name] = value
    return response


def problem(*, code: str, title: str, status: int, **members: object) -> dict[str, object]:
    """Return a problem document (RFC 9457). ``code`` is stable, ``title`` is for people."""
    return {
        "type": f"urn:overread:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        **members,
    }


class RefusalMiddleware:
    """Answer a `PortalError` that a view let through, in the form that the caller reads."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on; what a person is signed in to see is never cached."""
        try:
            _refuse_unread(request)
        except (LengthRequired, TooLarge) as refusal:
            return _answer(request, refusal)
        response = self.get_response(request)
        if "Cache-Control" in response:  # then who asks need not be known
            return response
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            response["Cache-Control"] = "no-store"
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Map a refusal; anything else is a bug or an outage and goes on."""
        return _answer(request, error) if isinstance(error, PortalError) else None


def _answer(request: HttpRequest, refusal: PortalError) -> HttpResponse:
    status = status_of(refusal)
    logger.info("refused with %s: %s", status, refusal.code)
    if request.path.startswith("/api/"):
        body = problem(code=refusal.code, title=str(refusal), status=status)
        response: HttpResponse = JsonResponse(body, status=status, content_type=PROBLEM)
    else:
        context = {"status": status, "code": refusal.code, "detail": str(refusal)}
        response = render(request, "error.html", context, status=status)
    return as_refused(response, refusal)


def refuse_length(request: HttpRequest) -> None:
    """Return unless the body does not say how long it is, or says that it is too long.

    Raises
    ------
    LengthRequired, TooLarge
    """
    if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
        raise LengthRequired("Say how long the body is: send a Content-Length.")
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    limit = int(settings.OVERREAD_MAX_UPLOAD_BYTES)
    if length.isdecimal() and (len(length) > _LENGTH_DIGITS or int(length) > limit):
        raise TooLarge(f"A request holds at most {limit // 2**20} MB; send fewer files at once.")


def _refuse_unread(request: HttpRequest) -> None:
    """Refuse a body before anybody reads it; on the record, if it is known whose it is.

    Below ``/api/`` the upload does so itself once it knows who asks, and the other operations
    read no more than a little.
    """
    by_api = request.path.startswith("/api/")
    is_multipart = str(request.META.get("CONTENT_TYPE") or "").startswith("multipart/")
    if by_api and is_multipart:
        return
    try:
        refuse_length(request)
    except (LengthRequired, TooLarge) as refusal:
        if by_api and isinstance(refusal, TooLarge):
            return
        if is_multipart or request.path.endswith(("/upload", "/uploads")):
            _record(request, refusal)
        raise


def _record(request: HttpRequest, refusal: PortalError) -> None:
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        record_alone(
            Action.UPLOAD_REFUSED,
            chain=user.site.slug,
            subject=f"user:{user.username}",
            by=user,
            outcome=Outcome.REFUSED,
            code=refusal.code,
        )
