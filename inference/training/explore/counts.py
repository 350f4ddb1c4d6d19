"""How many of what: radiographs, patients, who they are, and what their files are."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from inference.training.explore.table import NAMES, UNSTATED, Measured, groups_of, of_class

Record = dict[str, object]
LAST = 5
"""Patients with so many images, or more, are counted together."""


def count_splits(items: Sequence[Measured]) -> list[Record]:
    """Return radiographs and patients of each class, split and source."""
    return [
        {"split": split, "source": source, **_classes(members)}
        for split, some in groups_of(items, "split").items()
        for source, members in groups_of(some, "source").items()
    ]


def count_by(items: Sequence[Measured], key: str) -> list[Record]:
    """Return radiographs of each class and split by a text of their rows, most frequent first."""
    groups = sorted(groups_of(items, key).items(), key=lambda group: (-len(group[1]), group[0]))
    splits = list(groups_of(items, "split"))
    return [
        {key: name, **_classes(members), "splits": _in_splits(members, splits)}
        for name, members in groups
    ]


def count_kinds(items: Sequence[Measured]) -> list[Record]:
    """Return radiographs of each class by source, file format and colour mode."""
    found = Counter((item.source, item.kind, item.class_name) for item in items)
    keys = sorted({(source, kind) for source, kind, _ in found})
    return [
        {"source": source, "kind": kind}
        | {name: found[source, kind, name] for name in NAMES.values()}
        for source, kind in keys
    ]


def count_patients(items: Sequence[Measured]) -> list[Record]:
    """Return, for each split, how many images a patient has."""
    return [
        {"split": split, **_images_of_patients(some)}
        for split, some in groups_of(items, "split").items()
    ]


def describe_people(items: Sequence[Measured]) -> list[Record]:
    """Return age, sex and view of each split and class, where the list states any of them."""
    return [
        {"split": split, "class": NAMES[label], **_people(members)}
        for split, some in groups_of(items, "split").items()
        for label in NAMES
        if any(_is_stated(item) for item in some) and (members := of_class(some, label))
    ]


def patients_of(items: Iterable[Measured]) -> int:
    """Return of how many patients ``items`` are."""
    return len({item.row.patient for item in items})


def _classes(members: Sequence[Measured]) -> Record:
    sick = sum(item.row.label for item in members)
    return {
        NAMES[0]: len(members) - sick,
        NAMES[1]: sick,
        "images": len(members),
        "pneumonia_share": round(sick / len(members), 4),
        "patients": patients_of(members),
    }


def _in_splits(members: Sequence[Measured], splits: Sequence[str]) -> dict[str, int]:
    found = Counter(item.row.split for item in members)
    return {split: found[split] for split in splits}


def _images_of_patients(some: Sequence[Measured]) -> Record:
    images = Counter(item.row.patient for item in some)
    classes = {(item.row.patient, item.row.label) for item in some}
    sizes = Counter(min(count, LAST) for count in images.values())
    return {
        "patients": len(images),
        "images": len(some),
        "mean": round(len(some) / len(images), 3),
        "most": max(images.values()),
        "with": {str(size): sizes[size] for size in range(1, LAST + 1)},
        "in_both_classes": len(classes) - len(images),
    }


def _is_stated(item: Measured) -> bool:
    return item.row.age is not None or bool(item.row.sex or item.row.view)


def _people(members: Sequence[Measured]) -> Record:
    ages = [item.row.age for item in members if item.row.age is not None]
    quartiles = np.quantile(ages, [0, 0.25, 0.5, 0.75, 1]).tolist() if ages else None
    return {
        "images": len(members),
        "age_stated": len(ages),
        "age": quartiles,
        "sex": _shares(item.row.sex for item in members),
        "view": _shares(item.row.view for item in members),
    }


def _shares(texts: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(text or UNSTATED for text in texts).items()))
