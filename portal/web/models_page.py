"""Everything that the models page shows, and what the person may do there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from portal.accounts.models import Site, User
from portal.accounts.roles import DECIDES_ON_MODELS, LOOKS_AT_CUT_OFFS, May
from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.challenger_services import MOST_DAYS
from portal.predictions.decision_rules import LONGEST
from portal.predictions.deployment_models import LARGEST_SHARE, Deployment, ModelVersion, Proposal
from portal.predictions.deployment_selectors import (
    challenger_at,
    current_deployment,
    deployments_at,
    open_pause,
    proposals_at,
    troubles,
    version_before,
    versions_at,
)
from portal.predictions.operating_point_models import OperatingPoint
from portal.predictions.operating_point_selectors import points_at
from portal.predictions.prevalence_selectors import prevalence_at, prevalences_at
from portal.predictions.replay_selectors import not_reproduced_lately
from portal.predictions.shadow_selectors import shadow_count
from portal.predictions.widening_models import Widening
from portal.predictions.widening_selectors import widenings_at
from portal.predictions.wider import BODY_PARTS, MODALITIES, VIEWS
from portal.watch.comparison_selectors import TooFewToTell, comparison_for
from portal.web.comparison_page import rows_of
from portal.web.forms.models import WideningForm

_WORDS = (
    ("views", "Views", VIEWS),
    ("modalities", "Modalities", MODALITIES),
    ("body_parts", "Body parts", BODY_PARTS),
)


@dataclass(frozen=True, slots=True)
class Refused:
    """An act that was not done: shown beside its form, with what was typed.

    ``version_id`` is 0 for what concerns no version, and of a widening its own id; ``share`` is
    what was typed into the other field of the form, if it has one.
    """

    act: str
    version_id: int
    words: str
    typed: str
    share: str = ""


def show_models(
    request: AuthenticatedHttpRequest,
    *,
    refused: Refused | None = None,
    widening: WideningForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Return the models page of the person's site; ``widening`` is a form that was refused."""
    user, site = request.user, request.user.site
    proposals = list(proposals_at(site))
    current = current_deployment(site)
    waiting = [p for p in proposals if p.state == Proposal.State.WAITING]
    context = {
        "current": current,
        "pause": open_pause(site),
        "versions": [v for v in versions_at(site) if current is None or v != current.model_version],
        "waiting": waiting,
        "figures": _figures(user, waiting),
        "proposed": {p.model_version_id for p in waiting},
        "decided": [
            p for p in proposals if p.state in (Proposal.State.DECLINED, Proposal.State.WITHDRAWN)
        ],
        "deployments": deployments_at(site),
        "before": version_before(site),
        **_trial(site),
        "here": prevalence_at(site),
        "entered": list(prevalences_at(site)),
        "troubles": troubles(),
        "not_reproduced": not_reproduced_lately(site),
        "refused": refused,
        "longest": LONGEST,
        "largest_share": LARGEST_SHARE,
        "most_days": MOST_DAYS,
        **_widenings(site, current, widening),
        **_operating_points(site),
        **_allowed(user),
    }
    return render(request, "models/models.html", context, status=status)


def _figures(user: User, waiting: Iterable[Proposal]) -> dict[int, Any]:
    """Return what is proposed beside what is live, by version, for those who watch."""
    if not user.may(May.WATCH_MODEL):
        return {}
    return {p.model_version_id: _beside(user, p.model_version) for p in waiting}


def _beside(user: User, version: ModelVersion) -> dict[str, Any] | None:
    try:
        both = comparison_for(user, version)
    except TooFewToTell as error:
        return {"too_few": error}
    return {"found": both, "rows": rows_of(both)} if both else None


def _widenings(site: Site, current: Deployment | None, sent: WideningForm | None) -> dict[str, Any]:
    """Return what is in force, waits or is over, and the words that a new one may name."""
    rows, version = list(widenings_at(site)), current and current.model_version
    mine = [row for row in rows if row.model_version == version]
    waits = [row for row in mine if row.state == Widening.State.WAITING]
    widened = next((row for row in mine if row.state == Widening.State.IN_FORCE), None)
    use = (version.manifest.get("intended_use") or {}) if version else {}
    return {
        "widening": sent,
        "widened": widened,
        "widening_waits": waits,
        "widening_past": [row for row in rows if row != widened and row not in waits],
        "widening_words": [
            (name, legend, _boxes(name, words, use, widened, sent))
            for name, legend, words in _WORDS
        ],
    }


def _operating_points(site: Site) -> dict[str, Any]:
    """Return the cut-offs in force here by their version, what waits, and what is over."""
    rows = list(points_at(site))
    in_force = [row for row in rows if row.state == OperatingPoint.State.IN_FORCE]
    waits = [row for row in rows if row.state == OperatingPoint.State.WAITING]
    return {
        "points": {row.model_version_id: row for row in in_force},
        "point_waits": waits,
        "point_past": [row for row in rows if row not in in_force and row not in waits],
    }


def _trial(site: Site) -> dict[str, Any]:
    """Return what is tried beside the live version, and how far it is."""
    challenger = challenger_at(site)
    return {"challenger": challenger, "shadow": shadow_count(challenger) if challenger else None}


def _boxes(
    name: str,
    words: Iterable[str],
    use: Mapping[str, Any],
    widened: Widening | None,
    sent: WideningForm | None,
) -> list[tuple[str, bool]]:
    """Return each word that the intended use lacks, and whether its box is ticked."""
    ticked = sent.chosen(name) if sent else getattr(widened, name, [])
    return [(word, word in ticked) for word in words if word not in use.get(name, ())]


def _allowed(user: User) -> dict[str, bool]:
    return {
        "may_propose": user.may(May.EVALUATE_MODELS),
        "may_decide": user.may(May.APPROVE_MODELS),
        "may_cosign": user.may(May.SIGN),
        "may_look": any(map(user.may, LOOKS_AT_CUT_OFFS)),
        "may_pause": user.may(May.PAUSE_MODEL),
        "may_watch": user.may(May.WATCH_MODEL),
        "may_narrow": any(user.may(act) for act in DECIDES_ON_MODELS),
    }
