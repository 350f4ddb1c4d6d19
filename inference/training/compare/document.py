"""Everything that a comparison says, as plain values; page and ``compare.json`` show the same."""

import csv
import dataclasses
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inference.bundle import BundleBroken
from inference.manifest import Manifest
from inference.training.compare.paired import Pair, delong, differences, disagreement, mcnemar
from inference.training.measures import FEWEST
from inference.training.report.figures import SUBGROUPS
from inference.training.report.scoring import Scored

SCHEMA = 1
SAID_ONLY = {"name", "version", "created", "measured", "training", "disclaimer", "licences"}
"""Parts of a manifest that no score and no finding depends on."""
NAMES = ("NORMAL", "PNEUMONIA")
FINDINGS = ("absent", "present")
COLUMNS = (
    "file", "label", "probability_a", "probability_b", "finding_a", "finding_b", "right",
    "refused_a", "refused_b",
)  # fmt: skip
Document = dict[str, Any]


class SameModel(BundleBroken):
    """The bundles answer alike, so that there is nothing to compare."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which radiographs are compared; file names are said relative to ``data``."""

    data: Path
    split: str
    seed: int


def refuse_same(first: Manifest, second: Manifest) -> None:
    """Refuse two bundles that differ in nothing that a score or a finding depends on.

    Raises
    ------
    SameModel
    """
    a, b = ({key: value for key, value in dataclasses.asdict(one).items() if key not in SAID_ONLY}
            for one in (first, second))  # fmt: skip
    if a == b:
        raise SameModel(
            f"{first.name} {first.version} and {second.name} {second.version} are the same model: "
            "weights, calibration, threshold and intended use are equal, so no score can differ."
        )


def pair_of(a: Scored, b: Scored, manifests: tuple[Manifest, Manifest]) -> Pair:
    """Return the scores of both, gates off."""
    thresholds = (manifests[0].threshold.value, manifests[1].threshold.value)
    return Pair(a.rows, (a.probabilities, b.probabilities), thresholds)


def scored_by_both(a: Scored, b: Scored) -> list[bool]:
    """Return which radiographs the gates of both let through."""
    return [not (x or y) for x, y in zip(a.refusals, b.refusals, strict=True)]


def compare(
    a: Scored, b: Scored, manifests: tuple[Manifest, Manifest], asked: Question
) -> Document:
    """Return the whole comparison of A against B."""
    pair = pair_of(a, b, manifests)
    models = {
        letter: {
            "model": one.name,
            "version": one.version,
            "weights_sha256": one.weights_sha256,
            "threshold": one.threshold.value,
        }
        for letter, one in zip("ab", manifests, strict=True)
    }
    return {
        "schema": SCHEMA,
        "split": asked.split,
        "seed": asked.seed,
        "models": models,
        "same_weights": manifests[0].weights_sha256 == manifests[1].weights_sha256,
        "gated": _part(pair.only(scored_by_both(a, b)), asked.seed),
        "ungated": _part(pair, asked.seed),
        "refused": _refused(a, b, asked.data),
        "subgroups": list(_subgroups(pair, asked.seed)),
        "disagreements": _cases(a, b, pair, asked.data),
    }


def write_disagreements(document: Document, file: Path) -> None:
    """Write the radiographs on which the findings differ, as CSV."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(document["disagreements"])


def _part(pair: Pair, seed: int) -> Document:
    table = disagreement(pair)
    only_a, only_b = table["all"]["only_a"], table["all"]["only_b"]
    return {
        "n": len(pair.rows),
        "pneumonia": int(pair.labels.sum()),
        "patients": len({row.patient for row in pair.rows}),
        "figures": differences(pair, seed),
        "delong": _rounded(delong(*pair.scores, pair.labels)) if pair.whole else None,
        "mcnemar": {"only_a": only_a, "only_b": only_b, "p": mcnemar(only_a, only_b)},
        "disagreement": table,
    }


def _rounded(found: Document) -> Document:
    return {
        name: [round(end, 6) for end in value] if isinstance(value, list)
        else value if value is None or name == "p" else round(value, 6)
        for name, value in found.items()
    }  # fmt: skip


def _refused(a: Scored, b: Scored, data: Path) -> Document:
    codes = [
        (row.file.relative_to(data).as_posix(), x.code if x else "", y.code if y else "")
        for row, x, y in zip(a.rows, a.refusals, b.refusals, strict=True)
    ]
    return {
        "both": sum(bool(x and y) for _, x, y in codes),
        "neither": sum(not (x or y) for _, x, y in codes),
        "only_a": [{"file": file, "reason": x} for file, x, y in codes if x and not y],
        "only_b": [{"file": file, "reason": y} for file, x, y in codes if y and not x],
        "by_reason": {
            "a": dict(sorted(Counter(x for _, x, _ in codes if x).items())),
            "b": dict(sorted(Counter(y for _, _, y in codes if y).items())),
        },
    }


def _subgroups(pair: Pair, seed: int) -> Iterator[Document]:
    """Yield the differences in each subgroup that `evaluate` reports, gates off."""
    for what, of in SUBGROUPS.items():
        values = [of(row) for row in pair.rows]
        for value in sorted(set(values) - {""}):
            chosen = [v == value or (what == "subtype" and not row.label)
                      for v, row in zip(values, pair.rows, strict=True)]  # fmt: skip
            if all(chosen) and what != "subtype":
                continue  # the whole split again
            some = pair.only(chosen)
            sick = int(some.labels.sum())
            if min(sick, len(some.rows) - sick) >= FEWEST:
                names = ("auc", "sensitivity", "specificity")
                counts = {"n": len(some.rows), "pneumonia": sick}
                found = differences(some, seed, names)
                yield {"group": what, "value": value, **counts, "figures": found}


def _cases(a: Scored, b: Scored, pair: Pair, data: Path) -> list[Document]:
    """Return where the findings differ, those whose scores are furthest apart first."""
    right = pair.right
    gaps = np.abs(pair.scores[0] - pair.scores[1])
    order = [
        index for index in np.argsort(-gaps, kind="stable") if right[0][index] != right[1][index]
    ]
    cases = []
    for index in order:
        row = pair.rows[index]
        scores = [float(scores[index]) for scores in pair.scores]
        called = [s >= t for s, t in zip(scores, pair.thresholds, strict=True)]
        refusals = [one.refusals[index] for one in (a, b)]
        values = [
            row.file.relative_to(data).as_posix(), NAMES[row.label],
            *(round(score, 6) for score in scores), *(FINDINGS[one] for one in called),
            "a" if right[0][index] else "b", *(one.code if one else "" for one in refusals),
        ]  # fmt: skip
        cases.append(dict(zip(COLUMNS, values, strict=True)))
    return cases
