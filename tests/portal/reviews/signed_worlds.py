"""Signed studies by the dozen, and cut-offs chosen on them."""

from datetime import timedelta

from django.utils import timezone

from portal.reviews.operating_point_services import (
    Choice,
    approve_operating_point,
    propose_operating_point,
)
from tests.factories import PASSWORD, make_user
from tests.portal.watch.worlds import scanned

PRESENT = tuple(0.3 + 0.05 * place for place in range(12))  # 0.3 to 0.85
ABSENT = tuple(0.05 + 0.05 * place for place in range(15))  # 0.05 to 0.75


def sign_studies(site, version, by, present=PRESENT, absent=ABSENT, **more):
    """Write a signed study for each score, by what the person saw in it."""
    at = timezone.now() - timedelta(minutes=5)
    for presence, scores in (("present", present), ("absent", absent)):
        for score in scores:
            scanned(site, version, by, at=at, score=score, presence=presence, **more)


def choice_of(threshold=0.4, name="First spring"):
    """Return a cut-off chosen on what was signed in these days."""
    today = timezone.now().date()
    return Choice(threshold, name, today - timedelta(days=30), today + timedelta(days=1))


def chosen_point(site, version, threshold=0.4, *, by=None, approved=True):
    """Return a cut-off of ``site`` on studies that are signed there, in force or waiting."""
    point = propose_operating_point(
        version=version, choice=choice_of(threshold), why="Our own.", password=PASSWORD,
        by=by or make_user(site, "data_scientist"),
    )  # fmt: skip
    if not approved:
        return point
    reviewer = make_user(site, "reviewer")
    return approve_operating_point(point=point, note="Seen.", password=PASSWORD, by=reviewer)
