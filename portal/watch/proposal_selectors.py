"""Read side of what a proposal keeps of the comparison that could be seen when it was made."""

from dataclasses import asdict
from typing import Any

from django.utils import timezone

from portal.accounts.models import Site
from portal.predictions.deployment_selectors import current_deployment
from portal.predictions.models import ModelVersion
from portal.predictions.operating_point_models import FEWEST
from portal.reviews.signed_selectors import usual_days
from portal.shares import Share
from portal.watch.comparison_selectors import Comparison, Side, comparison_of
from portal.watch.paired import Difference

PLACES = 4
"""Decimals of a figure that is kept; the set gives the others again."""


def compared_now(site: Site, version: ModelVersion) -> dict[str, Any]:
    """Return what the comparison of ``version`` with what is live says now, as plain values.

    Over the usual days. Scores and reviews are never edited, so the same comes out again
    ``as_of`` this moment. ``beside`` is None where there is nothing to compare with. Of fewer than
    `FEWEST` studies of a kind only their number is kept, and no digest of the set: from either a
    reader, who may see the trail as well, could learn what a challenger said of single studies.
    """
    now, current = timezone.now(), current_deployment(site)
    told: dict[str, Any] = {"as_of": now.isoformat(timespec="microseconds"), "beside": None}
    if current is None or current.model_version == version:
        return told
    days = usual_days(now.date())
    found = comparison_of(site, current.model_version, version, days=days, as_of=now)
    is_few = min(found.n_present, found.n_absent) < FEWEST
    figures = {} if is_few else _figures(found)
    return told | {"beside": str(current.model_version), **_counts(found), **figures}


def _counts(found: Comparison) -> dict[str, Any]:
    return {
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "n_present": found.n_present,
        "n_absent": found.n_absent,
        "left_out": found.left_out,
    }


def _figures(found: Comparison) -> dict[str, Any]:
    return {
        "set_sha256": found.set_sha256,
        "live": _side(found.live),
        "challenger": _side(found.challenger),
        "difference": {
            "auc": _difference(found.auc),
            "sensitivity": _difference(found.sensitivity),
            "specificity": _difference(found.specificity),
        },
    }


def _side(side: Side) -> dict[str, Any]:
    shares: dict[str, Share] = {"sensitivity": side.sensitivity, "specificity": side.specificity}
    right = {name: {"found": share.found, "of": share.of} for name, share in shares.items()}
    return {"threshold": side.threshold, "auc": _rounded(side.auc), **right}


def _difference(found: Difference | None) -> dict[str, float | None] | None:
    return {name: _rounded(one) for name, one in asdict(found).items()} if found else None


def _rounded(value: float | None) -> float | None:
    # not -0.0, which a database may give back as 0.0: the trail is signed
    return None if value is None else round(value, PLACES) + 0.0
