"""The model card: Markdown made from a bundle's ``report.json`` and from nothing else."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference.bundle import BundleBroken
from inference.training.cards import doubts, making, measured

SCHEMA = 2
"""Of the report that a card is made of."""
SECTIONS = (
    making.head,
    making.use,
    making.making,
    making.chosen,
    making.gates,
    measured.measured,
    measured.published,
    measured.subgroups,
    doubts.disturbances,
    doubts.shortcuts,
    doubts.errors,
    doubts.aims,
    doubts.notes,
    making.maps,
    making.licences,
)


def card(report: Mapping[str, Any]) -> str:
    """Return the whole card; the same report gives the same text.

    Parameters
    ----------
    report : mapping
        The contents of ``report.json``, schema 2. Any part may be missing: the card then says
        that it was not measured.
    """
    return "\n\n".join(part(report) for part in SECTIONS) + "\n"


def read_report(bundle: Path) -> Mapping[str, Any]:
    """Return the report in the folder ``bundle``.

    Raises
    ------
    BundleBroken
        There is none, it is not JSON, or it is of another schema.
    """
    try:
        report = json.loads((bundle / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleBroken(f"{bundle.name} has no readable report.json.") from error
    schema = report.get("schema") if isinstance(report, dict) else None
    if schema != SCHEMA:
        raise BundleBroken(
            f"The report.json of {bundle.name} is of schema {schema or 1}; "
            f"a card is made of schema {SCHEMA}."
        )
    return dict(report)
