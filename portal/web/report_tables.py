"""What was measured of a model version, as tables with one column a split.

So what holds elsewhere always stands beside what holds at home.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from portal.web.report_curves import precision_recall, reliability, roc
from portal.web.report_values import (
    SPLITS,
    Cell,
    Part,
    Said,
    figure,
    named_splits,
    number,
    part_of,
    parts_of,
    said,
    share,
    words,
)

AUC = "Area under the ROC curve"
MEASURES = (
    ("auc", AUC),
    ("auc_view_matched", f"{AUC}, each view and class weighted alike"),
    ("average_precision", "Average precision"),
    ("sensitivity", "Sensitivity at the cut-off"),
    ("specificity", "Specificity at the cut-off"),
    ("specificity_at_95_sensitivity", "Specificity at 95 % sensitivity"),
    ("accuracy", "Accuracy at the cut-off"),
    ("ece", "Calibration error (ECE)"),
    ("brier", "Brier score"),
)
COUNTS = (
    ("true_positive", "Pneumonia, suggested"),
    ("false_negative", "Pneumonia, not suggested"),
    ("false_positive", "Normal, suggested"),
    ("true_negative", "Normal, not suggested"),
)
CHANGES = (
    ("mean_change", "mean change", number),
    ("largest_change", "largest change", number),
    ("flipped", "changed findings", share),
    ("flipped_normal", "normal", share),
    ("flipped_pneumonia", "pneumonia", share),
)
ALL = "All"
"""The line of subgroups that says nothing without another."""


@dataclass(frozen=True, slots=True)
class Column:
    """A split, with how many were measured; empty where nothing was."""

    label: str
    counts: str


@dataclass(frozen=True, slots=True)
class Table:
    """Lines with a label and a cell a split; an empty cell was not measured."""

    key: str
    title: str
    help: str
    lines: list[tuple[str, list[list[Said]]]]


def splits_of(report: Part) -> list[Part]:
    """Return the document of each split, in the order of the columns."""
    return [part_of(part_of(report, "splits"), key) for key, _ in SPLITS]


def columns(report: Part) -> list[Column]:
    """Return the heads of the columns."""
    return [
        Column(label, _counts(split))
        for (_, label), split in zip(named_splits(report), splits_of(report), strict=True)
    ]


def tables(report: Part) -> list[Table]:
    """Return every table of the report that says anything."""
    splits = splits_of(report)
    made = []
    for key, title, help_, cells in TABLES:
        found = [dict(cells(split)) for split in splits]
        labels = list(dict.fromkeys(label for one in found for label in one))
        lines = [(label, [one.get(label, []) for one in found]) for label in labels]
        lines = [line for line in lines if any(line[1])]
        if any(label != ALL for label, _ in lines):
            made.append(Table(key, title, help_, _none_means_0(key, lines, splits)))
    return made


def _none_means_0(
    key: str, lines: list[tuple[str, list[list[Said]]]], splits: list[Part]
) -> list[tuple[str, list[list[Said]]]]:
    """Return the lines with 0 for what a split's gates, which were counted, never refused."""
    if key != "refused":
        return lines
    counted = [bool(part_of(split, "refused")) for split in splits]
    zeros = [said("0" if known else "") for known in counted]
    return [
        (label, [cell or zero for cell, zero in zip(cells, zeros, strict=True)])
        for label, cells in lines
    ]


def _counts(split: Part) -> str:
    names = ("n", "radiographs"), ("pneumonia", "with pneumonia"), ("patients", "patients")
    return ", ".join(f"{found} {what}" for key, what in names if (found := number(split.get(key))))


def _measured(split: Part) -> Iterator[Cell]:
    for key, label in MEASURES:
        yield label, figure(split, key)
        if key == "auc":
            yield from _by_view(split)


def _by_view(split: Part) -> Iterator[Cell]:
    """Yield the figure of each view: pooled, the view alone may tell the classes apart."""
    for one in parts_of(split, "subgroups"):
        if one.get("group") == "view":
            yield f"{AUC}, {one.get('value', '')} films, gates off", figure(one, "auc")


def _ungated(split: Part) -> Iterator[Cell]:
    ungated = part_of(split, "ungated")
    yield "Radiographs", said(number(ungated.get("n")))
    for key, label in MEASURES:
        yield label, figure(ungated, key)


def _predictive(split: Part) -> Iterator[Cell]:
    for one in parts_of(split, "predictive_values"):
        if at := share(one.get("prevalence")):
            positive = figure(one, "ppv", "positive")
            yield f"Where {at} have pneumonia", positive + figure(one, "npv", "negative")


def _confusion(split: Part) -> Iterator[Cell]:
    for key, label in COUNTS:
        yield label, said(number(part_of(split, "confusion").get(key)))


