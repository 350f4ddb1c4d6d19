"""Which radiograph belongs where: a folder with ``splits.csv``, or a plain train/val/test tree."""

import csv
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

LABELS = {"NORMAL": 0, "PNEUMONIA": 1}
LIST = "splits.csv"
COLUMNS = ("file", "label", "split", "patient")
TEXTS = ("subtype", "view", "label_tier", "sha256", "fold", "sex", "source")
"""Columns that may be there as well, beside ``age`` and ``native_copy``."""
FITTED, CHOSEN_ON, TESTED, EXTERNAL = "train", "val", "test_internal", "external_report"
OFFICIAL = "official_test"
"""Rebuilt from the internal test, to compare with published figures; never in a list itself."""
CONTRADICTED = "expert-contradicted"
"""The tier of a label from a report's text that experts who read the picture contradicted."""
SUFFIXES = {".jpeg", ".jpg", ".png"}
FEWEST = 3
"""Radiographs of each class that val must hold: with fewer a threshold is one picture's doing."""


class BadData(Exception):
    """The folder cannot be learned from. The message says why, in one sentence."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled radiograph. ``label`` is 1 for pneumonia; unknown texts are empty.

    ``age`` is in completed years. ``native`` is the file of the same radiograph at its native
    size, where the list has both; of that one ``native_of`` is true.
    """

    file: Path
    label: int
    split: str
    patient: str
    subtype: str = ""
    view: str = ""
    label_tier: str = ""
    sha256: str = ""
    fold: str = ""
    sex: str = ""
    source: str = ""
    age: int | None = None
    native: Path | None = None
    native_of: bool = False


def read_rows(folder: Path, *, needed: Sequence[str] = (FITTED, CHOSEN_ON)) -> list[Row]:
    """Return the labelled radiographs of ``folder``, in the order of its list.

    Parameters
    ----------
    folder : Path
        Either with a ``splits.csv`` (columns file, label, split and patient at least; file is
        relative to the folder), or with ``train/val/test/{NORMAL,PNEUMONIA}``.
    needed : sequence of str
        The splits that must hold both classes: by default those that fitting needs.

    Raises
    ------
    BadData
        No such folder, no list, a line of it is wrong, a file is missing or named twice, a needed
        split is empty or holds one class, val too few of a class, or a patient is in two splits.
    """
    if not folder.is_dir():
        raise BadData(f"There is no folder {folder}.")
    rows = _from_csv(folder) if (folder / LIST).is_file() else _from_tree(folder)
    _check_files(rows)
    _check_patients(rows)
    rows += _official(folder, rows)  # the same patients once more
    _check_classes(rows, needed)
    return rows


def list_sha256(folder: Path) -> str:
    """Return the SHA-256 of what says which radiograph belongs where: of the list or the names."""
    file = folder / LIST
    if file.is_file():
        return hashlib.sha256(file.read_bytes()).hexdigest()
    names = (f"{row.file.relative_to(folder).as_posix()}\n" for row in _from_tree(folder))
    return hashlib.sha256("".join(names).encode()).hexdigest()


