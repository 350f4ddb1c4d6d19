"""Read side of what a proposal keeps of the comparison that could be seen when it was made."""

from dataclasses import asdict
from functools import cached_property
from typing import Any

from django.utils import timezone

from portal.accounts.models import Site, User
from portal.accounts.roles import May
from portal.predictions.deployment_selectors import challenger_at, current_deployment
from portal.predictions.models import ModelVersion, Proposal
from portal.predictions.operating_point_models import FEWEST
from portal.reviews.signed_selectors import usual_days
from portal.shares import Share
from portal.watch.comparison_selectors import Comparison, Side, comparison_of, is_kept_from
from portal.watch.paired import Difference

PLACES = 4
"""Decimals of a figure that is kept; the set gives the others again."""


def compared_now(site: Site, version: ModelVersion) -> dict[str, Any]:
    """Return what the comparison of ``version`` with what is live says now, as plain values.

    Over the usual days. Scores and reviews are never edited, so the same comes out again
    ``as_of`` this moment. ``beside`` is None where there is nothing to compare with.
    """
    now, current = timezone.now(), current_deployment(site)
    told: dict[str, Any] = {"as_of": now.isoformat(timespec="microseconds"), "beside": None}
    if current is None or current.model_version == version:
        return told
    days = usual_days(now.date())
    found = comparison_of(site, current.model_version, version, days=days, as_of=now)
    return told | {"beside": str(current.model_version), **_set(found), **_figures(found)}


class Told:
    """What somebody is told of what proposals keep: nothing who does not watch models.

    Who reads is told figures of a version that is tried from `FEWEST` studies of each kind on.
    """

    def __init__(self, user: User) -> None:
        self._user = user

    def of(self, proposal: Proposal) -> dict[str, Any] | None:
        """Return what ``proposal`` keeps, if it is for them."""
        kept = proposal.compared
        if not kept or not self._user.may(May.WATCH_MODEL):
            return None
        counts = kept.get("n_present", 0), kept.get("n_absent", 0)
        is_few = any(counts) and min(counts) < FEWEST
        return None if is_few and proposal.model_version_id == self._tried else kept

    @cached_property
    def _tried(self) -> int | None:
        """Return the version that is tried at their site and kept from them, if one is."""
        tried = challenger_at(self._user.site)
        is_kept = tried is not None and is_kept_from(self._user, tried.model_version)
        return tried.model_version_id if tried and is_kept else None


def _set(found: Comparison) -> dict[str, Any]:
    return {
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "set_sha256": found.set_sha256,
        "n_present": found.n_present,
        "n_absent": found.n_absent,
        "left_out": found.left_out,
    }


def _figures(found: Comparison) -> dict[str, Any]:
    return {
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