def _refused(split: Part) -> Iterator[Cell]:
    refused, of = part_of(split, "refused"), part_of(split, "ungated").get("n")
    count = number(refused.get("n"))
    yield "All that were refused", said(f"{count} of {number(of)}" if of and count else count)
    for kind, what in (("by_outcome", "Outcome"), ("by_reason", "Reason")):
        for code, found in part_of(refused, kind).items():
            yield f"{what}: {words(code)}", said(number(found))


def _subgroups(split: Part) -> Iterator[Cell]:
    yield ALL, _in_short(part_of(split, "ungated"))
    for one in parts_of(split, "subgroups"):
        yield f"{words(one.get('group', ''))}: {one.get('value', '')}", _in_short(one)


def _in_short(of: Part) -> list[Said]:
    figures = [
        *figure(of, "auc", "AUC"),
        *figure(of, "sensitivity", "sensitivity"),
        *figure(of, "specificity", "specificity"),
    ]
    return [*said(number(of.get("n")), "radiographs"), *figures] if figures else []


def _disturbances(split: Part) -> Iterator[Cell]:
    for one in parts_of(split, "disturbances"):
        yield words(one.get("disturbance", "")), _changes(one)


def _parity(split: Part) -> Iterator[Cell]:
    yield "Native size against the copy measured", _changes(part_of(split, "parity"))


def _changes(one: Part) -> list[Said]:
    found = [said(write(one.get(key)), name) for key, name, write in CHANGES]
    if not any(found):
        return []
    return [*said(number(one.get("n")), "radiographs"), *(cell for some in found for cell in some)]


def _shortcuts(split: Part) -> Iterator[Cell]:
    for one in parts_of(split, "shortcuts"):
        ends = {"auc": one.get("auc"), "auc_ci": [one.get("low"), one.get("high")]}
        yield words(one.get("measure", "")), figure(ends, "auc")


def _floors(split: Part) -> Iterator[Cell]:
    for name in part_of(split, "floors"):
        yield words(name), figure(part_of(split, "floors"), name)


def _histogram(split: Part) -> Iterator[Cell]:
    found = part_of(split, "histogram")
    counts = [found.get(kind) for kind in ("normal", "pneumonia")]
    normal, pneumonia = (one if isinstance(one, list) else [] for one in counts)
    for place, (healthy, ill) in enumerate(zip(normal, pneumonia, strict=False)):
        low, high = place / len(normal), (place + 1) / len(normal)
        both = [*said(number(healthy), "normal"), *said(number(ill), "pneumonia")]
        yield f"{low:.2f} to {high:.2f}", both


POINTS = ("roc", "precision_recall", "reliability")
"""Tables of what the plots show; reports did not always hold it."""
TABLES: tuple[tuple[str, str, str, Callable[[Part], Iterator[Cell]]], ...] = (
    (
        "measured", "What was measured",
        "In brackets: the 95 % interval, bootstrapped by patient. Calibration error and Brier "
        "score: 0 is best. Counted are the radiographs that the gates let through.", _measured,
    ),
    (
        "predictive", "Predictive values",
        "Of 100 suggestions so many are right (positive), and of 100 radiographs without one so "
        "many are free of pneumonia (negative); it depends on how common pneumonia is.",
        _predictive,
    ),
    ("confusion", "Right and wrong at the cut-off", "Radiographs.", _confusion),
    (
        "refused", "Refused by the gates",
        "Radiographs that get no score: outside the intended use, or of too little quality.",
        _refused,
    ),
    (
        "ungated", "With the gates off",
        "The same figures, had every radiograph been scored.", _ungated,
    ),
    (
        "subgroups", "Subgroups",
        "With the gates off. A subgroup with fewer than 10 radiographs of either class is left "
        "out. A kind of pneumonia is held against all normal radiographs.", _subgroups,
    ),
    (
        "disturbances", "Disturbed pictures",
        "How far the score (0 to 1) moves when a picture is made worse, and how many findings "
        "change: of all, of normal radiographs, of those with pneumonia.",
        _disturbances,
    ),
    (
        "parity", "The same picture in two sizes",
        "How far the scores of the file at its native size and of its reduced copy differ.",
        _parity,
    ),
    (
        "shortcuts", "Shortcuts",
        "How well a simple measure of the file alone tells the classes apart (AUC; 0.5 is not at "
        "all, and as far below it as above is as telling).", _shortcuts,
    ),
    (
        "roc", "ROC curve",
        "The sensitivity that the curve reaches, and the score from which on pneumonia would be "
        "suggested for it.", roc,
    ),
    (
        "precision_recall", "Precision and recall",
        "The highest share of suggestions that are right (precision) on the curve, and the score "
        "from which on pneumonia would be suggested for it.", precision_recall,
    ),
    (
        "reliability", "Reliability",
        "Radiographs with a score from and up to: what the scores said on average, and how many "
        "had pneumonia. The calibration error is reckoned in these bins.", reliability,
    ),
    ("floors", "Floors", "What simpler methods reach on the same radiographs.", _floors),
    ("histogram", "Scores", "How many radiographs have a score from and up to.", _histogram),
)  # fmt: skip
