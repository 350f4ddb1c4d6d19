"""Everything that the page says, as plain values: the page and ``explore.json`` show the same."""

import json
from pathlib import Path
from typing import TypedDict

from inference.training import measures
from inference.training.explore import counts, questions
from inference.training.explore.counts import Record
from inference.training.explore.duplicates import ALIKE, BITS, Duplicates, duplicates_of
from inference.training.explore.questions import Extreme, Sheet
from inference.training.explore.shortcuts import STRONG, Group, shortcuts_of
from inference.training.explore.simple import SIMPLE
from inference.training.explore.spread import Spreads, greys_of, mean_differences, spreads_of
from inference.training.explore.summary import summarise
from inference.training.explore.table import Table

SCHEMA = 1


class Document(TypedDict):
    """The contents of ``explore.json``."""

    schema: int
    seed: int
    radiographs: int
    patients: int
    limits: dict[str, float]
    measures: dict[str, str]
    summary: list[str]
    splits: list[Record]
    subtypes: list[Record]
    label_tiers: list[Record]
    folds: list[Record]
    kinds: list[Record]
    images_a_patient: list[Record]
    people: list[Record]
    spreads: dict[str, Spreads]
    greys: list[Record]
    mean_differences: dict[str, float]
    shortcuts: list[Group]
    duplicates: Duplicates
    extremes: list[Extreme]
    sheets: list[Sheet]
    read_again: list[dict[str, str]]
    changed_files: list[str]


def describe(table: Table, *, samples: int, seed: int) -> Document:
    """Return what there is to say of ``table``; ``seed`` decides resamples and sheets."""
    items = table.items
    splits, shortcuts = counts.count_splits(items), shortcuts_of(items, seed)
    duplicates = duplicates_of(items)
    read_again, changed = questions.reread_of(items), questions.changed_of(items)
    return {
        "schema": SCHEMA,
        "seed": seed,
        "radiographs": len(items),
        "patients": counts.patients_of(items),
        "limits": {
            "shortcut_auc": STRONG,
            "resamples": measures.RESAMPLES,
            "hash_bits": BITS,
            "correlation": ALIKE,
        },
        "measures": {simple.key: simple.meaning for simple in SIMPLE},
        "summary": summarise(splits, shortcuts, duplicates, read_again, changed),
        "splits": splits,
        "subtypes": counts.count_by(items, "subtype"),
        "label_tiers": counts.count_by(items, "label_tier"),
        "folds": counts.count_by(items, "fold"),
        "kinds": counts.count_kinds(items),
        "images_a_patient": counts.count_patients(items),
        "people": counts.describe_people(items),
        "spreads": spreads_of(items),
        "greys": greys_of(items),
        "mean_differences": mean_differences(table),
        "shortcuts": shortcuts,
        "duplicates": duplicates,
        "extremes": questions.extremes_of(items),
        "sheets": questions.sheets_of(items, samples, seed),
        "read_again": read_again,
        "changed_files": changed,
    }


def write_document(document: Document, file: Path) -> None:
    """Write ``document`` as JSON."""
    text = json.dumps(document, indent=1, allow_nan=False)
    file.write_text(text + "\n", encoding="utf-8")
