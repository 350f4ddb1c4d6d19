"""The pictures of a report: curves, counts, and the worst errors."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from inference.preprocess import squash
from inference.training.figures import FITTED, INK, PALE, VALIDATED, blank_figure
from inference.training.report.curves import precision_recall_of, reliability_of, roc_of
from inference.training.report.figures import HISTOGRAM_BINS
from inference.training.report.pixels import Read
from inference.training.report.scoring import Scored
from inference.training.splits import labels_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WORST = 24
COLUMNS = 6
DPI = 120
NORMAL_COLOUR, PNEUMONIA_COLOUR = FITTED, VALIDATED


def draw_report(scored: Scored, threshold: float, title: str, folder: Path) -> None:
    """Write the pictures of ``scored``, which holds both classes, into ``folder``."""
    drawings = {
        "roc": _roc,
        "precision-recall": _precision_recall,
        "reliability": _reliability,
        "scores": _scores,
        "confusion": _confusion,
    }
    for name, draw in drawings.items():
        figure = blank_figure(4.6, 4.2)
        axes = figure.add_subplot()
        draw(axes, scored, threshold)
        axes.set_title(f"{title}, {len(scored.rows)} radiographs", fontsize=9, color=INK)
        figure.tight_layout()
        figure.savefig(folder / f"{name}.png", dpi=DPI)


def worst_of(scored: Scored) -> list[int]:
    """Return the indices of at most `WORST` radiographs, those furthest from their label first."""
    gap = np.abs(scored.probabilities - labels_of(scored.rows))
    order = np.argsort(-gap, kind="stable")[:WORST]
    return [int(index) for index in order if gap[index] > 0.5]  # noqa: PLR2004 - else it is right


def draw_worst(scored: Scored, chosen: Sequence[int], file: Path, read: Read) -> None:
    """Write a contact sheet of the radiographs at the indices ``chosen``, read by ``read``."""
    tall = max(1, -(-len(chosen) // COLUMNS))
    figure = blank_figure(1.7 * COLUMNS, 2.0 * tall)
    for place, index in enumerate(chosen, start=1):
        row, probability = scored.rows[index], scored.probabilities[index]
        axes = figure.add_subplot(tall, COLUMNS, place)
        axes.imshow(squash(read(row.file)), cmap="gray", vmin=0, vmax=1)
        label = "pneumonia" if row.label else "normal"
        axes.set_title(f"{label}, scored {probability:.2f}", fontsize=7, color=INK)
        axes.axis("off")
    if not chosen:
        figure.text(0.5, 0.5, "no radiograph is on the wrong side of 0.5", ha="center", fontsize=9)
    figure.tight_layout()
    figure.savefig(file, dpi=DPI)
    with Image.open(file) as image:
        image.convert("L").save(file, optimize=True)


def _roc(axes: "Axes", scored: Scored, threshold: float) -> None:
    labels, points = labels_of(scored.rows), roc_of(scored)
    called = scored.probabilities >= threshold
    axes.plot(points["false_positive_rate"], points["sensitivity"], color=PNEUMONIA_COLOUR)
    point = [float(called[labels == label].mean()) for label in (0, 1)]
    axes.plot(*point, "o", color=INK, label=f"cut-off {threshold:.3f}")
    axes.plot([0, 1], [0, 1], color=PALE, zorder=0)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity")
    axes.legend(frameon=False, loc="lower right")


def _precision_recall(axes: "Axes", scored: Scored, threshold: float) -> None:
    labels, points = labels_of(scored.rows), precision_recall_of(scored)
    called = scored.probabilities >= threshold
    axes.plot(points["sensitivity"], points["precision"], color=PNEUMONIA_COLOUR)
    if called.any():
        point = (float(called[labels == 1].mean()), float(labels[called].mean()))
        axes.plot(*point, "o", color=INK, label=f"cut-off {threshold:.3f}")
        axes.legend(frameon=False, loc="lower left")
    axes.axhline(float(labels.mean()), color=PALE, zorder=0)
    axes.set(xlabel="sensitivity (recall)", ylabel="positive predictive value", ylim=(0, 1.02))


def _reliability(axes: "Axes", scored: Scored, threshold: float) -> None:
    """Draw the bins of the calibration error that hold any score."""
    filled = [one for one in reliability_of(scored) if one["n"]]
    said = [one["mean_score"] or 0.0 for one in filled]
    were = [one["share"] or 0.0 for one in filled]
    counts = [one["n"] for one in filled]
    axes.plot([0, 1], [0, 1], color=PALE, zorder=0)
    axes.plot(said, were, color=PNEUMONIA_COLOUR, marker="o")
    for x, y, count in zip(said, were, counts, strict=True):
        axes.annotate(str(count), (x, y), fontsize=7, xytext=(4, -9), textcoords="offset points")
    axes.axvline(threshold, color=INK, linestyle=":", linewidth=0.8)
    axes.set(xlabel="score", ylabel="share with pneumonia", xlim=(0, 1), ylim=(-0.02, 1.02))


def _scores(axes: "Axes", scored: Scored, threshold: float) -> None:
    labels = labels_of(scored.rows)
    edges = [step / HISTOGRAM_BINS for step in range(HISTOGRAM_BINS + 1)]
    for label, name, colour in ((0, "normal", NORMAL_COLOUR), (1, "pneumonia", PNEUMONIA_COLOUR)):
        axes.hist(scored.probabilities[labels == label], edges, color=colour, alpha=0.6, label=name)
    axes.axvline(threshold, color=INK, linestyle=":", linewidth=0.8)
    axes.set(xlabel="score", ylabel="radiographs")
    axes.legend(frameon=False, loc="upper center")


def _confusion(axes: "Axes", scored: Scored, threshold: float) -> None:
    labels = labels_of(scored.rows)
    called = scored.probabilities >= threshold
    counts = np.array([[int((called[labels == y] == c).sum()) for c in (0, 1)] for y in (0, 1)])
    axes.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues", vmax=1.6)
    for (down, across), count in np.ndenumerate(counts):
        axes.text(across, down, str(count), ha="center", va="center", color=INK, fontsize=13)
    axes.set_xticks([0, 1], ["absent", "present"])
    axes.set_yticks([0, 1], ["normal", "pneumonia"])
    axes.set(xlabel="finding", ylabel="label")
