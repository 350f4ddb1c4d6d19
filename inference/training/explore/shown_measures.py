"""The page's sections about the simple measures: how they spread, and what they give away."""

from collections.abc import Sequence

from inference.training.explore.document import Document
from inference.training.explore.markup import (
    Html,
    figure,
    grid,
    join,
    number,
    percent,
    section,
    sentences,
    table,
    tag,
)
from inference.training.explore.plots import draw_greys, draw_spread
from inference.training.explore.shortcuts import TITLES, Group, Shortcut
from inference.training.explore.simple import SIMPLE, Simple
from inference.training.explore.spread import QUANTILES, Spread, Spreads

COLUMNS = [*QUANTILES, "highest"]


def show_shortcuts(document: Document) -> Html:
    """Return the section of what separates the classes without any medicine."""
    groups = document["shortcuts"]
    limit = document["limits"]["shortcut_auc"]
    tables = [
        _shortcut_table(title, [group for group in groups if group["by"] == by])
        for by, title in (("split", "Splits"), ("source", "Sources"))
        if any(group["by"] == by for group in groups)
    ]
    return section(
        "shortcuts",
        "Shortcuts",
        sentences(
            "The AUC with which one simple measure alone separates the classes, with its 95\u00a0% "
            f"interval ({number(document['limits']['resamples'])} resamples of patients, drawn "
            "within each class). 0.5: it says nothing. Above, PNEUMONIA has the higher values; "
            "below, the lower ones: 0.2 separates as well as 0.8. In brackets after each name: how "
            "many radiographs it has.",
            f"From {limit} on, or {1 - limit:.1f} and below, the table says “shortcut”: a network "
            "can reach that without looking at a lung, and its own figure means little unless it "
            "is far better, there and where the shortcut is absent or runs the other way.",
        ),
        *tables,
    )


def show_spreads(document: Document) -> Html:
    """Return the section of each measure's distribution by source and class."""
    return section(
        "measures",
        "Sizes, tone, compression and sharpness",
        sentences(
            "Each simple measure by source and class. Where the two lines of a drawing lie apart, "
            "the measure tells the classes apart; where the drawings of two sources lie apart, a "
            "model of one sees something new in the other. Lines are shares of their class, so "
            "that classes of unlike size compare; p5 is the value that 5\u00a0% of the files are "
            "below.",
        ),
        *(_measure(simple, document["spreads"][simple.key]) for simple in SIMPLE),
    )


def show_greys(document: Document) -> Html:
    """Return the section of the mean grey-level histograms."""
    drawings = []
    for source in dict.fromkeys(str(record["source"]) for record in document["greys"]):
        records = [record for record in document["greys"] if record["source"] == source]
        shares = {str(record["class"]): _floats(record["shares"]) for record in records}
        counted = ", ".join(f"{r['images']:,} {r['class']}" for r in records)
        alt = f"Mean grey-level histogram of {source} by class."
        drawings.append(figure(draw_greys(f"greys {source}", shares, alt), f"{source}: {counted}."))
    return section(
        "greys",
        "Grey levels",
        sentences(
            "The mean histogram of the grey values, in 64 levels: how dark and how evenly lit the "
            "archive's pictures are. A peak at 0 or 1 is borders, markers or burnt-out tone; comb "
            "teeth are a tone curve that was applied to 8-bit files."
        ),
        grid(drawings, "drawings"),
    )


def _shortcut_table(title: str, groups: Sequence[Group]) -> Html:
    head = ["measure", *(f"{g['name']} ({g['images']:,})" for g in groups)]
    columns = [{one["measure"]: one for one in group["measures"]} for group in groups]
    rows = [
        [TITLES[key], *(_auc(column[key]) for column in columns)]
        for key in TITLES
        if any(column[key]["note"] != "not stated" for column in columns)
    ]
    return table(f"{title}: AUC of each measure alone (95\u00a0% interval)", head, rows)


def _auc(one: Shortcut) -> Html:
    if one["auc"] is None:
        return tag("span", one["note"], class_="quiet")
    interval = tag("div", f"({one['low']:.3f} to {one['high']:.3f})", class_="interval quiet")
    if not one["shortcut"]:
        return join((f"{one['auc']:.3f} ", interval))
    word = tag("strong", f"shortcut: {one['direction']} in PNEUMONIA", class_="flag")
    return join((tag("b", f"{one['auc']:.3f} "), interval, word))


def _measure(simple: Simple, spreads: Spreads) -> Html:
    drawn = [spread for spread in spreads["sources"] if not _same(spread)]
    outside = (
        f"{percent(spreads['outside'])} of the files are beyond the axes and drawn at their ends."
        if drawn and spreads["outside"]
        else ""
    )
    same = " ".join(
        f"All files of {spread['source']} have {number(_value(spread), simple.digits)}."
        for spread in spreads["sources"]
        if _same(spread)
    )
    return join(
        (
            tag("h3", simple.title, id=f"measure-{simple.key}"),
            sentences(simple.meaning, same, outside),
            grid((_spread(simple, spreads, one) for one in drawn), "drawings"),
            _quantiles(simple, spreads),
        )
    )


def _spread(simple: Simple, spreads: Spreads, spread: Spread) -> Html:
    medians = ", ".join(
        f"{label} median {number(found['median'], simple.digits)}"
        for label, found in spread["quantiles"].items()
    )
    source = spread["source"]
    alt = f"Histogram of {simple.title.lower()} in {source} by class: {medians}."
    name = f"{simple.key} {source}"
    drawing = draw_spread(name, simple, spreads["edges"], spread["shares"], alt)
    return figure(drawing, f"{source}: {medians}.")


def _quantiles(simple: Simple, spreads: Spreads) -> Html:
    rows = [
        (
            spread["source"],
            label,
            number(spread["images"][label]),
            *(number(found[column], simple.digits) for column in COLUMNS),
        )
        for spread in spreads["sources"]
        for label, found in spread["quantiles"].items()
    ]
    caption = f"{simple.title} ({simple.unit}) by source and class"
    return table(caption, ["source", "class", "images", *COLUMNS], rows)


def _same(spread: Spread) -> bool:
    values = {found[end] for found in spread["quantiles"].values() for end in ("lowest", "highest")}
    return len(values) == 1


def _value(spread: Spread) -> float:
    return next(iter(spread["quantiles"].values()))["lowest"]


def _floats(values: object) -> list[float]:
    assert isinstance(values, list)  # noqa: S101 - the shape of the document
    return values
