"""What is in a pack, by its name in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from portal.audit import keys
from portal.evidence import card, verify
from portal.evidence.archive import json_bytes
from portal.evidence.comparisons import comparisons_of
from portal.evidence.decisions import decisions_at, operating_points_at
from portal.evidence.overrides import COLUMNS, overrides_in
from portal.evidence.repeats import repeats_in
from portal.evidence.trail import slice_of
from portal.predictions.report_selectors import report_of
from portal.watch.selectors import Scope
from portal.watch.tables import csv_of, csv_text
from portal.watch.view_selectors import Watched, watched

_README = Path(__file__).with_name("README.pack.md")


def members_of(scope: Scope) -> dict[str, bytes]:
    """Return the bytes of every member. No patient is named in any of them."""
    found = watched(scope)
    return dict([*_model(scope), *_watch(found), *_decided(scope), *_trail(scope)])


def about(scope: Scope) -> dict[str, Any]:
    """Return what a pack is of, for its manifest."""
    return {
        "site": scope.site.slug,
        "model": str(scope.version),
        "from": scope.first.isoformat(),
        "to": scope.last.isoformat(),
    }


def _model(scope: Scope) -> Iterator[tuple[str, bytes]]:
    version = scope.version
    yield "model/card.md", card.card_of(version).encode()
    yield "model/manifest.json", json_bytes(version.manifest)
    yield "model/operating_points.json", json_bytes(_operating_points(scope))
    report = report_of(version)
    if report is None:
        return
    yield "model/report.json", json_bytes(report.document)
    for picture in report.pictures.order_by("name"):
        yield f"model/pictures/{picture.name}", bytes(picture.content)


def _operating_points(scope: Scope) -> dict[str, Any]:
    version = scope.version
    return {
        "weights_sha256": version.weights_sha256,
        "bundle": {
            "threshold": version.manifest.get("threshold"),
            "calibration": version.manifest.get("calibration"),
            "prevalence": version.manifest.get("prevalence"),
            "disclaimer": version.manifest.get("disclaimer"),
        },
        "site": operating_points_at(scope.site, version, scope.last),
    }


def _watch(found: Watched) -> Iterator[tuple[str, bytes]]:
    figures = {
        "summary": dict(found.summary),
        "has_reference": found.has_reference,
        "prevalence_entered": found.prevalence,
        "panels": {
            panel.slug: {"title": panel.title, "about": panel.about,
                         "columns": panel.columns, "rows": panel.rows}
            for panel in found.panels
        },
    }  # fmt: skip
    yield "watch/watch.json", json_bytes(figures)
    for panel in found.panels:
        yield f"watch/{panel.slug}.csv", csv_of(panel).encode()
    yield "watch/repeats.json", json_bytes(repeats_in(found.scope))
    yield "watch/overrides.csv", csv_text(COLUMNS, overrides_in(found.scope)).encode()


def _decided(scope: Scope) -> Iterator[tuple[str, bytes]]:
    yield "comparisons.json", json_bytes(comparisons_of(scope))
    yield "decisions.json", json_bytes(decisions_at(scope.site, scope.last))


def _trail(scope: Scope) -> Iterator[tuple[str, bytes]]:
    yield "audit/events.jsonl", slice_of(scope.site.slug, scope.first, scope.last)
    yield "audit/audit.pub", keys.public_pem()
    yield "verify.py", Path(verify.__file__).read_bytes()
    yield "README.md", _README.read_text(encoding="utf-8").format(**about(scope)).encode()
