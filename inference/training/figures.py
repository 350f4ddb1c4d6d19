"""Pictures of a training: the curves, and the network as boxes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inference.vgg16 import BLOCKS, SIZE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from inference.manifest import Head

INK, FITTED, VALIDATED, PALE = "#1f2937", "#2563eb", "#d97706", "#e5e7eb"


def draw_curves(history: Mapping[str, Sequence[float]], best_epoch: int, file: Path) -> None:
    """Write training and validation loss and accuracy by epoch to ``file``, a PNG."""
    figure = blank_figure(9, 3.6)
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        epochs = range(1, len(history[name]) + 1)
        axes.plot(epochs, history[name], color=FITTED, marker=".", label="training")
        axes.plot(epochs, history[f"val_{name}"], color=VALIDATED, marker=".", label="validation")
        axes.axvline(best_epoch, color=INK, linewidth=0.8, linestyle=":", label="kept")
        axes.set(title=name.capitalize(), xlabel="epoch")
        axes.grid(color=PALE)
        axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(file, dpi=120)


def draw_network(head: "Head", files: Sequence[Path]) -> None:
    """Write the network, from the picture down to the score, to each of ``files`` (PNG, SVG)."""
    boxes = [*_body_boxes(), *_head_boxes(head)]
    figure = blank_figure(6, 0.62 * len(boxes) + 0.4)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 10), ylim=(-len(boxes), 0.3))
    axes.axis("off")
    for index, (text, shape, colour) in enumerate(boxes):
        middle = -index - 0.35
        box = {
            "boxstyle": "round,pad=0.45",
            "facecolor": colour,
            "edgecolor": INK,
            "linewidth": 0.8,
        }
        axes.text(4.2, middle, text, ha="center", va="center", color=INK, fontsize=9, bbox=box)
        axes.text(8.4, middle, shape, ha="center", va="center", color=INK, fontsize=8)
        if index:
            arrow = {"arrowstyle": "->", "color": INK, "lw": 0.8}
            axes.annotate("", (4.2, middle + 0.25), (4.2, middle + 0.75), arrowprops=arrow)
    for file in files:
        figure.savefig(file, dpi=120, metadata={"Date": None} if file.suffix == ".svg" else None)


def blank_figure(width: float, height: float) -> "Figure":
    """Return a figure without pyplot, which would keep it and look for a screen."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), facecolor="white")


def _body_boxes() -> list[tuple[str, str, str]]:
    boxes = [("radiograph, grey, three times", f"{SIZE} x {SIZE} x 3", "white")]
    side = SIZE
    for block, widths in enumerate(BLOCKS, start=1):
        text = f"block {block}: {len(widths)} x convolution 3 x 3, ReLU"
        boxes.append((text, f"{side} x {side} x {widths[-1]}", "#dbeafe"))
        side //= 2
        boxes.append(("maximum of 2 x 2", f"{side} x {side} x {widths[-1]}", PALE))
    return boxes


def _head_boxes(head: "Head") -> list[tuple[str, str, str]]:
    if head.features == "flattened":
        length = (SIZE // 32) ** 2 * BLOCKS[-1][-1]
        boxes = [("flatten", str(length), PALE)]
    else:
        length = sum(3 * BLOCKS[block - 1][-1] for block in head.blocks)
        of = " and ".join(str(block) for block in head.blocks)
        boxes = [(f"mean, maximum, deviation of block {of}", str(length), PALE)]
    boxes += [(f"dense, {layer.activation}", str(layer.units), "#fef3c7") for layer in head.layers]
    return [*boxes, ("calibration (Platt)", "probability", "#dcfce7")]
