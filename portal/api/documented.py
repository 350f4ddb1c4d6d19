"""What the OpenAPI document says of an operation: requests, answers, refusals, examples."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from portal.api import examples
from portal.api.authentication import TokenAuthentication
from portal.api.media import JSON
from portal.api.serializers.refusals import ProblemOutput
from portal.http.refusals import PROBLEM
from portal.intake import KEY_PATTERN

Shape = type[serializers.Serializer[Any]]
View = TypeVar("View", bound=Callable[..., Any])
ALWAYS = (401, 403, 406, 429)
DONE = {
    200: "Done.",
    201: "Made.",
    202: "At least one file was accepted or known already.",
    204: "Done; there is nothing to say.",
    304: "What you have is what would come again.",
}
WORDS = {
    400: "The request cannot be read.",
    401: "Nobody is signed in, or the token is not valid.",
    403: "Your roles do not allow this, or the password or CSRF token is wrong.",
    404: "There is no such thing, or it belongs to another site.",
    406: "You accept nothing that this service says.",
    409: "The record is not in a state that allows it.",
    411: "Say how long the body is: a chunked one is not read.",
    412: "You decided on an older version.",
    413: "The request is larger than this service takes.",
    415: "The body is of another type than this operation reads.",
    422: "What was sent cannot be accepted as it is.",
    428: "Say which version you decided on.",
    429: "Too many requests in a short time; `Retry-After` says in how many seconds to go on.",
    503: "A part that is needed does not answer; try again later.",
}
_RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    int,
    OpenApiParameter.HEADER,
    response=[429, 503],
    description="Seconds to wait before the same request is sent again.",
)
_UID = {"type": "string", "pattern": r"^[0-2](\.(0|[1-9][0-9]*))+$", "maxLength": 64}
STUDY_UID = OpenApiParameter(
    "study_instance_uid", _UID, OpenApiParameter.PATH, description="StudyInstanceUID (0020,000D)"
)
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag of the study you decided on."
)
IF_MATCH_REQUIRED = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The ETag of the study you decided on; `*` is refused.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of what you have: 304 says that it is what would come again.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": f"^{KEY_PATTERN}$"},
    OpenApiParameter.HEADER,
    description="For a day the same key with the same content gets the same answer again.",
)
NOTHING = {
    kind: {
        "type": "object",
        "additionalProperties": False,
        "description": "Nothing: the address says it all. An empty body will do, too.",
    }
    for kind in JSON
}
MULTIPART = {
    "multipart/form-data": {
        "type": "object",
        "required": ["files"],
        "properties": {
            "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
            "metadata": {
                "type": "string",
                "description": "A JSON list, one object a file in their order, of the strings "
                "patient_id, patient_name, age, sex, view, group; all optional.",
                "example": examples.METADATA,
            },
            "priority": {"type": "integer", "minimum": 0, "maximum": 9, "default": 5},
        },
        "additionalProperties": False,
    }
}


def operation(  # noqa: PLR0913 (each says one thing of the operation)
    operation_id: str,
    summary: str,
    *,
    answers: Mapping[int, Shape | None],
    refusals: Sequence[int] = (),
    parameters: Sequence[OpenApiParameter] = (),
    query: Shape | None = None,
    request: Any = None,
    problem: Shape = ProblemOutput,
    refused: Any = None,
    example: Any = None,
    sent: Any = None,
    etag: int | None = None,
) -> Callable[[View], View]:
    """Return the decorator that describes a view's method."""
    described: list[OpenApiParameter | Shape] = [*parameters, *([query] if query else [])]
    described += [_etag(etag)] if etag else []
    described += [_RETRY_AFTER]
    shown = _shown("Answer", example, next(iter(answers))) if example else []
    if sent is not None:
        shown += [OpenApiExample("Request", sent, request_only=True, media_type=m) for m in JSON]
    responses: dict[Any, Any] = {
        code: OpenApiResponse(kind, DONE[code]) for code, kind in answers.items()
    }
    for code in sorted({*ALWAYS, *refusals}):
        kind = problem if code == 422 else ProblemOutput  # noqa: PLR2004
        responses[code, PROBLEM] = OpenApiResponse(kind, WORDS[code])
        why = refused if refused and code == 422 else examples.problem(code)  # noqa: PLR2004
        shown += _shown(f"Refused with {code}", why, code)
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        parameters=described,
        request=request,
        responses=responses,
        examples=shown,
    )


def _shown(name: str, value: Any, status: int) -> list[OpenApiExample]:
    """Return the example once for each media type that the answer may have."""
    kinds = (PROBLEM,) if status >= 400 else JSON  # noqa: PLR2004
    return [
        OpenApiExample(name, value, response_only=True, status_codes=[str(status)], media_type=kind)
        for kind in kinds
    ]


def _etag(status: int) -> OpenApiParameter:
    return OpenApiParameter(
        "ETag",
        str,
        OpenApiParameter.HEADER,
        response=[status],
        description="The version of the study; send it as If-Match.",
    )


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes it."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:  # noqa: ARG002
        """Return the security scheme."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Authorization: Token T`, T as `manage.py create_token` printed it.",
        }
