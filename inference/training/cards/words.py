"""Markdown from Python: figures with their intervals, tables, and what is missing."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Report = Mapping[str, Any]
Limits = tuple[float, float]

MISSING = "not measured"
NORMAL_95 = 1.959964
SPLITS = {
    "val": "val (chosen on)",
    "test_internal": "internal test",
    "external_report": "other hospital",
    "official_test_28": "public test at 28 pixels",
}
"""The parts of ``splits`` and what the card calls them."""

SECOND = "external_dev"
"""The part of the second hospital's radiographs that a model may have learned from."""


def titles(report: Report) -> Mapping[str, str]:
    """Return `SPLITS`; a hospital that was learned from is the second one, and no other."""
    learned = {"external_report": "second hospital"} if learned_from_second(report) else {}
    return {**SPLITS, **learned}


def learned_from_second(report: Report) -> bool:
    """Return whether radiographs of the external report's hospital were learned from."""
    return bool(at(report, "training", "images", SECOND))


def at(report: object, *keys: str) -> Any:
    """Return what lies below ``keys``; None where there is nothing."""
    for key in keys:
        if not isinstance(report, Mapping):
            return None
        report = report.get(key)
    return report


def said(value: object, digits: int = 3) -> str:
    """Return one value in words: fractions with ``digits`` decimals, None as not measured."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{digits}f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def figure(part: object, name: str) -> str:
    """Return the figure ``name`` of a part of the report with its interval."""
    value, interval = at(part, name), at(part, f"{name}_ci")
    if value is None or not interval:
        return said(value)
    return f"{said(value)} ({said(interval[0])} to {said(interval[1])})"


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share of 1 as per cent."""
    return MISSING if share is None else f"{100 * share:.{digits}f} %"


def share(part: int, whole: int) -> str:
    """Return a share with its Wilson interval, as "2 of 50 (4.0 %; 1.1 % to 13.5 %)"."""
    low, high = wilson(part, whole)
    value = percent(part / whole)
    return f"{part:,} of {whole:,} ({value}; {percent(low)} to {percent(high)})"


def wilson(part: int, whole: int) -> Limits:
    """Return the 95 % interval of a share: Wilson 1927, doi 10.1080/01621459.1927.10502953."""
    found, z2 = part / whole, NORMAL_95**2
    middle = (found + z2 / (2 * whole)) / (1 + z2 / whole)
    spread = found * (1 - found) / whole + z2 / (4 * whole**2)
    half = NORMAL_95 * math.sqrt(spread) / (1 + z2 / whole)
    return max(0.0, middle - half), min(1.0, middle + half)


def mean_of_views(split: object) -> tuple[float, float, float] | None:
    """Return the mean AUC of AP and PA films with its interval; None where one is missing.

    The interval is put together from those of the views, taken as independent: the method of
    variance estimates recovery, Zou and Donner 2008, doi 10.1002/sim.3095.
    """
    views = [view_of(split, name) for name in ("AP", "PA")]
    if any(at(view, "auc") is None or not at(view, "auc_ci") for view in views):
        return None
    values = [(view["auc"], *view["auc_ci"]) for view in views]
    mean = sum(value for value, _, _ in values) / 2
    below = math.hypot(*(value - low for value, low, _ in values)) / 2
    above = math.hypot(*(high - value for value, _, high in values)) / 2
    return mean, mean - below, mean + above


def view_of(split: object, view: str) -> Any:
    """Return the subgroup of one view; None where it was not measured."""
    return next(
        (
            one
            for one in at(split, "subgroups") or ()
            if (one["group"], one["value"]) == ("view", view)
        ),
        None,
    )


def machine_of(training: object) -> str:
    """Return the processor that a model was fitted on; empty where nobody noted it."""
    machine = at(training, "origin", "machine")
    processor, cores, amx = (at(machine, key) for key in ("processor", "cores", "amx"))
    parts = [
        str(processor) if processor else "",
        f"{cores} cores" if cores else "",
        {True: "with AMX", False: "without AMX"}.get(amx, "") if isinstance(amx, bool) else "",
    ]
    return ", ".join(filter(None, parts))


def interval(values: tuple[float, float, float] | None) -> str:
    """Return a value and its ends in words."""
    return MISSING if values is None else "{:.3f} ({:.3f} to {:.3f})".format(*values)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; without rows, that it was not measured."""
    lines = [_line(row) for row in rows]
    if not lines:
        return "Not measured."
    return "\n".join([_line(head), "|" + "---|" * len(head), *lines])


def code(text: str) -> str:
    """Return ``text`` as code, with more backticks around it than there are in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    edge = " " if longest else ""
    return f"{'`' * (longest + 1)}{edge}{_flat(text)}{edge}{'`' * (longest + 1)}"


def bullets(lines: Iterable[str]) -> str:
    """Return a list; without lines, that it was not measured."""
    return "\n".join(f"- {_flat(line)}" for line in lines) or "Not measured."


def section(title: str, *parts: str) -> str:
    """Return a section; empty parts are left out."""
    return "\n\n".join([f"## {title}", *(part for part in parts if part)])


def named(parts: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, str]]:
    """Yield every number and text below ``parts`` with its name, those deeper down as "a: b"."""
    for key, value in parts.items():
        name = f"{above}: {plain(key)}" if above else plain(key)
        if isinstance(value, Mapping):
            yield from named(value, name)
        elif isinstance(value, list | tuple):
            yield name, ", ".join(said(one, 4) for one in value) or "none"
        else:
            yield name, said(value, 4)


def plain(name: str) -> str:
    """Return a name of the report as words."""
    return name.replace("_", " ")


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(_flat(str(cell)).replace("|", "\\|") for cell in cells) + " |"


def _flat(text: str) -> str:
    return " ".join(text.split())
