"""The version of a pack beside the others of its site, as it was known at the end of a day."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from portal.predictions.models import ModelVersion
from portal.reviews.signed_selectors import usual_days
from portal.shares import Share
from portal.watch.comparison_selectors import Side, comparison_of
from portal.watch.paired import Difference, Matched
from portal.watch.selectors import Scope
from portal.watch.subgroups import Subgroup


def comparisons_of(scope: Scope) -> list[dict[str, Any]]:
    """Return the version beside each other one that was at the site and read the same studies.

    Counts and figures alone: no study is named.
    """
    end = datetime.combine(scope.last + timedelta(days=1), time(), UTC)
    here = ModelVersion.objects.filter(
        deployments__site=scope.site, deployments__since__lt=end
    ).exclude(pk=scope.version.pk)
    found = [
        _told(scope, other, end) for other in here.distinct().order_by("name", "version", "pk")
    ]
    return [one for one in found if one["studies"]["present"] + one["studies"]["absent"]]


def _told(scope: Scope, other: ModelVersion, end: datetime) -> dict[str, Any]:
    found = comparison_of(
        scope.site,
        scope.version,
        other,
        days=usual_days(scope.last),
        as_of=end - timedelta(microseconds=1),
    )
    return {
        "signed": {"from": found.since.isoformat(), "to": found.until.isoformat()},
        "set_sha256": found.set_sha256,
        "studies": {
            "present": found.n_present,
            "absent": found.n_absent,
            "left_out_as_indeterminate": found.left_out,
            "reader_had_seen_the_ai": found.saw_ai,
        },
        "version": _side(found.live),
        "other": _side(found.challenger),
        "other_minus_version": {
            "auc": _difference(found.auc),
            "sensitivity": _difference(found.sensitivity),
            "specificity": _difference(found.specificity),
        },
        "right_on_present": _counts(found.on_present),
        "right_on_absent": _counts(found.on_absent),
        "subgroups": [_subgroup(one) for one in found.subgroups],
    }


def _subgroup(one: Subgroup) -> dict[str, Any]:
    pairs = {"sensitivity": one.sensitivity, "specificity": one.specificity}
    both = ("version", "other")
    return {
        "of": one.group,
        "value": one.value,
        "present": one.n_present,
        "absent": one.n_absent,
        "auc": dict(zip(both, one.auc, strict=True)) if one.auc else None,
        **{
            name: dict(zip(both, map(_share, found), strict=True)) if found else None
            for name, found in pairs.items()
        },
    }


def _side(side: Side) -> dict[str, Any]:
    shares = {"sensitivity": side.sensitivity, "specificity": side.specificity}
    return {
        "model": str(side.version),
        "weights_sha256": side.version.weights_sha256,
        "threshold": side.threshold,
        "threshold_is_the_sites_own": side.is_own,
        "auc": side.auc,
        **{name: _share(one) for name, one in shares.items()},
    }


def _share(one: Share) -> dict[str, Any]:
    return {"of": one.of, "found": one.found, "low": one.low, "high": one.high}


def _difference(found: Difference | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"value": found.value, "low": found.low, "high": found.high, "p": found.p}


def _counts(found: Matched) -> dict[str, int]:
    return {
        "both": found.both,
        "only_version": found.only_first,
        "only_other": found.only_second,
        "none": found.none,
    }
