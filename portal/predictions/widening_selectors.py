"""Read side of widenings: what a site lets a model version score besides its intended use."""

from collections.abc import Iterable

from django.db.models import Case, QuerySet, When

from portal.accounts.models import Site, User
from portal.errors import NotFound
from portal.predictions.deployment_models import ModelVersion
from portal.predictions.widening_models import Widening

MOST = 50  # rows of a history


class NoSuchWidening(NotFound):
    """There is none of this id at the site."""

    code = "no_such_widening"


def widening_of(user: User, widening_id: int) -> Widening:
    """Return a widening of the person's site.

    Raises
    ------
    NoSuchWidening
    """
    found = Widening.objects.filter(site=user.site_id, pk=widening_id)
    widening = found.select_related("model_version", "site").first()
    if widening is None:
        raise NoSuchWidening("There is no such widening.")
    return widening


def widening_in_force(site: Site, version: ModelVersion) -> Widening | None:
    """Return what ``site`` lets ``version`` score besides its intended use, if anything."""
    return widenings_in_force([site.pk], version).get(site.pk)


def widenings_in_force(sites: Iterable[int], version: ModelVersion) -> dict[int, Widening]:
    """Return the widening of ``version`` that is in force at each of ``sites``. One query."""
    rows = Widening.objects.filter(
        site__in=set(sites), model_version=version, state=Widening.State.IN_FORCE
    )
    return {row.site_id: row for row in rows}


def widenings_at(site: Site) -> QuerySet[Widening]:
    """Return the latest widenings of ``site``: what waits and what is in force, then newest first.

    Of every version: one that is live again has its widening again.
    """
    rows = Widening.objects.filter(site=site).select_related(
        "model_version", "proposed_by", "decided_by", "ended_by"
    )
    standing = Case(
        When(state=Widening.State.WAITING, then=0),
        When(state=Widening.State.IN_FORCE, then=1),
        default=2,
    )
    return rows.order_by(standing, "-pk")[:MOST]
