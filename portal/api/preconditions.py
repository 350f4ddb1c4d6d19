"""Which version of a study somebody decided on: ETag and If-Match (RFC 9110 section 13)."""

import hashlib

from django.utils.http import parse_etags

from portal.audit.services import Action, Outcome, record_alone
from portal.errors import PreconditionRequired, Stale
from portal.http.requests import AuthenticatedRequest
from portal.predictions.selectors import leading_prediction
from portal.reviews.selectors import current_review
from portal.studies.models import Study


def etag_of(study: Study) -> str:
    """Return the strong entity tag of what a reader decides on: the AI's word and the review."""
    review, prediction = current_review(study), leading_prediction(study)
    state = f"{study.pk}:{review.pk if review else ''}:{prediction.pk if prediction else ''}"
    return f'"{hashlib.sha256(state.encode()).hexdigest()[:32]}"'


def refuse_stale(request: AuthenticatedRequest, study: Study) -> None:
    """Return unless If-Match is sent and names another version of ``study``; audited then.

    Raises
    ------
    Stale
    """
    given = request.headers.get("If-Match", "").strip()
    if given in {"", "*"} or etag_of(study) in parse_etags(given):
        return
    record_alone(
        Action.REVIEW_REFUSED,
        chain=request.user.site.slug,
        subject=f"study:{study}",
        by=request.user,
        outcome=Outcome.REFUSED,
        code=Stale.code,
    )
    raise Stale("The study has changed since you read it; look at it again.")


def require_match(request: AuthenticatedRequest, study: Study) -> None:
    """Return if If-Match names this version of ``study``.

    Raises
    ------
    PreconditionRequired
        If-Match is missing, or ``*``, which says nothing of what was read.
    Stale
    """
    if request.headers.get("If-Match", "").strip() in {"", "*"}:
        raise PreconditionRequired("Send the ETag of the study you decided on as If-Match.")
    refuse_stale(request, study)
