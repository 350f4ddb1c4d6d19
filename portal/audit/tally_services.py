"""How often things happened, counted as they happen: a million rows are too many to count anew.

See docs/decisions/0013. Nothing is decided by a tally; it is what `/metrics` tells.
"""

from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection

from portal.audit.models import Tally

BUCKETS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800)
"""Upper bounds of durations, in seconds; what took longer is counted under ``+Inf``."""


class Mark(NamedTuple):
    """One thing to count: what, of which kind, and how many seconds of it."""

    name: str
    label: str = ""
    seconds: float = 0.0


def count(chain: str, marks: Iterable[Mark], *, times: int = 1) -> None:
    """Add ``times`` to the tally of each mark, in the caller's transaction.

    One statement, rows in one order, so that two writers never wait for each other crosswise.
    """
    rows = sorted(set(marks))
    if not rows:
        return
    table = connection.ops.quote_name(Tally._meta.db_table)
    values = ", ".join(["(%s, %s, %s, %s, %s)"] * len(rows))
    upsert = (
        f"INSERT INTO {table} (chain, name, label, count, seconds) VALUES {values} "  # noqa: S608 (our own names)
        "ON CONFLICT (chain, name, label) DO UPDATE SET "
        f"count = {table}.count + excluded.count, seconds = {table}.seconds + excluded.seconds"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            upsert,
            [value for row in rows for value in (chain, row.name, row.label, times, row.seconds)],
        )


def duration(name: str, seconds: float) -> Mark:
    """Return the mark of something that took ``seconds``."""
    seconds = max(0.0, seconds)
    bound = next((bound for bound in BUCKETS if seconds <= bound), None)
    return Mark(name, "+Inf" if bound is None else str(bound), seconds)
