"""What the page about a site's own cut-off shows: a set of signed studies, and what to choose."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.decision_rules import LONGEST
from portal.predictions.models import ModelVersion, OperatingPoint
from portal.predictions.operating_point_models import FEWEST
from portal.predictions.operating_point_selectors import point_in_force, points_at
from portal.reviews.operating_point_selectors import (
    Candidate,
    candidates,
    has_scored,
    signed_set,
)
from portal.reviews.operating_point_services import LONGEST_NAME
from portal.reviews.signed_sets import SignedSet
from portal.web.forms.operating_points import SetForm


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A proposal that was not signed: shown beside its form, with what was typed."""

    words: str
    typed: dict[str, str]


def show_operating_point(
    request: AuthenticatedHttpRequest,
    version: ModelVersion,
    *,
    unsigned: Unsigned | None = None,
    status: int = 200,
) -> HttpResponse:
    """Return the page of ``version`` at the person's site; ``unsigned`` is what was refused."""
    form = SetForm(unsigned.typed if unsigned else request.GET.dict())
    status = status if form.is_valid() or unsigned else 422
    context = {
        "version": version,
        "form": form.filled_in(),
        "wrong": form.non_field_errors() if not form.is_valid() and not unsigned else None,
        "unsigned": unsigned,
        "fewest": FEWEST,
        "longest": LONGEST,
        "longest_name": LONGEST_NAME,
        **_shown(request.user, version, form.asked()),
    }
    return render(request, "models/operating_point.html", context, status=status)


def _shown(user: User, version: ModelVersion, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the set that was asked for, and the cut-offs that may be chosen on it."""
    since, until, cut_off = asked["since"], asked["until"], asked.get("cut_off")
    site, found = user.site, signed_set(user.site, version, since, until)
    in_force = point_in_force(site, version)
    return {
        "since": since,
        "until": until,
        "cut_off": cut_off,
        "has_scored": has_scored(site, version),
        "found": found,
        "counted": len(found.present) + len(found.absent),
        "enough": min(len(found.present), len(found.absent)) >= FEWEST,
        "rows": _rows(found, version, in_force, cut_off),
        "in_force": in_force,
        "waits": _waiting(user, version),
        "may_propose": user.may(May.EVALUATE_MODELS),
    }


def _rows(
    found: SignedSet, version: ModelVersion, in_force: OperatingPoint | None, cut_off: float | None
) -> list[Candidate]:
    offered = list(candidates(found, version, in_force))
    mine = [] if cut_off is None else [Candidate("What you chose", found.at(cut_off))]
    return [*mine, *offered]


def _waiting(user: User, version: ModelVersion) -> OperatingPoint | None:
    waiting = OperatingPoint.State.WAITING
    rows = (row for row in points_at(user.site) if row.state == waiting)
    return next((row for row in rows if row.model_version == version), None)
