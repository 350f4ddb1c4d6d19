"""Read side of operating points: which cut-off counts at a site, and whose it is."""

from datetime import datetime
from typing import Any

from django.db.models import Case, Q, QuerySet, When

from portal.accounts.models import Site, User
from portal.errors import NotFound
from portal.predictions.deployment_models import ModelVersion
from portal.predictions.operating_point_models import OperatingPoint

MOST = 50  # rows of a history
BUNDLES_OWN = "the bundle's own"
"""What the trail calls the cut-off that comes with a version."""


class NoSuchOperatingPoint(NotFound):
    """There is none of this id at the site."""

    code = "no_such_operating_point"


def point_of(user: User, point_id: int) -> OperatingPoint:
    """Return an operating point of the person's site.

    Raises
    ------
    NoSuchOperatingPoint
    """
    found = OperatingPoint.objects.filter(site=user.site_id, pk=point_id)
    point = found.select_related("model_version", "site").first()
    if point is None:
        raise NoSuchOperatingPoint("There is no such operating point.")
    return point


def point_in_force(site: Site, version: ModelVersion) -> OperatingPoint | None:
    """Return the site's own operating point of ``version``; None: the bundle's own counts."""
    return OperatingPoint.objects.filter(
        site=site, model_version=version, state=OperatingPoint.State.IN_FORCE
    ).first()


def point_at(site: Site, version: ModelVersion, moment: datetime) -> OperatingPoint | None:
    """Return the site's own operating point that was in force at ``moment``, if one was."""
    decided = OperatingPoint.objects.filter(
        site=site, model_version=version, decided_at__lte=moment
    ).exclude(state=OperatingPoint.State.DECLINED)
    held = decided.filter(Q(ended_at=None) | Q(ended_at__gt=moment))
    return held.order_by("-decided_at", "-pk").first()


def points_in_force(site: Site) -> dict[int, OperatingPoint]:
    """Return the operating points in force at ``site``, by primary key of their version."""
    rows = OperatingPoint.objects.filter(site=site, state=OperatingPoint.State.IN_FORCE)
    return {row.model_version_id: row for row in rows}


def points_at(site: Site) -> QuerySet[OperatingPoint]:
    """Return the latest operating points of ``site``, of every version.

    What waits and what is in force first, then newest first.
    """
    rows = OperatingPoint.objects.filter(site=site).select_related(
        "model_version", "proposed_by", "decided_by", "ended_by"
    )
    standing = Case(
        When(state=OperatingPoint.State.WAITING, then=0),
        When(state=OperatingPoint.State.IN_FORCE, then=1),
        default=2,
    )
    return rows.order_by(standing, "-pk")[:MOST]


def held_against(
    site: Site, version: ModelVersion, score: float | None, finding: str
) -> dict[str, Any]:
    """Return the columns of a scored prediction that the cut-off in force at this moment decides.

    ``finding`` is what the classifier said at the bundle's own cut-off: it stays where that counts.
    """
    if score is None:
        return {"score": None, "threshold": None, "finding": "", "operating_point": None}
    point = point_in_force(site, version)
    held = {"score": score, "operating_point": point, "threshold": version.threshold}
    if point is None:
        return held | {"finding": finding}
    found = "present" if score >= point.threshold else "absent"
    return held | {"threshold": point.threshold, "finding": found}
