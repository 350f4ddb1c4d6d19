"""Everything that is not a success, as a problem document (RFC 9457) with a stable code."""

import logging
from typing import Any

from django.core.exceptions import (
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFilesSent,
)
from django.http import UnreadablePostError
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from portal.errors import InvalidInput, PortalError
from portal.http.refusals import PROBLEM, headers_of, problem, status_of

CODES = {
    400: "malformed_request",
    401: "not_signed_in",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
}
logger = logging.getLogger(__name__)


class MalformedRequest(PortalError):
    """The request as a whole cannot be read (400)."""

    code = "malformed_request"


class UnknownField(InvalidInput):
    """The body says something that this operation does not know: a typing error, most likely."""

    code = "unknown_field"


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to ``error``; None for a bug or an outage, which then is a 500."""
    if isinstance(error, PortalError):
        return answer(status_of(error), error.code, str(error), headers=headers_of(error))
    if isinstance(error, ValidationError):
        title = "What was sent cannot be accepted as it is."
        return answer(422, InvalidInput.code, title, invalid=_plain(error.detail))
    if isinstance(error, RequestDataTooBig | TooManyFilesSent):
        return answer(413, CODES[413], "The request is larger than this service takes.")
    if isinstance(error, SuspiciousOperation | UnreadablePostError):
        return answer(400, CODES[400], "The request cannot be read.")
    return _of_framework(error, context)


def answer(
    status: int, code: str, title: str, *, headers: dict[str, str] | None = None, **members: object
) -> Response:
    """Return a problem document as a response."""
    logger.info("refused with %s: %s", status, code)
    body = problem(code=code, title=title, status=status, **members)
    return Response(body, status=status, headers=headers, content_type=PROBLEM)


def _of_framework(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to an exception of Django or DRF, with the headers that it asks for."""
    made = exception_handler(error, context)
    if made is None:
        return None
    title = str(error.detail) if isinstance(error, APIException) else "There is no such thing."
    code = CODES.get(made.status_code, "refused")
    headers = {name: made[name] for name in ("WWW-Authenticate", "Retry-After") if name in made}
    return answer(made.status_code, code, title, headers=headers)


def _plain(detail: Any) -> Any:
    """Return the messages of a validation error without DRF's types."""
    if isinstance(detail, dict):
        return {str(key): _plain(value) for key, value in detail.items()}
    if isinstance(detail, list):
        return [_plain(value) for value in detail]
    return str(detail) if isinstance(detail, ErrorDetail) else detail
