"""The report of a model version, made ready for the page about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from portal.predictions.models import ModelVersion
from portal.predictions.report_selectors import pictures_of, report_of
from portal.web.report_plots import CURVES, NETWORK, Group, Plot, alone, plots
from portal.web.report_tables import POINTS, TABLES, Column, Table, columns, tables
from portal.web.report_values import (
    Part,
    in_brief,
    interval,
    is_number,
    learned_from_second,
    number,
    part_of,
    parts_of,
    plainly,
    said,
    share,
    words,
)

SHOWN = {True: "shown", False: "not shown"}
MET = {True: "met", False: "not met"}
Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Aim:
    """What was wanted, and what came of it."""

    figure: str
    aim: str
    measured: str
    met: str


@dataclass(frozen=True, slots=True)
class History:
    """A fit, epoch by epoch."""

    name: str
    heads: list[str]
    epochs: list[list[str]]


@dataclass(frozen=True, slots=True)
class ModelReport:
    """Everything that the page shows of a report.

    Parameters
    ----------
    second : bool
        The model learned from the second hospital, which is therefore no untouched one.
    points : bool
        What the plots show stands in tables.
    """

    created: str
    columns: list[Column]
    second: bool
    measured: Table | None
    tables: list[Table]
    points: bool
    missing: list[str]
    notes: list[str]
    aims: list[Aim]
    groups: list[Group]
    curves: Plot | None
    network: Plot | None
    network_words: str
    histories: list[History]
    training: Pairs
    chosen: Pairs
    gates: Pairs
    maps: Pairs
    strangers: str
    strangers_by_reason: Pairs


def model_report(version: ModelVersion) -> ModelReport | None:
    """Return what was measured of ``version``, ready to be shown; None without a report."""
    stored = report_of(version)
    if stored is None:
        return None
    report: Part = stored.document
    pictures = pictures_of(stored)
    made = tables(report)
    known = {one.key for one in made}
    strangers = part_of(report, "strangers")
    return ModelReport(
        created=plainly(report.get("created")),
        columns=columns(report),
        second=learned_from_second(report),
        measured=next((one for one in made if one.key == "measured"), None),
        tables=[one for one in made if one.key != "measured"],
        points=set(POINTS) <= known,
        missing=[title for key, title, *_ in TABLES if key not in {*known, *POINTS}],
        notes=_notes(report.get("notes")),
        aims=[_aim(one) for one in parts_of(report, "aims")],
        groups=plots(report, pictures),
        curves=alone(CURVES, pictures),
        network=alone(NETWORK, pictures),
        network_words=_network(version.manifest),
        histories=list(_histories(part_of(report, "training"))),
        training=_training(part_of(report, "training")),
        chosen=_chosen(report),
        gates=[(words(name), plainly(one)) for name, one in part_of(report, "gates").items()],
        maps=_maps(part_of(report, "explanation")),
        strangers=_strangers(strangers),
        strangers_by_reason=[
            (words(code), number(found)) for code, found in part_of(strangers, "by_reason").items()
        ],
    )


def _notes(notes: Any) -> list[str]:
    """Return what people wrote about the version."""
    return [one for one in notes if isinstance(one, str)] if isinstance(notes, list) else []


def _aim(one: Part) -> Aim:
    met = one.get("met")
    figure, aim, measured = (plainly(one.get(key)) for key in ("figure", "aim", "measured"))
    return Aim(figure, aim, measured, MET[met] if isinstance(met, bool) else "open")


def _training(training: Part) -> Pairs:
    """Return what the training was, without what is missing."""
    per = number(training.get("seconds_an_epoch"), 1)
    article = number(training.get("article_seconds_an_epoch"), 1)
    beside = f" (by the article: {article})" if article else ""
    pairs = [
        *((label, plainly(training.get(key))) for key, label in _TRAINING),
        ("Epoch kept", plainly(training.get("kept_epoch") or None)),  # 0: a head alone has none
        ("Radiographs", plainly(training.get("images"))),
        ("Seconds an epoch", f"{per}{beside}" if per else ""),
        ("Seconds", plainly(training.get("seconds"))),
    ]
    return [(label, text) for label, text in pairs if text]


_TRAINING = (
    ("recipe", "Recipe"),
    ("about", "About"),
    ("base", "Body"),
    ("views", "Views"),
    ("seed", "Seed"),
)


def _chosen(report: Part) -> Pairs:
    """Return how cut-off, calibration and prevalence came about."""
    threshold, calibration = part_of(report, "threshold"), part_of(report, "calibration")
    ends, cut = interval(threshold.get("interval"), 4), number(threshold.get("value"), 4)
    slope, intercept = (number(calibration.get(key)) for key in ("slope", "intercept"))
    pairs = [
        ("Interval of the cut-off", f"{ends} around {cut}" if ends and cut else ends),
        ("Sensitivity aimed at", share(threshold.get("target_sensitivity"))),
        ("Calibration", f"slope {slope}, intercept {intercept}" if slope and intercept else ""),
        ("Calibrated on", plainly(calibration.get("fitted_on"))),
    ]
    return [(label, text) for label, text in pairs if text]


def _maps(check: Part) -> Pairs:
    """Return whether maps of where the network looked change with its weights."""
    steps = part_of(check, "correlations").items()
    passed = check.get("passed")
    pairs = [
        *((f"{words(step)} by chance", number(found, 2)) for step, found in steps),
        ("At most", number(check.get("bound"), 2)),
        ("Radiographs", number(check.get("images"))),
        ("Maps", plainly(check.get("method"))),
        ("So maps are", SHOWN[passed] if isinstance(passed, bool) else ""),
    ]
    return [(label, text) for label, text in pairs if text] if steps else []


def _strangers(strangers: Part) -> str:
    count, refused = number(strangers.get("n")), number(strangers.get("refused"))
    what = plainly(strangers.get("what"))
    return f"{refused} of {count} refused" + (f": {what}" if what else "") if count else ""


def _histories(training: Part) -> Iterator[History]:
    """Yield each fit with a row an epoch; a value that is missing is empty."""
    for name, history in part_of(training, "histories").items():
        named = history.items() if isinstance(history, dict) else ()
        series = {key: one for key, one in named if isinstance(one, list)}
        length = max((len(one) for one in series.values()), default=0)
        rows = [[_epoch(one, place) for one in series.values()] for place in range(length)]
        if rows:
            yield History(words(name), [words(key) for key in series], rows)


def _epoch(series: list[Any], place: int) -> str:
    value = series[place] if place < len(series) else None
    return f"{value:.4g}" if is_number(value) else ""


def _network(manifest: Part) -> str:
    """Return the network in a sentence, as the manifest has it."""
    head = part_of(manifest, "head")
    layers = [
        f"{plainly(one.get('units'))} ({plainly(one.get('activation'))})"
        for one in parts_of(head, "layers")
    ]
    side = number(part_of(manifest, "input").get("size"))
    parts = [
        f"{plainly(manifest.get('network'))}, {side} x {side} pixels" if side else "",
        f"{plainly(head.get('features'))} features" if head.get("features") else "",
        f"head of {len(layers)} layers: {', '.join(layers)}" if layers else "",
    ]
    return in_brief(said("; ".join(filter(None, parts))))
