"""What is measured when a bundle is packed: its report, its pictures and its card."""

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference import manifest as m
from inference.classifier import Classifier, Radiograph
from inference.refusal import Refusal
from inference.training import statements
from inference.training.aims import aims_of
from inference.training.card import card
from inference.training.figures import draw_curves, draw_network
from inference.training.own_words import Said
from inference.training.report.document import Question, write_report
from inference.training.report.scoring import classify
from inference.training.run import Trained, read_run
from inference.training.splits import (
    CHOSEN_ON,
    EXTERNAL,
    FITTED,
    OFFICIAL,
    TESTED,
    BadData,
    Row,
    fitting_rows,
    of_split,
)
from inference.training.stems import SECOND

if TYPE_CHECKING:
    from inference.training.pack import Wish

Document = dict[str, Any]

SCHEMA = 2
BENCHMARK_SIDE = 28
DISTURBED = 100
"""Radiographs of each class whose files are disturbed."""
BENCHMARK = f"{OFFICIAL}_{BENCHMARK_SIDE}"
PLOTS = ("roc", "precision-recall", "reliability", "scores", "confusion")


@dataclass(frozen=True, slots=True)
class Packed:
    """A bundle that can read, and what it came of.

    Parameters
    ----------
    article_seconds : float, optional
        What an epoch of the article's recipe took, see `article_seconds_of`.
    """

    classifier: Classifier
    trained: Trained
    rows: Sequence[Row]
    wish: "Wish"
    said: Said
    article_seconds: float | None = None

    def documents(self) -> dict[str, Document]:
        """Return the report of every split that may be opened, its plots being put aside."""
        wanted: list[tuple[str, str, int | None]] = [(CHOSEN_ON, CHOSEN_ON, None)]
        if self.wish.final:
            wanted += [(TESTED, TESTED, None), (EXTERNAL, EXTERNAL, None)]
            wanted += [(BENCHMARK, OFFICIAL, BENCHMARK_SIDE)]
        held = [one for one in wanted if of_split(self.rows, one[1])]
        shutil.rmtree(self.wish.out / "pictures", ignore_errors=True)
        return {name: self._document(name, split, side) for name, split, side in held}

    def strangers(self) -> Document | None:
        """Return how many pictures that are no chest radiographs the gates keep out."""
        folder = self.wish.strangers
        if folder is None:
            return None
        files = sorted(path for path in folder.iterdir() if path.is_file())
        answers = classify(self.classifier, [Radiograph(one) for one in files], what="strangers")
        reasons = [answer.code for answer in answers if isinstance(answer, Refusal)]
        return {
            "n": len(files),
            "refused": len(reasons),
            "by_reason": {code: reasons.count(code) for code in sorted(set(reasons))},
            "what": statements.STRANGERS,
        }

    def _document(self, name: str, split: str, side: int | None) -> Document:
        seed = self.trained.record.seed
        rows = self.rows if self.wish.limit is None else _limited(self.rows, self.wish.limit)
        disturbed = DISTURBED if side is None else 0
        question = Question(self.wish.data, rows, split, disturbed, seed, side)
        pictures = self.wish.out / "pictures"
        pictures.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            document = write_report(self.classifier, question, Path(folder))
            for plot in PLOTS:
                shutil.copy(Path(folder) / f"{plot}.png", pictures / f"{name}-{plot}.png")
        return document


def measured_of(documents: Mapping[str, Document], packed: Packed) -> m.Measured:
    """Return the figures that stand in a manifest, of what the gates let through.

    Those of the other hospital are taken with the gates off where its people are outside the use.
    """
    two = SECOND in packed.trained.record.images
    external = documents.get(EXTERNAL)
    return m.Measured(
        val=_metrics(documents[CHOSEN_ON]),
        test_internal=_metrics(documents[TESTED]) if TESTED in documents else None,
        external_report=_external(external, two=two) if external else None,
        floors=packed.said.floors,
    )


