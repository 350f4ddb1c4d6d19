"""What a client was answered for an Idempotency-Key: the same request gets the same review."""

import hashlib
import json
from dataclasses import asdict, is_dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from portal.accounts.models import User
from portal.audit.services import Action, record
from portal.reviews.models import Review, ReviewAnswer
from portal.studies.services import ANSWERS_KEPT, KeyReused


def fingerprint(*content: Any) -> str:
    """Return SHA-256 of what makes two requests the same. The password does not."""
    plain = [asdict(part) if is_dataclass(part) else part for part in content]  # type: ignore[arg-type]
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()


def signed_before(*, key: str, sent: str, by: User) -> Review | None:
    """Return the review that ``key`` stands for, if any; the trail says that it was asked again.

    Raises
    ------
    KeyReused
        The key stands for another request.
    """
    answers = ReviewAnswer.objects.filter(user=by, key=key).select_related("review__study__site")
    answer = answers.first() if key else None
    if answer is None:
        return None
    if answer.fingerprint != sent:
        raise _reused()
    review = answer.review
    record(
        Action.REVIEW_REPEATED,
        chain=review.study.site.slug,
        subject=f"study:{review.study}",
        by=by,
        review=review.pk,
    )
    return review


def remember(review: Review, *, key: str, sent: str, by: User) -> Review:
    """Return ``review``, which ``key`` stands for from now on.

    Raises
    ------
    KeyReused
        Another request took the key at the same moment; nothing is signed.
    """
    if not key:
        return review
    try:
        with transaction.atomic():
            ReviewAnswer.objects.create(user=by, key=key, fingerprint=sent, review=review)
    except IntegrityError as error:
        raise _reused() from error
    return review


@transaction.atomic
def forget_review_answers(older_than: timedelta = ANSWERS_KEPT) -> None:
    """Delete what no client will ask for again."""
    ReviewAnswer.objects.filter(created_at__lt=Now() - older_than).delete()


def _reused() -> KeyReused:
    return KeyReused("This Idempotency-Key was used for another review.")
