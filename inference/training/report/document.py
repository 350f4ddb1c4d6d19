"""One split of a bundle, measured: the whole report."""

import csv
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.classifier import Classifier
from inference.training.explore.shortcuts import shortcuts_of
from inference.training.explore.table import measure_files
from inference.training.figures import draw_network
from inference.training.report import figures
from inference.training.report.curves import points_of
from inference.training.report.disturbed import disturbances_of, parity_of
from inference.training.report.floors import thumbnail_floor
from inference.training.report.pictures import draw_report, draw_worst, worst_of
from inference.training.report.pixels import Read, Reader
from inference.training.report.scoring import Scored, score_rows
from inference.training.report.training import draw_training, training_of
from inference.training.splits import CONTRADICTED, Row, of_split

SCHEMA = 1
FILE_SIZE = "bytes_per_pixel"
"""The simple measure that is of the file and not of its pixels."""
Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be measured.

    Parameters
    ----------
    data : Path
        The folder of ``rows``; file names in the report are relative to it.
    split : str
        Which of ``rows``.
    disturbed : int
        Radiographs of each class whose files are disturbed; 0 leaves that part out.
    seed : int
        Decides resamples and samples.
    side : int, optional
        Radiographs are reduced to a square of so many pixels and enlarged again.
    bundle : Path, optional
        A packed bundle, whose training is told as well.
    """

    data: Path
    rows: Sequence[Row]
    split: str
    disturbed: int
    seed: int
    side: int | None = None
    bundle: Path | None = None


def write_report(classifier: Classifier, question: Question, out: Path) -> Document:
    """Measure, write ``report.json``, ``scores.csv`` and the pictures into ``out``, and return it.

    What is left out has a sentence under ``left_out`` that says why.

    Raises
    ------
    BadData
        A file cannot be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows = of_split(question.rows, question.split)
    scored = score_rows(classifier, rows, what=question.split, side=question.side)
    report = _report(classifier, scored, question)
    if question.bundle:
        report |= _training(classifier, question.bundle, out)
    report["left_out"] = _left_out(report, question)
    _draw(classifier, scored, question, out)
    _write_scores(scored, question, out / "scores.csv")
    text = json.dumps(report, indent=1, allow_nan=False, ensure_ascii=False)
    (out / "report.json").write_text(text + "\n", encoding="utf-8")
    return report


def _report(classifier: Classifier, scored: Scored, question: Question) -> Document:
    manifest, seed = classifier.manifest, question.seed
    gated = scored.gated()
    trusted = gated.only([row.label_tier != CONTRADICTED for row in gated.rows])
    report: Document = {
        "schema": SCHEMA,
        "model": manifest.name,
        "version": manifest.version,
        "weights_sha256": manifest.weights_sha256,
        "split": question.split,
        "seed": seed,
        "reduced_to": question.side,
        "threshold": manifest.threshold.value,
        "calibration": dataclasses.asdict(manifest.calibration),
        "prevalence": manifest.prevalence.value,
        **figures.figures_of(gated, manifest, seed),
        "refused": figures.refusals_of(scored),
        **points_of(gated),
        "ungated": figures.figures_of(scored, manifest, seed)
        | ({} if gated.whole else points_of(scored)),  # what the plots show then
        "subgroups": figures.subgroups_of(scored, manifest, seed),
    }
    if len(trusted.rows) != len(gated.rows):
        report["without_contradicted_labels"] = figures.figures_of(trusted, manifest, seed)
    return report | _doubts(classifier, scored, question)


def _doubts(classifier: Classifier, scored: Scored, question: Question) -> Document:
    """Return what the score may lean on, all of it on the pixels that were scored."""
    read, report = Reader(classifier, question.side).grey, Document()
    if question.side is None:
        report["parity"] = parity_of(classifier, scored)
        if count := question.disturbed:
            report["disturbances"] = disturbances_of(
                classifier, scored, count=count, seed=question.seed
            )
    report["shortcuts"] = _shortcuts(scored, question, read)
    report["floors"] = {"thumbnails_auc": thumbnail_floor(question.rows, scored.rows, read)}
    report["worst"] = [
        {
            "file": scored.rows[index].file.relative_to(question.data).as_posix(),
            "label": scored.rows[index].label,
            "probability": round(float(scored.probabilities[index]), 6),
        }
        for index in worst_of(scored)
    ]
    return report


def _training(classifier: Classifier, bundle: Path, out: Path) -> Document:
    """Return how the bundle came about, and draw it; empty where its own report does not tell."""
    training = training_of(bundle, classifier.manifest)
    if training is None:
        return {}
    draw_training(training, out / "curves.png")
    return {"training": training}


def _left_out(report: Document, question: Question) -> dict[str, str]:
    """Return why something is not in ``report`` that others have."""
    reduced = "the radiographs were reduced, so their files are not what was scored"
    why = dict.fromkeys(("parity", "disturbances", FILE_SIZE), reduced) if question.side else {}
    if question.bundle and "training" not in report:
        why["training"] = "the bundle has no report of these weights that tells it"
    return why


def _shortcuts(scored: Scored, question: Question, read: Read) -> list[Document]:
    """Return how well each simple measure of a file alone tells the classes of the split apart."""
    items = measure_files(scored.rows, question.data, read).items
    (group,) = (one for one in shortcuts_of(items, question.seed) if one["by"] == "split")
    return [
        {name: one[name] for name in ("measure", "auc", "low", "high")}
        for one in group["measures"]
        if one["auc"] is not None and not (question.side and one["measure"] == FILE_SIZE)
    ]


def _draw(classifier: Classifier, scored: Scored, question: Question, out: Path) -> None:
    """Draw those that the gates let through; all of them if these are of one class."""
    gated = scored.gated()
    what = question.split if gated.whole else f"{question.split}, gates off"
    threshold = classifier.manifest.threshold.value
    draw_report(gated if gated.whole else scored, threshold, what, out)
    draw_worst(scored, worst_of(scored), out / "worst.png", Reader(classifier, question.side).grey)
    draw_network(classifier.manifest.head, [out / "network.png", out / "network.svg"])


def _write_scores(scored: Scored, question: Question, file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "label", "patient", "probability", "refused"])
        for row, probability, refusal in zip(
            scored.rows, scored.probabilities, scored.refusals, strict=True
        ):
            name = row.file.relative_to(question.data).as_posix()
            code = refusal.code if refusal else ""
            writer.writerow([name, row.label, row.patient, f"{probability:.6f}", code])
