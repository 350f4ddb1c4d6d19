"""What did not come out again: stored scores, and golden images in workers. Counts alone."""

from collections import Counter
from typing import Any

from django.db.models import Count, Max, Min, QuerySet

from portal.audit.models import AuditEvent
from portal.audit.services import SYSTEM, Action
from portal.watch.selectors import Scope, days_of


def repeats_in(scope: Scope) -> dict[str, Any]:
    """Return how many doubts about the version's numbers the trails hold of these days.

    Scores are those of the site. A drift is of a worker, which reads for every site, so it stands
    in the chain of the whole installation and not in that of the site.
    """
    scores = _events(scope, scope.site.slug, Action.PREDICTION_NOT_REPRODUCED)
    scores = scores.filter(detail__model=str(scope.version))
    drifts = _events(scope, SYSTEM, Action.MODEL_DRIFTED).filter(subject=f"model:{scope.version}")
    codes = Counter(scores.values_list("detail__code", flat=True))
    return {
        "scores_not_reproduced": {
            "of": "the site",
            **_counted(scores, scores="subject"),
            "by_code": dict(sorted(codes.items())),
        },
        "workers_that_drifted": {
            "of": "the installation",
            **_counted(drifts, workers="detail__worker"),
        },
    }


def _events(scope: Scope, chain: str, action: Action) -> QuerySet[AuditEvent]:
    after, before = days_of(scope)
    events = AuditEvent.objects.filter(chain=chain, action=action, at__gte=after, at__lt=before)
    return events.order_by()


def _counted(events: QuerySet[AuditEvent], **distinct: str) -> dict[str, Any]:
    many = {name: Count(column, distinct=True) for name, column in distinct.items()}
    found = events.aggregate(events=Count("pk"), first=Min("at"), last=Max("at"), **many)
    days = {name: one and one.date().isoformat() for name, one in found.items() if name in _ENDS}
    return {**found, **days}


_ENDS = ("first", "last")
