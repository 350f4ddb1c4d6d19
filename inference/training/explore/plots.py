"""Drawings as SVG in the page: their colours are the page's, light or dark."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from inference.training.explore.markup import Html
from inference.training.explore.simple import Simple
from inference.training.figures import FITTED, INK, PALE, VALIDATED, blank_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES: dict[str, dict[str, Any]] = {
    "NORMAL": {"color": FITTED, "linestyle": "-"},
    "PNEUMONIA": {"color": VALIDATED, "linestyle": (0, (4, 1.5))},
}
"""By class; the dashes tell them apart without colour."""
PAGE_COLOURS = {
    INK: "var(--ink)",
    PALE: "var(--line)",
    FITTED: "var(--normal)",
    VALIDATED: "var(--pneumonia)",
}
SIZE = (4.0, 2.5)
PLAIN: dict[Any, Any] = {
    "text.parse_math": False,
    "svg.fonttype": "none",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": PALE,
}


def draw_spread(
    name: str,
    simple: Simple,
    edges: Sequence[float],
    shares: Mapping[str, Sequence[float]],
    alt: str,
) -> Html:
    """Return the histogram of one measure by class."""

    def draw(axes: "Axes") -> None:
        for label, values in shares.items():
            axes.stairs(values, edges, label=label, linewidth=1.6, **STYLES[label])
        axes.set(xlabel=f"{simple.title} ({simple.unit})", ylabel="share of the class")
        if simple.log:
            _logarithmic(axes, edges)

    return draw_inline(name, draw, alt)


def draw_greys(name: str, shares: Mapping[str, Sequence[float]], alt: str) -> Html:
    """Return the mean grey-level histograms of the classes."""

    def draw(axes: "Axes") -> None:
        for label, values in shares.items():
            edges = np.linspace(0, 1, len(values) + 1)
            axes.stairs(values, edges, label=label, linewidth=1.6, **STYLES[label])
        axes.set(xlabel="grey value (0 black, 1 white)", ylabel="share of the pixels")

    return draw_inline(name, draw, alt)


def draw_counts(name: str, counts: Mapping[str, Sequence[int]], names: Sequence[str]) -> Html:
    """Return bars of the classes' radiographs by split."""

    def draw(axes: "Axes") -> None:
        places = np.arange(len(names))
        for offset, (label, values) in zip((-0.2, 0.2), counts.items(), strict=True):
            bars = axes.barh(
                places + offset,
                values,
                0.38,
                label=label,
                facecolor=STYLES[label]["color"],
                edgecolor=INK,
                hatch="" if offset < 0 else "///",
                linewidth=0.6,
            )
            axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8)
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set_xlabel("radiographs")
        axes.margins(x=0.15)

    alt = "Bars of radiographs by split and class; the table above has the numbers."
    return draw_inline(name, draw, alt, size=(5.6, 0.55 * len(names) + 1.3))


def _logarithmic(axes: "Axes", edges: Sequence[float]) -> None:
    """Set three ticks as plain numbers: powers of ten seldom fall into so short an axis."""
    ticks = np.geomspace(edges[0], edges[-1], 4)
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
    axes.minorticks_off()


def draw_inline(
    name: str, draw: Callable[["Axes"], None], alt: str, size: tuple[float, float] = SIZE
) -> Html:
    """Return what ``draw`` puts on axes, as an element; ``name`` is its own on the page."""
    from matplotlib import rc_context

    # The salt keeps the names that drawings give their parts apart, and the same every time.
    with rc_context({**PLAIN, "svg.hashsalt": name}):
        figure = blank_figure(*size)
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        axes.grid(axis="both", linewidth=0.6)
        axes.set_axisbelow(True)
        figure.legend(frameon=False, loc="upper center", ncols=2, fontsize=8)
        figure.tight_layout(rect=(0, 0, 1, 0.93))
        return _inline(figure, alt)


def _inline(figure: "Figure", alt: str) -> Html:
    """Return ``figure`` as an element: no prolog, no foreign names, no fixed colours."""
    stream = io.StringIO()
    figure.savefig(
        stream, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
    )
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    view = re.search(r'viewBox="[^"]*"', text)
    body = text[text.index(">") + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href")
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    body = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else "", body)
    body = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", body)
    for fixed, named in PAGE_COLOURS.items():
        body = body.replace(fixed, named)
    box = view[0] if view else ""
    return Html(f'<svg {box} role="img" aria-label="{escape(alt)}">{body.strip()}\n')
