"""Write side of reviews: findings, and the signatures under them."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.accounts.services import confirm_password
from portal.audit.services import Action, record, refusals_recorded
from portal.errors import Conflict, Forbidden, InvalidInput, ReasonMissing, Stale
from portal.predictions.selectors import leading_prediction
from portal.reviews.answer_services import fingerprint, remember, signed_before
from portal.reviews.models import Finding, Presence, Purpose, Review
from portal.reviews.reasons import Reason, fits, needs_comment
from portal.reviews.selectors import current_review
from portal.reviews.version_selectors import version_of
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


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which a review is signed.

    ``decided_on`` holds versions of the study (`version_of`), one of which must still be the
    present one; None asks for none. ``key`` is the client's Idempotency-Key: a request sent again
    after its answer was lost gets the same review.
    """

    decided_on: frozenset[str] | None = None
    key: str = ""


def sign_review(
    *, study: Study, read: Read, password: str, by: User, on: Conditions = Conditions()
) -> Review:
    """Return the signed first review of ``study``; refusals are audited too.

    Raises
    ------
    MayNotSign, PasswordWrong, AlreadyReviewed, Stale, KeyReused, ReasonMissing,
    ReasonDoesNotFit, CommentMissing, InvalidInput
    """
    with _answered_for(study, by):
        _may_sign(by, password)
        return _sign_first(study=study, read=read, by=by, on=on)


def amend_review(
    *,
    review: Review,
    read: Read,
    amend_reason: str,
    password: str,
    by: User,
    on: Conditions = Conditions(),
) -> Review:
    """Return the review that supersedes ``review``; the old one stays for ever.

    Raises
    ------
    MayNotSign, PasswordWrong, NotYourReview, ReviewChanged, Stale, KeyReused, AmendReasonMissing,
    ReasonMissing, ReasonDoesNotFit, CommentMissing, InvalidInput
    """
    with _answered_for(review.study, by):
        _may_sign(by, password)
        if not amend_reason.strip():
            raise AmendReasonMissing("Say why the review is amended.")
        why = amend_reason.strip()
        return _sign_amendment(review=review, read=read, amend_reason=why, by=by, on=on)


def _may_sign(by: User, password: str) -> None:
    if not by.may(May.SIGN):
        raise MayNotSign("Signing is for reviewers and adjudicators.")
    confirm_password(user=by, password=password)


@transaction.atomic
def _sign_first(*, study: Study, read: Read, by: User, on: Conditions) -> Review:
    study = _lock(study)
    sent = fingerprint("sign", study.pk, read)
    if again := signed_before(key=on.key, sent=sent, by=by):
        return again
    _refuse_stale(study, on)
    if current_review(study):
        raise AlreadyReviewed("A colleague has signed this study; you can read their review.")
    review = _write(study=study, read=read, by=by)
    return remember(review, key=on.key, sent=sent, by=by)


@transaction.atomic
def _sign_amendment(
    *, review: Review, read: Read, amend_reason: str, by: User, on: Conditions
) -> Review:
    study = _lock(review.study)
    sent = fingerprint("amend", review.pk, read, amend_reason)
    if again := signed_before(key=on.key, sent=sent, by=by):
        return again
    _refuse_stale(study, on)
    if current_review(study) != review:
        raise ReviewChanged("The review was amended since you opened it; look at it again.")
    if review.reviewer_id != by.pk:
        raise NotYourReview("Only the person who signed a review may amend it.")
    new = _write(study=study, read=read, by=by, supersedes=review, amend_reason=amend_reason)
    return remember(new, key=on.key, sent=sent, by=by)


def _refuse_stale(study: Study, on: Conditions) -> None:
    if on.decided_on is not None and version_of(study) not in on.decided_on:
        raise Stale("The study has changed since you read it; look at it again.")


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


def _answered_for(study: Study, by: User) -> AbstractContextManager[None]:
    subject = f"study:{study}"
    return refusals_recorded(Action.REVIEW_REFUSED, chain=study.site.slug, subject=subject, by=by)