def write_packed_report(
    packed: Packed, manifest: m.Manifest, documents: Mapping[str, Document]
) -> None:
    """Write report.json, the card and the pictures beside the manifest."""
    out, record = packed.wish.out, packed.trained.record
    pictures = out / "pictures"
    if record.histories:  # a head alone has no epochs
        draw_curves(record.histories["all"], record.kept_epoch, pictures / "curves.png")
    draw_network(manifest.head, [pictures / "network.png", out / "network.svg"])
    training = dataclasses.asdict(record)
    training.pop("held_out")
    training["article_seconds_an_epoch"] = packed.article_seconds
    training["base"] = packed.trained.body.provenance
    report: Document = {
        "schema": SCHEMA,
        "model": manifest.name,
        "version": manifest.version,
        "weights_sha256": manifest.weights_sha256,
        "weights_bytes": weights_bytes(packed.wish.out, manifest),
        "created": manifest.created,
        "statement": manifest.intended_use.statement,
        "intended_use": dataclasses.asdict(manifest.intended_use),
        "disclaimer": manifest.disclaimer.text,
        "licences": list(manifest.licences),
        "data": list(packed.said.words.data),
        "training": training,
        "threshold": _threshold(manifest.threshold),
        "calibration": dataclasses.asdict(manifest.calibration),
        "prevalence": dataclasses.asdict(manifest.prevalence),
        "gates": _gates(manifest),
        "explanation": dataclasses.asdict(manifest.explanation) if manifest.explanation else None,
        "splits": dict(documents),
        "strangers": packed.strangers(),
        "notes": list(packed.said.words.notes),
    }
    report["aims"] = aims_of(report)
    (out / "card.md").write_text(card(report), encoding="utf-8")
    text = json.dumps(report, indent=1, allow_nan=False, ensure_ascii=False)
    (out / "report.json").write_text(text + "\n", encoding="utf-8")


def article_seconds_of(wish: "Wish", rows: Sequence[Row]) -> float | None:
    """Return what an epoch of the article's recipe took on the same radiographs of train.

    Raises
    ------
    BadData
        The run is not finished, or fitted another number of radiographs: then its epoch is none
        to compare with.
    """
    if wish.article_run is None:
        return None
    record = read_run(wish.article_run).record
    fitted, here = sum(record.images.values()), len(fitting_rows(rows, FITTED, wish.limit))
    if fitted != here:
        raise BadData(
            f"The article's run in {wish.article_run} fitted {fitted} radiographs, where train has "
            f"{here}: its time of an epoch is none to compare with."
        )
    return record.seconds_an_epoch


def weights_bytes(folder: Path, manifest: m.Manifest) -> int:
    """Return how large the files of weights are, wherever the body lies."""
    files = [manifest.head_file.file]
    files += [one.file for one in (manifest.body, manifest.gates and manifest.gates.file) if one]
    homes = (folder, folder.parent / "bodies")
    found = [next(home / file for home in homes if (home / file).is_file()) for file in files]
    return sum(path.stat().st_size for path in found)


def _threshold(threshold: m.Threshold) -> Document:
    said = dataclasses.asdict(threshold)
    return said | {"interval": [said.pop("low"), said.pop("high")]}


def _gates(manifest: m.Manifest) -> Document:
    said = dataclasses.asdict(manifest.gates) if manifest.gates else {}
    said.pop("file", None)
    return said


def _limited(rows: Sequence[Row], limit: int) -> list[Row]:
    return [
        row for split in {row.split: None for row in rows} for row in of_split(rows, split, limit)
    ]


def _metrics(document: Document) -> m.Metrics:
    part = document if document["auc"] is not None else document["ungated"]
    return m.Metrics(
        images=part["n"],
        pneumonia=part["pneumonia"],
        patients=part["patients"],
        **{name: _interval(part, name)
           for name in ("auc", "sensitivity", "specificity", "accuracy", "ece")},
    )  # fmt: skip


def _external(document: Document, *, two: bool) -> m.External:
    part = document if two and document["auc"] is not None else document["ungated"]
    return m.External(
        images=part["n"],
        pneumonia=part["pneumonia"],
        patients=part["patients"],
        auc=_interval(part, "auc"),
        auc_by_view={
            group["value"]: _interval(group, "auc")
            for group in document["subgroups"]
            if group["group"] == "view"
        },
        note=statements.EXTERNAL_NOTES[1 + two],
    )


def _interval(part: Document, name: str) -> m.Interval:
    return m.Interval(part[name], *part[f"{name}_ci"])
