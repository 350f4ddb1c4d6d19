"""What the page that compares a version with the live one shows."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from portal.accounts.roles import May
from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.deployment_selectors import live_version
from portal.predictions.models import ModelVersion
from portal.predictions.operating_point_models import FEWEST
from portal.shares import Share
from portal.watch.comparison_selectors import Comparison, Side, TooFewToTell, comparison_for
from portal.watch.paired import Difference
from portal.watch.selectors import GROUPS
from portal.watch.subgroups import Subgroup
from portal.web.forms.operating_points import DaysForm
from portal.web.templatetags.overread import with_interval

_TOO_FEW = "too few"
Row = tuple[str, str, str, "Gap | None"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference in words, and its p."""

    words: str
    p: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """A subgroup in words: of each figure what it is of the live version, and of the other."""

    group: str
    value: str
    counts: str
    figures: list[tuple[str, tuple[str, str]]]


def show_comparison(request: AuthenticatedHttpRequest, version: ModelVersion) -> HttpResponse:
    """Return the page of ``version`` beside what is live at the person's site."""
    site, form = request.user.site, DaysForm(request.GET.dict())
    found, too_few = None, None
    try:
        found = comparison_for(request.user, version, form.days())
    except TooFewToTell as error:
        too_few = error
    context: dict[str, Any] = {
        "version": version,
        "form": form.filled_in(),
        "wrong": None if form.is_valid() else form.non_field_errors(),
        "found": found,
        "too_few": too_few,
        "is_live": live_version(site) == version,
        "may_see": request.user.may(May.SEE_STUDIES),
    }
    if found:
        context |= {"rows": rows_of(found), "matched": _matched(found), "fewest": FEWEST}
        context["parts"] = [_part(one) for one in found.subgroups]
    status = 200 if form.is_valid() else 422
    return render(request, "models/comparison.html", context, status=status)


def rows_of(found: Comparison) -> list[Row]:
    """Return each figure: its name, of the live version, of the other, and the difference."""
    live, other = found.live, found.challenger
    return [
        ("Cut-off", _cut_off(live), _cut_off(other), None),
        ("AUC", _number(live.auc), _number(other.auc), _gap(found.auc)),
        ("Sensitivity", *_both(live.sensitivity, other.sensitivity), _gap(found.sensitivity)),
        ("Specificity", *_both(live.specificity, other.specificity), _gap(found.specificity)),
    ]


def _matched(found: Comparison) -> list[tuple[str, Any]]:
    return [("Pneumonia", found.on_present), ("No pneumonia", found.on_absent)]


def _part(one: Subgroup) -> Part:
    few = _TOO_FEW, _TOO_FEW
    aucs = (_number(one.auc[0]), _number(one.auc[1])) if one.auc else few
    figures = [
        ("AUC", aucs),
        ("Sensitivity", _both(*one.sensitivity) if one.sensitivity else few),
        ("Specificity", _both(*one.specificity) if one.specificity else few),
    ]
    counts = f"{one.n_present} with, {one.n_absent} without"
    return Part(GROUPS[one.group], one.value, counts, figures)


def _cut_off(side: Side) -> str:
    return f"{side.threshold:.4f}, {'chosen here' if side.is_own else 'its own'}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _both(live: Share, other: Share) -> tuple[str, str]:
    return str(with_interval(live)), str(with_interval(other))


def _gap(found: Difference | None) -> Gap | None:
    if found is None:
        return None
    interval = "" if found.low is None else f" ({found.low:+.3f} to {found.high:+.3f})"
    return Gap(f"{found.value:+.3f}{interval}", found.p)
