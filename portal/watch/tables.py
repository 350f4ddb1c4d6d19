"""A table as CSV that a spreadsheet opens without running anything that is in it."""

import csv
import io
from collections.abc import Iterable, Sequence

from portal.watch.panels import Cell, Panel

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(panel: Panel) -> str:
    """Return the panel as CSV (RFC 4180), with its columns' names in the first line."""
    return csv_text(panel.columns, panel.rows)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return lines of CSV; a text that a spreadsheet would take for a formula gets a quote first.

    See OWASP, CSV Injection.
    """
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(columns)
    writer.writerows([_defused(cell) for cell in row] for row in rows)
    return stream.getvalue()


def _defused(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
