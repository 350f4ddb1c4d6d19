"""HTML from Python: what is not already markup is escaped, file names above all."""

import re
from collections.abc import Iterable, Sequence
from html import escape

NUMBER = re.compile(r"-?[\d,.]+(\u00a0%)?")
VOID = {"img", "meta", "br"}


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def tag(name: str, *children: object, **attributes: object) -> Html:
    """Return an element; an attribute's trailing underscore is dropped, None leaves one out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Html(f"<{name}{said}>")
    return Html(f"<{name}{said}>{join(children)}</{name}>")


def join(children: Iterable[object]) -> Html:
    """Return ``children`` one after the other, escaped unless they are markup."""
    return Html("".join(c if isinstance(c, Html) else escape(str(c)) for c in children))


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """Return a table with a caption, whose first column heads the rows."""
    kept = list(rows)
    kinds = [_kind(row[place] for row in kept) for place in range(len(head))]
    columns = (tag("th", one, scope="col", class_=k) for one, k in zip(head, kinds, strict=True))
    body = [
        tag("tr", tag("th", row[0], scope="row"), *map(_cell, row[1:], kinds[1:])) for row in kept
    ]
    inner = tag(
        "table",
        tag("caption", tag("span", caption)),
        tag("thead", tag("tr", *columns)),
        tag("tbody", *body),
    )
    return tag("div", inner, class_="wide", role="region", aria_label=caption, tabindex="0")


def _kind(cells: Iterable[object]) -> str | None:
    """Return the class of a column: one of numbers alone is set flush right."""
    return "number" if all(NUMBER.fullmatch(str(cell)) for cell in cells) else None


def _cell(cell: object, kind: str | None) -> Html:
    return tag("td", cell, class_=kind)


def section(identity: str, title: str, *children: object) -> Html:
    """Return a section that the contents can point at."""
    heading = tag("h2", title, id=identity)
    return tag("section", heading, *children, aria_labelledby=identity)


def sentences(*said: object) -> Html:
    """Return each of ``said`` as a paragraph; empty ones are left out."""
    return join(tag("p", one) for one in said if one)


def figure(content: Html, caption: object) -> Html:
    """Return a picture or drawing with its caption."""
    return tag("figure", content, tag("figcaption", caption))


def items(said: Iterable[object]) -> Html:
    """Return a list."""
    return tag("ul", *(tag("li", one) for one in said))


def grid(figures: Iterable[Html], kind: str) -> Html:
    """Return figures beside each other, as many as there is room for."""
    return tag("div", *figures, class_=f"grid {kind}")


def number(value: float, digits: int = 0) -> str:
    """Return ``value`` with ``digits`` decimals and commas between thousands."""
    return f"{value:,.{digits}f}"


def percent(share: float, digits: int = 1) -> str:
    """Return a share of 1 as per cent."""
    return f"{100 * share:.{digits}f}\u00a0%"


def count(many: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, as "1 pair" or "3 pairs"."""
    return f"{many:,} {noun if many == 1 else plural or noun + 's'}"
