"""What must be true of operating points, of what was held against them, and of their events."""

from collections import Counter
from collections.abc import Iterator

from django.db.models import F

from portal.audit.models import AuditEvent
from portal.predictions.models import OperatingPoint, Prediction
from portal.reviews.operating_point_selectors import set_holds

Action = AuditEvent.Action
State = OperatingPoint.State


def operating_point_breaches() -> Iterator[str]:
    """Yield what contradicts that a cut-off is its site's, its version's and its set's."""
    held = Prediction.objects.exclude(operating_point=None)
    own = held.filter(
        operating_point__site=F("site"),
        operating_point__model_version=F("model_version"),
        operating_point__threshold=F("threshold"),
        operating_point__decided_at__lte=F("finished_at"),
    )
    for prediction in held.exclude(pk__in=own.values("pk")):
        yield f"prediction {prediction.pk}: the operating point it was held against is not its own"
    signed = OperatingPoint.objects.filter(state__in=(State.IN_FORCE, State.REPLACED))
    for point in signed.select_related("site", "model_version"):
        if not set_holds(point):
            yield f"operating point {point.pk}: its set does not come out again"


def operating_point_acts() -> Iterator[tuple[Counter[tuple[str, str]], AuditEvent.Action]]:
    """Yield how often each act on a cut-off was done, by chain and subject, and its event."""
    rows = OperatingPoint.objects.select_related("site", "model_version")
    decided = rows.exclude(decided_at=None)
    for found, action in (
        (rows, Action.OPERATING_POINT_PROPOSED),
        (decided.exclude(state=State.DECLINED), Action.OPERATING_POINT_APPROVED),
        (decided.filter(state=State.DECLINED), Action.OPERATING_POINT_DECLINED),
        (rows.filter(state=State.WITHDRAWN), Action.OPERATING_POINT_WITHDRAWN),
    ):
        yield Counter((row.site.slug, f"model:{row.model_version}") for row in found), action
