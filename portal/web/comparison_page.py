"""What the page that compares a version with the live one shows."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from portal.accounts.roles import May
from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.deployment_selectors import live_version
from portal.predictions.models import ModelVersion
from portal.shares import Share
from portal.watch.comparison_selectors import Comparison, Side, comparison_for
from portal.watch.paired import Difference
from portal.web.templatetags.overread import with_interval


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference in words, and its p."""

    words: str
    p: float | None


def show_comparison(request: AuthenticatedHttpRequest, version: ModelVersion) -> HttpResponse:
    """Return the page of ``version`` beside what is live at the person's site."""
    site = request.user.site
    found = comparison_for(request.user, version)
    context: dict[str, Any] = {
        "version": version,
        "found": found,
        "is_live": live_version(site) == version,
        "may_see": request.user.may(May.SEE_STUDIES),
    }
    if found:
        context |= {"rows": _rows(found), "matched": _matched(found)}
    return render(request, "models/comparison.html", context)


def _rows(found: Comparison) -> list[tuple[str, str, str, Gap | None]]:
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
