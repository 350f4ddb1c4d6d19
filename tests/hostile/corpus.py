"""The corpus, and how each case of it must end."""

import csv
from collections.abc import Iterable
from pathlib import Path

from tests.hostile import (
    baseline,
    bombs,
    identity,
    pixels,
    polyglots,
    raster,
    shipped,
    structure,
)
from tests.hostile.case import Case

FAMILIES = (baseline, structure, identity, pixels, bombs, polyglots, raster, shipped)
EXPECTED = Path(__file__).parent / "expected.csv"
COLUMNS = ("case", "answer", "code")

Ending = tuple[str, str]
"""The answer (``refused``, ``duplicate``, or how the prediction ended) and its code."""


def corpus() -> list[Case]:
    """Return every case that can be made here, those of a family in their order."""
    return [case for family in FAMILIES for case in family.cases()]


def expected() -> dict[str, Ending]:
    """Return the committed ending of every case by its name."""
    with EXPECTED.open(newline="", encoding="utf-8") as file:
        return {row["case"]: (row["answer"], row["code"]) for row in csv.DictReader(file)}


def write_expected(endings: Iterable[tuple[str, Ending]]) -> None:
    """Commit endings to the file; cases that could not be made here keep theirs."""
    found = dict(endings)
    families = {name.partition("/")[0] for name in found}
    before = expected() if EXPECTED.exists() else {}
    both = {n: end for n, end in before.items() if n.partition("/")[0] not in families} | found
    with EXPECTED.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows((name, *ending) for name, ending in sorted(both.items()))