def of_split(rows: Iterable[Row], split: str, limit: int | None = None) -> list[Row]:
    """Return the rows of ``split``; with ``limit``, at most so many, classes taken in turn."""
    chosen = [row for row in rows if row.split == split]
    if limit is None or limit >= len(chosen):
        return chosen
    by_label = [[row for row in chosen if row.label == label] for label in (0, 1)]
    few = min(limit // 2, *(len(rows) for rows in by_label))
    return by_label[0][:few] + by_label[1][: limit - few]


def fitting_rows(rows: Iterable[Row], split: str, limit: int | None = None) -> list[Row]:
    """Return the rows of ``split`` that may be fitted or chosen on: none of `CONTRADICTED`."""
    return [row for row in of_split(rows, split, limit) if row.label_tier != CONTRADICTED]


def labels_of(rows: Iterable[Row]) -> npt.NDArray[np.int64]:
    """Return the labels of ``rows``, 1 for pneumonia."""
    return np.array([row.label for row in rows], np.int64)


def _from_csv(folder: Path) -> list[Row]:
    records = _records(folder / LIST, COLUMNS)
    copies = {record.get("native_copy") for record in records} - {"", None}
    return [_row(folder, record, record["file"] in copies) for record in records]


def _records(file: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the lines of a CSV file by its head, which must name ``columns``; else BadData."""
    where = f"{file.name} in {file.parent}"
    try:
        # A spreadsheet may have put a byte order mark in front.
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise BadData(f"{where} has no column {missing[0]!r}.")
            records = []
            for record in reader:
                if None in record or None in record.values():
                    raise BadData(f"Line {reader.line_num} of {where} is not as long as its head.")
                records.append(record)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadData(f"{where} is not a CSV file in UTF-8: {error}.") from error
    return records


def _official(folder: Path, rows: Iterable[Row]) -> list[Row]:
    """Return the public test as published: the internal test, and what was taken out of it twice.

    Exact copies of a radiograph are named in ``duplicates_removed.csv``; empty without that list.
    """
    removed = folder / "duplicates_removed.csv"
    if not removed.is_file():
        return []
    twins = [folder / record["identical_to"] for record in _records(removed, ("identical_to",))]
    tested = {row.file: replace(row, split=OFFICIAL) for row in rows if row.split == TESTED}
    return [*tested.values(), *(tested[twin] for twin in twins if twin in tested)]


def _row(folder: Path, record: dict[str, str], native_of: bool) -> Row:  # noqa: FBT001 - private
    if record["label"] not in LABELS:
        raise BadData(
            f"{record['file']}: the label {record['label']!r} is not one of NORMAL, PNEUMONIA."
        )
    if not record["patient"]:
        raise BadData(
            f"{record['file']}: no patient, so nobody can say that splits do not share one."
        )
    if not record["split"]:
        raise BadData(f"{record['file']}: no split.")
    age, native = record.get("age") or "", record.get("native_copy") or ""
    if age and not age.isdecimal():
        raise BadData(f"{record['file']}: the age {age!r} is not a number of completed years.")
    for name in (record["file"], native):
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise BadData(f"{name}: a file is named by its path from {folder} on, and lies in it.")
    return Row(
        file=folder / record["file"],
        label=LABELS[record["label"]],
        split=record["split"],
        patient=record["patient"],
        age=int(age) if age else None,
        native=folder / native if native else None,
        native_of=native_of,
        **{name: record.get(name) or "" for name in TEXTS},
    )


def _from_tree(folder: Path) -> list[Row]:
    if not (folder / "train").is_dir():
        raise BadData(f"{folder} holds neither splits.csv nor train/NORMAL and train/PNEUMONIA.")
    rows = [
        _tree_row(file, label, part)
        for part in ("train", "val", "test")
        for label in LABELS
        for file in sorted((folder / part / label).glob("*"))
        if file.suffix.lower() in SUFFIXES
    ]
    if not rows:
        raise BadData(f"{folder}/train holds no JPEG or PNG files.")
    return rows


def _tree_row(file: Path, label: str, part: str) -> Row:
    patient = patient_of(file.name)
    if part == "test":
        # The public set numbers the patients of its test folder anew.
        return Row(file, LABELS[label], TESTED, f"test-{patient}")
    # Its val folder is 16 images of patients who are in train as well: a fifth of the patients
    # of both together is set aside instead, the same ones every time.
    fifth = int(hashlib.sha256(patient.encode()).hexdigest(), 16) % 5 == 0
    return Row(file, LABELS[label], CHOSEN_ON if fifth else FITTED, patient)


def patient_of(name: str) -> str:
    """Return the patient that a file name of the public set names; else the name itself."""
    if found := re.match(r"person(\d+)_", name):
        return f"person{found[1]}"
    if found := re.match(r"(NORMAL2-)?IM-(\d+)-", name):
        return f"{found[1] or ''}IM-{found[2]}"
    return name


def _check_files(rows: list[Row]) -> None:
    seen: set[Path] = set()
    for row in rows:
        if row.file in seen:
            raise BadData(f"{row.file} is in the list twice.")
        seen.add(row.file)
    for file in [file for row in rows for file in (row.file, row.native) if file]:
        if not file.is_file():
            raise BadData(f"{file} is in the list but not in the folder.")


def _check_classes(rows: list[Row], needed: Sequence[str]) -> None:
    for split in needed:
        counts = {name: _count(rows, split, label) for name, label in LABELS.items()}
        if not all(counts.values()):
            what = "one class" if any(counts.values()) else "no radiographs"
            raise BadData(
                f"The split {split!r} holds {what}; both NORMAL and PNEUMONIA are needed."
            )
        name, fewest = min(counts.items(), key=lambda item: item[1])
        if split == CHOSEN_ON and fewest < FEWEST:
            raise BadData(
                f"The split {split!r} holds too few radiographs of the class {name}: {fewest}, "
                f"where at least {FEWEST} are needed to choose anything on it."
            )


def _count(rows: list[Row], split: str, label: int) -> int:
    return sum(row.split == split and row.label == label for row in rows)


def _check_patients(rows: list[Row]) -> None:
    """Refuse a patient in two splits; another size of a listed file does not count."""
    splits: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if not row.native_of:
            splits[row.patient].add(row.split)
    for patient, found in splits.items():
        if len(found) > 1:
            where = " and ".join(sorted(found))
            raise BadData(
                f"Patient {patient} is in {where}: a model must not be tested on who it has seen."
            )
