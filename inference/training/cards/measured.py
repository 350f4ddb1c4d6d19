"""The figures of every split, beside the other hospital's and beside published ones."""

from collections.abc import Sequence
from typing import Any

from inference.training.cards.words import (
    Report,
    at,
    figure,
    interval,
    learned_from_second,
    mean_of_views,
    percent,
    said,
    section,
    table,
    titles,
    view_of,
)

MATCHED = "auc_view_matched"
FIGURES = {
    "auc": "AUC",
    "average_precision": "average precision",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "specificity_at_95_sensitivity": "specificity at 95 % sensitivity",
    "ece": "calibration error (ECE)",
    "brier": "Brier score",
}
MAIN = ("val", "test_internal", "external_report")
ENDS = (
    " In this report their intervals are put together from the ends of those of sensitivity and "
    "specificity, which makes them too wide or too narrow; later ones are bootstrapped themselves."
)
PUBLISHED = (
    ("Kermany et al. 2018, Inception V3", "299", "0.968", "0.928", "0.932", "0.901"),
    ("MedMNIST v2, ResNet-50 (224)", "28", "0.962", "0.884", "", ""),
    ("MedMNIST v2, AutoKeras", "28", "0.947", "0.878", "", ""),
    ("MedMNIST v2, Google AutoML Vision", "28", "0.991", "0.946", "", ""),
)
"""doi 10.1016/j.cell.2018.02.010, and doi 10.1038/s41597-022-01721-8 (PneumoniaMNIST)."""


def measured(report: Report) -> str:
    """Return the figures of the splits, with the gates and without them."""
    return section(
        "Measured",
        "With 95 % intervals, bootstrapped by patient. Everything was chosen on val; the figures "
        "to quote are those of the internal test, and never without the "
        f"{titles(report)['external_report']}'s.",
        "The second hospital is no untouched one: the model learned from other patients of it. "
        "What the model would reach at a third hospital was not measured."
        if learned_from_second(report)
        else "",
        "### As the portal scores: with the gates",
        _gated(report),
        "### Gates off: every radiograph",
        f"At the {titles(report)['external_report']} the view alone tells the classes apart (sick "
        "people lie down), so its films are given by view, and the mean of both is the figure that "
        "counts. The interval of the mean takes the views as independent.",
        _ungated(report),
        _contradicted(report),
        "### Predictive values",
        "With the gates, at the threshold; what a finding is worth where so many are sick."
        + (ENDS if _from_ends(report) else ""),
        _predictive(report),
    )


def published(report: Report) -> str:
    """Return the public test at 28 pixels, and the internal test, beside what others published."""
    small, test = at(report, "splits", "official_test_28"), at(report, "splits", "test_internal")
    names = ("auc", "accuracy", "sensitivity", "specificity")
    rows: list[Sequence[object]] = [
        ["this model, public test of 624, gates off", "28", *_cells(at(small, "ungated"), names)],
        ["this model, public test of 624, with the gates", "28", *_cells(small, names)],
        ["this model, internal test, gates off", "224", *_cells(at(test, "ungated"), names)],
        *PUBLISHED,
    ]
    return section(
        "Beside published figures",
        "The public test as published (624 radiographs), reduced to 28 pixels and enlarged again: "
        "close to MedMNIST v2, whose models were trained on such pictures (it cuts radiographs to "
        "squares, here they are squashed). The internal "
        "test is the public one without its exact copies. None of these figures was measured at "
        "another hospital.",
        table(["model", "pixels", "AUC", "accuracy", "sensitivity", "specificity"], rows),
    )


def subgroups(report: Report) -> str:
    """Return the subgroups of every split at full size."""
    rows = [
        [titles(report)[key], one["group"], one["value"],
         f"{said(one['n'])} ({said(one['pneumonia'])})",
         *_cells(one, ("auc", "sensitivity", "specificity"))]
        for key in MAIN
        for one in at(report, "splits", key, "subgroups") or ()
    ]  # fmt: skip
    return section(
        "Subgroups",
        "Gates off. A kind of pneumonia is held against all normal radiographs of the split; a "
        "group with fewer than ten of a class is left out.",
        table(
            ["split", "by", "group", "radiographs (pneumonia)", "AUC", "sensitivity",
             "specificity"],
            rows,
        ),
    )  # fmt: skip


def _gated(report: Report) -> str:
    parts = [at(report, "splits", key) for key in MAIN]
    rows = [["radiographs (pneumonia), patients", *map(_counts, parts)]]
    for name, title in FIGURES.items():
        rows.append([title, *(figure(part, name) for part in parts)])
        if name == "auc":
            rows += _by_view(parts)
    threshold = said(at(report, "threshold", "value"))
    names = titles(report)
    return table([f"at the threshold {threshold}", *(names[key] for key in MAIN)], rows)


def _by_view(parts: Sequence[object]) -> list[list[str]]:
    """Return the AUC where the view does not help: weighted, and of the films of one view."""
    return [
        ["AUC, each view and class weighted alike", *(figure(part, MATCHED) for part in parts)],
        *(
            [f"AUC, {view} films, gates off",
             *(figure(view_of(part, view), "auc") for part in parts)]
            for view in ("AP", "PA")
        ),
    ]  # fmt: skip


def _ungated(report: Report) -> str:
    external = at(report, "splits", "external_report")
    parts = [at(report, "splits", key, "ungated") for key in MAIN]
    views = [view_of(external, view) for view in ("AP", "PA")]
    rows = [["radiographs (pneumonia), patients", *map(_counts, [*parts, *views]), ""]]
    for name, title in FIGURES.items():
        mean = interval(mean_of_views(external)) if name == "auc" else ""
        by_view = [figure(view, name) if name in (view or {"auc": 0}) else "" for view in views]
        rows.append([title, *(figure(part, name) for part in parts), *by_view, mean])
        if name == "auc" and any(at(part, MATCHED) is not None for part in parts):
            matched, *_ = _by_view(parts)
            rows.append([*matched, "", "", ""])
    names = titles(report)
    head = [*(names[key] for key in MAIN), "AP films", "PA films", "mean of AP and PA"]
    return table(["gates off", *head], rows)


def _contradicted(report: Report) -> str:
    parts = {key: at(report, "splits", key, "without_contradicted_labels") for key in MAIN}
    lines = [
        f"Without the labels that experts contradicted, {titles(report)[key]}, with the gates: "
        f"{said(part['n'])} radiographs, AUC {figure(part, 'auc')}."
        for key, part in parts.items()
        if part
    ]
    return " ".join(lines)


def _predictive(report: Report) -> str:
    rows = [
        [percent(one["prevalence"]), titles(report)[key], figure(one, "ppv"), figure(one, "npv")]
        for key in ("test_internal", "external_report")
        for one in at(report, "splits", key, "predictive_values") or ()
    ]
    return table(["prevalence", "split", "of a present", "of an absent"], rows)


def _from_ends(report: Report) -> bool:
    """Return whether the report is of before predictive values had intervals of their own."""
    splits = [at(report, "splits", key) for key in ("test_internal", "external_report")]
    return any(at(split, "predictive_values") and "roc" not in split for split in splits)


def _counts(part: Any) -> str:
    if at(part, "n") is None:
        return said(None)
    patients = f", {said(part['patients'])}" if "patients" in part else ""
    return f"{said(part['n'])} ({said(part['pneumonia'])}){patients}"


def _cells(part: object, names: Sequence[str]) -> list[str]:
    return [figure(part, name) for name in names]
