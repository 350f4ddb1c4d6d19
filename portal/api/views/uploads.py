import dataclasses
from collections.abc import Sequence
from typing import Any

from django.http import QueryDict
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.api import examples
from portal.api.documented import IDEMPOTENCY_KEY, MULTIPART, operation
from portal.api.forms import DescribedForm, NoQuery, UploadForm, body, query
from portal.api.limits import Scope
from portal.api.parsers import loads
from portal.api.preconditions import idempotency_key
from portal.api.problems import MalformedRequest, answer
from portal.api.serializers.refusals import UploadsProblemOutput
from portal.api.serializers.uploads import UploadsOutput
from portal.audit.services import Action, Outcome, record_alone
from portal.dicom.described import Described
from portal.errors import InvalidInput
from portal.http.refusals import refuse_length
from portal.http.requests import AuthenticatedRequest
from portal.http.uploads import received_files
from portal.intake import MayNotUpload, RequestInvalid, Verdict, accept_uploads
from portal.studies.services import KeyReused

_AS_A_WHOLE = frozenset({400, 411, 413, 415, 422})
_RECORDED = (MayNotUpload, RequestInvalid, KeyReused)  # by the intake
_CSRF = "csrfmiddlewaretoken"  # Django's own; a browser's form holds it


class MetadataInvalid(InvalidInput):
    """``metadata`` is not a list with an object for each file."""

    code = "metadata_invalid"


class UploadImages(APIView):
    """``POST uploads``: who asks is known before a byte of the body is read."""

    permission_classes = (IsAuthenticated,)
    parser_classes = (MultiPartParser,)
    throttle_scope = Scope.UPLOADS

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse, on the record and with the body unread, whoever may not upload or sends too much.

        Raises
        ------
        MayNotUpload, LengthRequired, TooLarge
        """
        super().initial(request, *args, **kwargs)
        user = request.user
        if isinstance(user, User) and not user.may(May.UPLOAD):
            accept_uploads(files=(), by=user)
        refuse_length(request._request)

    def handle_exception(self, exc: Exception) -> Response:
        """Record that the request as a whole was refused: a file has its event from intake."""
        refusal = super().handle_exception(exc)
        user = self.request.user
        as_a_whole = refusal.status_code in _AS_A_WHOLE and not isinstance(exc, _RECORDED)
        if isinstance(user, User) and as_a_whole:
            _record_refusal(user, refusal.data["code"])
        return refusal

    @operation(
        "upload_images",
        "Send images; each is answered by itself",
        parameters=(IDEMPOTENCY_KEY,),
        request=MULTIPART,
        answers={202: UploadsOutput},
        refusals=(400, 409, 411, 413, 415, 422, 503),
        problem=UploadsProblemOutput,
        refused=examples.ALL_REFUSED,
        example=examples.UPLOADS,
    )
    def post(self, request: AuthenticatedRequest) -> Response:
        """Return a verdict for each file: 202, or 422 if every one was refused."""
        query(NoQuery, request.query_params)
        verdicts = accept_uploads(**_sent(request), by=request.user)
        answers = [dataclasses.asdict(verdict) for verdict in verdicts]
        uploads = UploadsOutput({"uploads": answers}).data["uploads"]
        if _all_refused(verdicts):
            return answer(422, "all_refused", "Every file was refused.", uploads=uploads)
        return Response({"uploads": uploads}, status=202)


def _sent(request: AuthenticatedRequest) -> dict[str, Any]:
    """Return what `accept_uploads` takes.

    Raises
    ------
    MalformedRequest, UnknownField, MetadataInvalid, StorageFull, ValidationError
    """
    key = idempotency_key(request)
    if strange := sorted(set(request.FILES) - {"files"}):
        raise MalformedRequest(f"A file in the field {strange[0][:60]!a}; files go into 'files'.")
    files = received_files(request.FILES)
    if not files:
        raise MalformedRequest("There is no file in the field 'files'.")
    fields = body(UploadForm, _once(request.POST))
    described = _described(fields.pop("metadata", None), len(files))
    return {"files": files, "described": described, "idempotency_key": key, **fields}


def _once(fields: QueryDict) -> dict[str, str]:
    """Return the fields of the form, each of which may be there once."""
    for name, values in fields.lists():
        if len(values) > 1:
            raise MalformedRequest(f"The field {name[:60]!a} is given twice.")
    return {name: str(value) for name, value in fields.dict().items() if name != _CSRF}


def _described(metadata: str | None, files: int) -> list[Described]:
    """Return what ``metadata`` says of each file."""
    if metadata is None:
        return []
    try:
        said = loads(metadata)
    except (ValueError, RecursionError) as error:
        raise MetadataInvalid("The field metadata is not JSON.") from error
    if not isinstance(said, list) or len(said) != files:
        raise MetadataInvalid(f"The field metadata is a list with {files} objects, one a file.")
    return [Described(**body(DescribedForm, one)) for one in said]


def _all_refused(verdicts: Sequence[Verdict]) -> bool:
    return all(verdict.status == "refused" for verdict in verdicts)


def _record_refusal(user: User, code: str) -> None:
    record_alone(
        Action.UPLOAD_REFUSED,
        chain=user.site.slug,
        subject=f"user:{user.username}",
        by=user,
        outcome=Outcome.REFUSED,
        code=code,
    )
