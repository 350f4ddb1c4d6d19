"""Read side of failed work: what nobody has retried or acknowledged yet, by its cause."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, Max, Min, OuterRef, QuerySet

from portal.accounts.models import User
from portal.predictions.models import Prediction
from portal.predictions.selectors import visible_predictions

MOST_CAUSES = 100


@dataclass(frozen=True, slots=True)
class Cause:
    """Failures of one code. ``detail`` and ``remedy`` are the words of the newest of them."""

    code: str
    count: int
    oldest: datetime
    newest: datetime
    detail: str
    remedy: str


def open_failures(user: User) -> QuerySet[Prediction]:
    """Return what failed, was not acknowledged and is the last word on its image, newest first."""
    later = Prediction.objects.filter(
        instance=OuterRef("instance"), requested_at__gt=OuterRef("requested_at")
    )
    failed = visible_predictions(user).filter(
        ~Exists(later), state=Prediction.State.FAILED, acknowledged_at=None
    )
    return failed.order_by("-requested_at", "pk")


def causes_of_failure(user: User) -> list[Cause]:
    """Return the open failures grouped by code, the commonest first."""
    grouped = (
        open_failures(user)
        .order_by()
        .values("code")
        .annotate(count=Count("pk"), oldest=Min("requested_at"), newest=Max("requested_at"))
        .order_by("-count", "code")[:MOST_CAUSES]
    )
    return [_cause(user, **group) for group in grouped]


def _cause(user: User, *, code: str, count: int, oldest: datetime, newest: datetime) -> Cause:
    said = open_failures(user).filter(code=code).values_list("detail", "remedy").first()
    detail, remedy = said or ("", "")
    return Cause(code, count, oldest, newest, detail, remedy)
