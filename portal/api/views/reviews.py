from typing import Any

from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api import examples
from portal.api.documented import (
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_MATCH_REQUIRED,
    STUDY_UID,
    operation,
)
from portal.api.forms import AmendForm, NoQuery, ReviewForm, body, query
from portal.api.permissions import MaySee
from portal.api.preconditions import conditions, etag_of
from portal.api.serializers.reviews import ReviewOutput
from portal.http.requests import AuthenticatedRequest
from portal.reviews.models import Review
from portal.reviews.selectors import review_of
from portal.reviews.services import Read, amend_review, sign_review
from portal.studies.selectors import study_of


class SignReview(APIView):
    """``POST studies/{StudyInstanceUID}/reviews``."""

    permission_classes = (MaySee,)

    @operation(
        "sign_review",
        "Sign a finding: confirm the machine's or override it with a coded reason",
        parameters=(STUDY_UID, IF_MATCH, IDEMPOTENCY_KEY),
        request=ReviewForm,
        answers={201: ReviewOutput},
        refusals=(400, 404, 409, 412, 413, 415, 422),
        example=examples.REVIEW,
        sent=examples.SIGN,
        etag=201,
    )
    def post(self, request: AuthenticatedRequest, study_instance_uid: str) -> Response:
        """Return the signed review."""
        query(NoQuery, request.query_params)
        study = study_of(request.user, study_instance_uid)
        sent = body(ReviewForm, request.data)
        review = sign_review(
            study=study,
            read=_read(sent),
            password=sent["password"],
            by=request.user,
            on=conditions(request),
        )
        return _signed(review)


class AmendReview(APIView):
    """``POST reviews/{id}/amend``."""

    permission_classes = (MaySee,)

    @operation(
        "amend_review",
        "Put another finding in the place of your own; the old one stays visible",
        parameters=(IF_MATCH_REQUIRED, IDEMPOTENCY_KEY),
        request=AmendForm,
        answers={201: ReviewOutput},
        refusals=(400, 404, 409, 412, 413, 415, 422, 428),
        example=examples.AMENDED,
        sent=examples.AMEND,
        etag=201,
    )
    def post(self, request: AuthenticatedRequest, review_id: int) -> Response:
        """Return the review that stands now."""
        query(NoQuery, request.query_params)
        review = review_of(request.user, review_id)
        sent = body(AmendForm, request.data)
        amended = amend_review(
            review=review,
            read=_read(sent),
            amend_reason=sent["amend_reason"],
            password=sent["password"],
            by=request.user,
            on=conditions(request, must_match=True),
        )
        return _signed(amended)


def _read(sent: dict[str, Any]) -> Read:
    return Read(
        presence=sent["finding"],
        reason_code=sent["reason_code"] or "",
        comment=sent["comment"] or "",
        confidence=sent["confidence"],
    )


def _signed(review: Review) -> Response:
    etag = {"ETag": etag_of(review.study)}
    return Response(ReviewOutput(review).data, status=201, headers=etag)
