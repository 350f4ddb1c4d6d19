"""The page's sections about how many of what."""

from collections.abc import Mapping, Sequence

from inference.training.explore.counts import LAST, Record
from inference.training.explore.document import Document
from inference.training.explore.markup import (
    Html,
    figure,
    join,
    number,
    percent,
    section,
    sentences,
    table,
    tag,
)
from inference.training.explore.plots import draw_counts
from inference.training.explore.table import NAMES, UNSTATED

CLASSES = tuple(NAMES.values())
SHOWN = 12
"""Subtypes that have a row of their own."""


def show_counts(document: Document) -> Html:
    """Return the section of radiographs by split, class, source, subtype, label and fold."""
    splits = document["splits"]
    return section(
        "counts",
        "Radiographs",
        sentences(
            "How many radiographs each split holds of each class and source. The share of "
            "PNEUMONIA is the prevalence that a score calibrated on the split stands on; a split "
            "with another share has other predictive values for the same model."
        ),
        _counts_table("Radiographs and patients by split and source", ("split", "source"), splits),
        _bars(splits),
        _by("subtype", "Subtypes", document["subtypes"], "What the list says beyond the class."),
        _by(
            "label_tier",
            "How the labels were made",
            document["label_tiers"],
            "Who stands behind a label: the weaker, the more of the errors are the label's.",
        ),
        _by(
            "fold",
            "Folds",
            document["folds"],
            "Folds share no patient if the list is right; they should be alike in size and share.",
        ),
    )


def show_patients(document: Document) -> Html:
    """Return the section of patients: how many images each, and who they are."""
    sizes = [str(size) for size in range(1, LAST + 1)]
    head = ["split", "patients", "images", "mean", "most"]
    head += [f"with {size}{' or more' if size == sizes[-1] else ''}" for size in sizes]
    rows = [_patient_row(record, sizes) for record in document["images_a_patient"]]
    return section(
        "patients",
        "Patients",
        sentences(
            "Images of one patient are not independent: intervals on this page are drawn by "
            "patient, and a patient with many images weighs that much more in a plain mean. No "
            "patient is in two splits, but for native copies of listed files; another list would "
            "have been refused. A patient in both classes was ill at one time and not at another."
        ),
        table("Images a patient, by split", [*head, "in both classes"], rows),
        _people(document["people"]),
    )


def show_files(document: Document) -> Html:
    """Return the section of formats and of files that are not those of the list."""
    changed = document["changed_files"]
    rows = [
        (r["source"], r["kind"], *(number(_int(r, name)) for name in CLASSES))
        for r in document["kinds"]
    ]
    return section(
        "files",
        "Files",
        sentences(
            f"All {number(document['radiographs'])} files opened as images: one that does not is "
            "named and ends the analysis.",
            "Format and colour mode (L grey, RGB colour, I 16 bits) as stored; all are read as "
            "grey. A mode that only one class has would give the label away to a network that "
            "reads colour.",
        ),
        table("Formats by source", ["source", "format, mode", *CLASSES], rows),
        sentences(
            "Every SHA-256 that the list states is that of its file."
            if not changed
            else f"Not the file of the list, by SHA-256 ({len(changed)}): {', '.join(changed)}."
        ),
    )


def _counts_table(caption: str, keys: Sequence[str], records: Sequence[Record]) -> Html:
    head = [*keys, *CLASSES, "images", "share of PNEUMONIA", "patients"]
    head += [f"in {split}" for split in _splits(records[0])]
    return table(caption, head, [_count_row(record, keys) for record in records])


def _count_row(record: Record, keys: Sequence[str]) -> list[object]:
    return [
        *(record[key] for key in keys),
        *(number(_int(record, name)) for name in (*CLASSES, "images")),
        percent(_float(record, "pneumonia_share")),
        number(_int(record, "patients")),
        *(number(many) for many in _splits(record).values()),
    ]


def _splits(record: Record) -> Mapping[str, int]:
    """Return the radiographs by split, of a record that has them."""
    found = record.get("splits", {})
    assert isinstance(found, Mapping)  # noqa: S101 - the shape of the document
    return found


def _bars(splits: Sequence[Record]) -> Html:
    names = list(dict.fromkeys(str(record["split"]) for record in splits))
    sums = {
        label: [sum(_int(r, label) for r in splits if r["split"] == name) for name in names]
        for label in CLASSES
    }
    return figure(draw_counts("counts", sums, names), "Radiographs by split and class.")


def _by(key: str, title: str, records: Sequence[Record], meaning: str) -> Html:
    """Return a table by one text of the list; nothing if the list does not state it."""
    if all(record[key] == UNSTATED for record in records):
        return Html("")
    rest = records[SHOWN:]
    more = (
        f"{len(rest)} rarer ones, together {number(sum(_int(r, 'images') for r in rest))} "
        "radiographs, are in explore.json."
    )
    return join(
        (
            tag("h3", title),
            sentences(meaning),
            _counts_table(f"{title} by class and split", (key,), records[:SHOWN]),
            sentences(more if rest else ""),
        )
    )


def _patient_row(record: Record, sizes: Sequence[str]) -> list[object]:
    of = record["with"]
    assert isinstance(of, Mapping)  # noqa: S101 - the shape of the document
    return [
        record["split"],
        *(number(_int(record, key)) for key in ("patients", "images")),
        f"{record['mean']:.2f}",
        record["most"],
        *(number(of[size]) for size in sizes),
        record["in_both_classes"],
    ]


def _people(records: Sequence[Record]) -> Html:
    title = tag("h3", "Age, sex and view")
    if not records:
        return join((title, sentences("The list states no age, sex or view.")))
    head = ["split", "class", "images", "age stated", "median age (middle half; range)"]
    rows = [
        (
            r["split"],
            r["class"],
            number(_int(r, "images")),
            number(_int(r, "age_stated")),
            _ages(r["age"]),
            _shares(r["sex"]),
            _shares(r["view"]),
        )
        for r in records
    ]
    return join(
        (
            title,
            sentences(
                "Splits for which the list states none of them are left out. Where the classes "
                "differ in age, sex or view, a model may read those instead of the lungs."
            ),
            table("Age in years, sex and view by split and class", [*head, "sex", "view"], rows),
        )
    )


def _ages(ages: object) -> str:
    if not isinstance(ages, list):
        return UNSTATED
    low, first, middle, third, high = ages
    return f"{middle:.0f} ({first:.0f} to {third:.0f}; {low:.0f} to {high:.0f})"


def _shares(shares: object) -> str:
    assert isinstance(shares, Mapping)  # noqa: S101 - the shape of the document
    total = sum(shares.values())
    return ", ".join(
        f"{name} {many:,} ({percent(many / total, 0)})" for name, many in shares.items()
    )


def _float(record: Record, key: str) -> float:
    value = record[key]
    assert isinstance(value, float)  # noqa: S101 - the shape of the document
    return value


def _int(record: Record, key: str) -> int:
    value = record[key]
    assert isinstance(value, int)  # noqa: S101 - the shape of the document
    return value
