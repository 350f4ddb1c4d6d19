"""Which version of a study somebody has or decided on (RFC 9110 section 13), and which request."""

import re
from collections.abc import Callable
from typing import Any

from django.utils.http import parse_etags
from rest_framework.response import Response

from portal.api.problems import MalformedRequest
from portal.errors import PreconditionRequired
from portal.http.requests import AuthenticatedRequest
from portal.intake import KEY_PATTERN
from portal.reviews.services import Conditions
from portal.reviews.version_selectors import is_settled, version_of
from portal.studies.models import Study


def etag_of(study: Study) -> str:
    """Return the strong entity tag of everything that is said of a study."""
    return f'"{version_of(study)}"'


def versioned(
    request: AuthenticatedRequest, study: Study, data: Callable[[], dict[str, Any]]
) -> Response:
    """Return what ``data`` says of ``study`` with its ETag; 304 if the client has it already.

    While a prediction waits or runs its seconds change with every look: then it is always said.
    """
    headers = {"ETag": etag_of(study)}  # first: an old tag on newer words harms nobody
    known = {tag.removeprefix("W/") for tag in parse_etags(_header(request, "If-None-Match"))}
    if known & {"*", headers["ETag"]} and is_settled(study):
        return Response(status=304, headers=headers)
    return Response(data(), headers=headers)


def conditions(request: AuthenticatedRequest, *, must_match: bool = False) -> Conditions:
    """Return under which conditions a review is to be signed.

    A weak tag never matches, and ``*`` says nothing of what was read.

    Raises
    ------
    PreconditionRequired
        ``must_match``, and If-Match is missing or ``*``.
    MalformedRequest
        The Idempotency-Key is none.
    """
    given = _header(request, "If-Match")
    is_open = given in {"", "*"}
    if must_match and is_open:
        raise PreconditionRequired("Send the ETag of the study you decided on as If-Match.")
    strong = frozenset(tag.strip('"') for tag in parse_etags(given) if tag.startswith('"'))
    key = idempotency_key(request)
    return Conditions(decided_on=None if is_open else strong, key=key)


def idempotency_key(request: AuthenticatedRequest) -> str:
    """Return the key of the request, empty if it has none.

    Raises
    ------
    MalformedRequest
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(KEY_PATTERN, key):
        raise MalformedRequest("An Idempotency-Key is 1 to 200 visible ASCII characters.")
    return key or ""


def _header(request: AuthenticatedRequest, name: str) -> str:
    return str(request.headers.get(name, "")).strip()
