"""Who decided what on the models of a site, as it was known at the end of a day."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Model, Q

from portal.accounts.models import Site
from portal.predictions.models import (
    Deployment,
    ModelVersion,
    OperatingPoint,
    Pause,
    Proposal,
    SitePrevalence,
    Widening,
)
from portal.shares import Share
from portal.watch.models import Acknowledgement, Alert

_WORDS: dict[str, tuple[str, ...]] = {
    "deployments": (
        "model_version",
        "since",
        "until",
        "proposal",
        "is_challenger",
        "reads_from",
        "share",
        "seed",
        "started_by",
        "why",
    ),
    "proposals": (
        "model_version",
        "kind",
        "share",
        "why",
        "compared",
        "proposed_by",
        "proposed_at",
    ),
    "pauses": ("deployment", "reason", "paused_by", "paused_at"),
    "widenings": ("model_version", "allows", "why", "proposed_by", "proposed_name", "proposed_at"),
    "operating_points": (
        "model_version",
        "threshold",
        "set_name",
        "since",
        "until",
        "set_sha256",
        "n_present",
        "n_absent",
        "left_out",
        "saw_ai",
        "sensitivity",
        "specificity",
        "why",
        "proposed_by",
        "proposed_name",
        "proposed_at",
    ),
    "prevalences": ("share", "basis", "entered_by", "entered_at"),
    "alerts": ("model_version", "rule", "scanner", "week", "figures", "raised_at"),
    "acknowledgements": ("alert", "act", "words", "by", "by_name", "at"),
}
_LATER: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "deployments": (("until", ("until",)),),
    "proposals": (("decided_at", ("state", "decided_by", "decided_at", "note")),),
    "pauses": (("resumed_at", ("resumed_by", "resumed_at", "note")),),
    "widenings": (
        ("decided_at", ("decided_by", "decided_name", "decided_at", "note")),
        ("ended_at", ("state", "ended_by", "ended_at", "end_reason")),
    ),
    "operating_points": (
        ("decided_at", ("decided_by", "decided_name", "decided_at", "note")),
        ("ended_at", ("state", "ended_by", "ended_at", "end_reason")),
    ),
}
"""What is told of a row only if it had come by the end: the moment, and what came with it."""


def decisions_at(site: Site, last: date) -> dict[str, list[dict[str, Any]]]:
    """Return every decision at ``site`` up to the end of ``last``, oldest first."""
    end = datetime.combine(last + timedelta(days=1), time(), UTC)
    people = ("proposed_by", "decided_by")
    rows: dict[str, Any] = {
        "deployments": Deployment.objects.filter(site=site, since__lt=end),
        "proposals": Proposal.objects.filter(site=site, proposed_at__lt=end).select_related(
            *people
        ),
        "pauses": Pause.objects.filter(deployment__site=site, paused_at__lt=end),
        "widenings": Widening.objects.filter(site=site, proposed_at__lt=end),
        "operating_points": OperatingPoint.objects.filter(site=site, proposed_at__lt=end),
        "prevalences": SitePrevalence.objects.filter(site=site, entered_at__lt=end),
        "alerts": Alert.objects.filter(site=site, raised_at__lt=end),
        "acknowledgements": Acknowledgement.objects.filter(Q(alert__site=site), at__lt=end),
    }
    return {
        name: [_told(name, row, end) for row in found.order_by("pk")]
        for name, found in rows.items()
    }


def operating_points_at(site: Site, version: ModelVersion, last: date) -> list[dict[str, Any]]:
    """Return the cut-offs that ``site`` chose for ``version`` up to the end of ``last``."""
    rows = decisions_at(site, last)["operating_points"]
    return [row for row in rows if row["model_version"]["id"] == version.pk]


def _told(kind: str, row: Model, end: datetime) -> dict[str, Any]:
    told = {"id": row.pk, **{name: _plain(getattr(row, name)) for name in _WORDS[kind]}}
    for moment, names in _LATER.get(kind, ()):
        at = getattr(row, moment)
        has_come = at is not None and at < end
        told |= {name: _plain(getattr(row, name)) if has_come else None for name in names}
    return told


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: people by username, rows by what they are called."""
    if isinstance(value, Model):
        username = getattr(value, "username", None)
        return username or {"id": value.pk, "is": str(value) if kind_is_named(value) else ""}
    if isinstance(value, Share):
        shown = {"of": value.of, "found": value.found, "value": value.value}
        return shown | {"interval_95": [value.low, value.high]}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value.isoformat() if isinstance(value, date) else value


def kind_is_named(value: Model) -> bool:
    """Return whether the words of a row stay the same: those with a state in them do not."""
    return type(value).__name__ == "ModelVersion"
