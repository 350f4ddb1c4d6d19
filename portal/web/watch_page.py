"""The watch page: the figures of the model in use, and the alerts that wait for somebody."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render

from portal.accounts.roles import May
from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.decision_rules import LONGEST
from portal.watch.alert_selectors import alerts_at
from portal.watch.models import Acknowledgement, Alert
from portal.watch.view_selectors import Watched, versions_used, watched
from portal.web.forms.watch import WatchForm

MOST_VALUES = 30
"""Of a group: there are few scanners, and a header can say anything."""


@dataclass(frozen=True, slots=True)
class Unsaid:
    """An answer to an alert that was refused: shown beside its form, with what was typed."""

    alert_id: int
    words: str
    act: str
    typed: str


def show_watch(
    request: AuthenticatedHttpRequest, *, unsaid: Unsaid | None = None, status: int = 200
) -> HttpResponse:
    """Return the page of the person's site, or that no model was ever live there."""
    site, versions = request.user.site, versions_used(request.user.site)
    alerts = list(alerts_at(site))
    context: dict[str, Any] = {
        "open_alerts": [(one, _says(one)) for one in alerts if _is_open(one)],
        "answered_alerts": [(one, _says(one)) for one in alerts if not _is_open(one)],
        "acts": Acknowledgement.Act.choices,
        "unsaid": unsaid,
        "longest": LONGEST,
        "may_answer": request.user.may(May.ANSWER_ALERTS),
    }
    if versions:
        form = WatchForm(request.GET, versions=versions)
        found = watched(form.scope(site))
        form.offer(_values(found))
        status = status if form.is_valid() else 422
        context |= {
            "form": form,
            "found": found,
            "query": _query(request.GET),
            "charts": [chart for panel in found.panels if (chart := panel.drawn)],
        }
    return render(request, "watch/watch.html", context, status=status)


def _values(found: Watched) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, values in found.counted.groups.items()
        for value in sorted(values)[:MOST_VALUES]
    ]


def _query(given: QueryDict) -> str:
    kept = given.copy()
    for name in set(kept) - {"version", "first", "last", "group"}:
        del kept[name]
    return kept.urlencode()


def _is_open(alert: Alert) -> bool:
    return not alert.acknowledgements.all()


def _says(alert: Alert) -> str:
    """Return in a sentence what was found."""
    found = alert.figures
    if alert.rule == Alert.Rule.DRIFT:
        return f"PSI {found['psi']:.2f} over {found['scored']} scores; above {found['bound']}."
    if alert.rule == Alert.Rule.OVERRIDES:
        return (
            f"Readers overrode the AI in {_percent(found['rate'])} of {found['read']} signed "
            f"studies; before that in {_percent(found['before'])} of {found['read_before']}."
        )
    if alert.rule == Alert.Rule.CALIBRATION:
        return (
            f"The mean score of {found['read']} signed studies is {found['mean_score']:.2f}; "
            f"readers found pneumonia in {_percent(found['present'])}."
        )
    return (
        f"{found['found']} of {found['of']} ({_percent(found['rate'])}); "
        f"above {_percent(found['bound'])} whatever chance did."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
