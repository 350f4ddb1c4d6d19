"""What may be wrong with the figures: disturbances, shortcuts, floors, errors, aims, notes."""

from collections.abc import Iterable

from inference.training.aims import aims_of
from inference.training.cards.measured import MAIN
from inference.training.cards.words import (
    Report,
    at,
    bullets,
    code,
    figure,
    percent,
    plain,
    said,
    section,
    table,
    titles,
)

MET = {True: "met", False: "**not met**", None: "not measured"}
MOVED = ("mean_change", "largest_change", "flipped_normal", "flipped_pneumonia")
MOVED_HEAD = ("files", "mean change", "largest", "normal findings changed",
              "pneumonia findings changed")  # fmt: skip


def disturbances(report: Report) -> str:
    """Return what a score does when a file changes in a way that no reader would mind."""
    rows = [
        [titles(report)[key], plain(row["disturbance"]), *_moved(row)]
        for key in MAIN
        for row in at(report, "splits", key, "disturbances") or ()
    ]
    copies = [
        [titles(report)[key], *_moved(parity)]
        for key in MAIN
        if at(parity := at(report, "splits", key, "parity"), "n")
    ]
    return section(
        "Disturbances and parity",
        "Gates off; the same radiograph, its file changed as no reader would mind: the file at "
        "native size where the list has one, else the copy that was scored.",
        table(["split", "change", *MOVED_HEAD], rows),
        "### Copies at native size against those that were scored",
        table(["split", *MOVED_HEAD], copies),
    )


def shortcuts(report: Report) -> str:
    """Return what needs no medicine or no network, beside the model."""
    splits = {key: split for key in MAIN if (split := at(report, "splits", key))}
    tables = {
        key: {row["measure"]: row for row in split.get("shortcuts") or ()}
        for key, split in splits.items()
    }
    names = dict.fromkeys(name for found in tables.values() for name in found)
    rows = [
        ["**the model, gates off**", *(figure(s.get("ungated"), "auc") for s in splits.values())],
        [
            "floor: logistic regression on 32 x 32 thumbnails",
            *(said(at(s, "floors", "thumbnails_auc")) for s in splits.values()),
        ],
        *([plain(name), *(_shortcut(tables[key].get(name)) for key in splits)] for name in names),
    ]
    return section(
        "Shortcuts and floors beside the model",
        "AUC of one simple measure of the file or the person alone. Below 0.5 pneumonia has the "
        "lower values: 0.2 separates as well as 0.8. A measure that runs one way at one hospital "
        "and the other way at the other is what a model must not learn.",
        table(["alone", *(titles(report)[key] for key in splits)], rows if splits else ()),
    )


def errors(report: Report) -> str:
    """Return the names of the files that the score is furthest from, by kind of error."""
    parts = []
    for key in MAIN:
        worst = at(report, "splits", key, "worst") or ()
        for label, what in ((1, "pneumonia scored low"), (0, "no pneumonia scored high")):
            if files := [code(str(one["file"])) for one in worst if one["label"] == label]:
                parts.append(f"{titles(report)[key][0].upper()}{titles(report)[key][1:]}, {what}:")
                parts.append(bullets(files))
    return section("Worst errors", "Gates off, the worst first.", *(parts or ["Not measured."]))


def aims(report: Report) -> str:
    """Return the table of aims: those of the report, or computed where it has none."""
    given, about = report.get("aims"), at(report, "training", "about")
    rows = [
        [one["figure"], one["aim"], one["measured"], MET[one["met"]]]
        for one in (aims_of(report) if given is None else given)
    ]
    return section(
        "Aims",
        "Set before training; aims, not claims. A figure that falls short is not tuned on a test.",
        table(["figure", "aim", "measured", ""], rows),
        f"The epoch is one of this fit: {said(about).rstrip('.')}." if about else "",
    )


def notes(report: Report) -> str:
    """Return what people wrote about the version."""
    given: Iterable[str] = report.get("notes") or ()
    return section("What to think of it", *(list(given) or ["Nothing was noted."]))


def _moved(row: object) -> list[str]:
    mean, largest, *flipped = (at(row, name) for name in MOVED)
    return [_files(row), said(mean), said(largest), *(percent(one) for one in flipped)]


def _files(row: object) -> str:
    """Return how many files, and how many of them at native size where that was counted."""
    native = [at(row, f"native_{name}") for name in ("normal", "pneumonia")]
    count = said(at(row, "n"))
    return count if None in native else f"{count} ({sum(native):,} native)"


def _shortcut(row: object) -> str:
    if row is None:
        return said(None)
    return f"{said(at(row, 'auc'))} ({said(at(row, 'low'))} to {said(at(row, 'high'))})"
