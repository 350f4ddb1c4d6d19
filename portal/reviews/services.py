"""Write side of reviews: findings, and the signatures under them."""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.accounts.services import confirm_password
from portal.audit.services import Action, Outcome, record, record_alone
from portal.errors import Conflict, Forbidden, InvalidInput, PortalError, Stale
from portal.predictions.selectors import leading_prediction
from portal.reviews.models import Finding, Presence, Purpose, Review
from portal.reviews.reasons import Reason, fits, needs_comment
from portal.reviews.selectors import current_review
from portal.studies.models import Study


class AlreadyReviewed(Conflict):
    """A colleague signed first."""

    code = "already_reviewed"


class NotYourReview(Forbidden):
    """Only the person who signed a review may amend it."""

    code = "not_your_review"


class MayNotSign(Forbidden):
    """The signer's roles do not allow it."""

    code = "may_not_sign"


class ReasonMissing(InvalidInput):
    """The finding contradicts the model and says no reason."""

    code = "reason_missing"


class ReasonDoesNotFit(InvalidInput):
    """The reason cannot explain this step, or is unknown."""

    code = "reason_does_not_fit"


class CommentMissing(InvalidInput):
    """The reason needs words."""

    code = "comment_missing"


class AmendReasonMissing(InvalidInput):
    """An amendment says why."""

    code = "amend_reason_missing"


class ReviewChanged(Stale):
    """The review was amended since it was read."""

    code = "review_changed"


@dataclass(frozen=True, slots=True)
class Read:
    """What a person decided about a study, as it was sent."""

    presence: str
    reason_code: str = ""
    comment: str = ""
    confidence: int | None = None


def sign_review(*, study: Study, read: Read, password: str, by: User) -> Review:
    """Return the signed first review of ``study``; refusals are audited too.

    Raises
    ------
    MayNotSign, PasswordWrong, AlreadyReviewed, ReasonMissing, ReasonDoesNotFit, CommentMissing,
    InvalidInput
    """
    try:
        _may_sign(by, password)
        return _sign_first(study=study, read=read, by=by)
    except PortalError as refusal:
        _record_refusal(refusal, study=study, by=by)
        raise


def amend_review(
    *, review: Review, read: Read, amend_reason: str, password: str, by: User
) -> Review:
    """Return the review that supersedes ``review``; the old one stays for ever.

    Raises
    ------
    MayNotSign, PasswordWrong, NotYourReview, ReviewChanged, AmendReasonMissing, ReasonMissing,
    ReasonDoesNotFit, CommentMissing, InvalidInput
    """
    try:
        _may_sign(by, password)
        if not amend_reason.strip():
            raise AmendReasonMissing("Say why the review is amended.")
        return _sign_amendment(review=review, read=read, amend_reason=amend_reason.strip(), by=by)
    except PortalError as refusal:
        _record_refusal(refusal, study=review.study, by=by)
        raise


def _may_sign(by: User, password: str) -> None:
    if not by.may(May.SIGN):
        raise MayNotSign("Signing is for reviewers and adjudicators.")
    confirm_password(user=by, password=password)


@transaction.atomic
def _sign_first(*, study: Study, read: Read, by: User) -> Review:
    study = _lock(study)
    if current_review(study):
        raise AlreadyReviewed("A colleague has signed this study; you can read their review.")
    return _write(study=study, read=read, by=by)


@transaction.atomic
def _sign_amendment(*, review: Review, read: Read, amend_reason: str, by: User) -> Review:
    study = _lock(review.study)
    if current_review(study) != review:
        raise ReviewChanged("The review was amended since you opened it; look at it again.")
    if review.reviewer_id != by.pk:
        raise NotYourReview("Only the person who signed a review may amend it.")
    return _write(study=study, read=read, by=by, supersedes=review, amend_reason=amend_reason)


def _write(
    *, study: Study, read: Read, by: User, supersedes: Review | None = None, amend_reason: str = ""
) -> Review:
    finding = _write_finding(study=study, read=read, by=by)
    try:
        with transaction.atomic():
            review = Review.objects.create(
                study=study,
                finding=finding,
                purpose=finding.purpose,
                reviewer=by,
                reviewer_name=str(by),
                meaning=Review.Meaning.AMENDED if supersedes else Review.Meaning.REVIEWED,
                amend_reason=amend_reason,
                signed_at=timezone.now(),
                supersedes=supersedes,
            )
    except IntegrityError as error:
        refusal = ReviewChanged if supersedes else AlreadyReviewed
        raise refusal("Somebody signed at the same moment; look at the study again.") from error
    record(
        Action.REVIEW_AMENDED if supersedes else Action.REVIEW_SIGNED,
        chain=study.site.slug,
        subject=f"study:{study}",
        by=by,
        review=review.pk,
        finding=finding.presence,
        shown=finding.shown,
        reason=finding.reason_code,
        prediction=str(finding.prediction_id or ""),
        supersedes=supersedes.pk if supersedes else None,
    )
    return review


def _write_finding(*, study: Study, read: Read, by: User) -> Finding:
    """Return what the person saw, beside what the machine showed at this moment."""
    prediction = leading_prediction(study)
    shown = prediction.finding if prediction else ""
    _check(read, shown)
    return Finding.objects.create(
        study=study,
        prediction=prediction,
        reader=by,
        purpose=Purpose.FIRST,
        stage=Finding.Stage.AFTER,
        shown=shown,
        presence=read.presence,
        confidence=read.confidence,
        reason_code=read.reason_code,
        comment=read.comment.strip(),
    )


def _check(read: Read, shown: str) -> None:
    if read.presence not in Presence.values:
        raise InvalidInput(f"A finding is one of {', '.join(Presence.values)}.")
    if read.confidence is not None and not 1 <= read.confidence <= 5:  # noqa: PLR2004
        raise InvalidInput("Confidence goes from 1 (guess) to 5 (certain).")
    if shown and read.presence != shown and not read.reason_code:
        raise ReasonMissing("You disagree with the model: choose a reason.")
    if not read.reason_code:
        return
    if read.reason_code not in Reason.values:
        raise ReasonDoesNotFit(f"Unknown reason {read.reason_code[:40]!r}.")
    if not fits(read.reason_code, shown=shown, presence=read.presence):
        raise ReasonDoesNotFit(
            "FP reasons explain only a model that said present and a reader who did not, "
            "FN reasons only the reverse."
        )
    if len(read.comment.strip()) < needs_comment(read.reason_code):
        raise CommentMissing(
            f"{Reason(read.reason_code).label}: write at least "
            f"{needs_comment(read.reason_code)} characters of comment."
        )


def _lock(study: Study) -> Study:
    """Return the study with its row locked: one lock, always the same first one."""
    return Study.objects.select_for_update(of=("self",)).select_related("site").get(pk=study.pk)


def _record_refusal(refusal: PortalError, *, study: Study, by: User) -> None:
    record_alone(
        Action.REVIEW_REFUSED,
        chain=study.site.slug,
        subject=f"study:{study}",
        by=by,
        outcome=Outcome.REFUSED,
        code=refusal.code,
    )
