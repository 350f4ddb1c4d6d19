"""What is wrong with the page that is open: at each size, in both themes, and to axe-core."""

import os
from collections.abc import Collection
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import SIZES, Visitor

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
LOOKS = (("light", "1440"), ("light", "820"), ("dark", "390"))
EVERY_LOOK = tuple((theme, size) for theme in ("light", "dark") for size in SIZES)
KEEPS_PICTURES = bool(os.environ.get("TEST_SCREENSHOTS"))
_axe = Axe()


def looked_at(visitor: Visitor, name: str, *, but: Collection[str] = ()) -> list[str]:
    """Return what is wrong with the page that is open.

    The whole page is given to axe-core as it is widest and as it is narrowest; between these two
    only its width is measured. With ``TEST_SCREENSHOTS`` set, pictures of it are kept.
    """
    wrong, page = [], visitor.page
    for theme, size in EVERY_LOOK if KEEPS_PICTURES else LOOKS:
        width, height = SIZES[size]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme)
        where = f"{name}, {theme}, {size}: "
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            wrong.append(f"{where}{wide} px wide")
        if (theme, size) in LOOKS and size != "820":
            wrong += [where + found for found in violations(page, but)]
        if KEEPS_PICTURES:
            visitor.shot(f"{name}-{size}-{theme}")
    return wrong


def violations(page: Page, but: Collection[str]) -> list[str]:
    """Return what axe-core has against the page: the rule, the element, and why."""
    found: list[dict[str, Any]] = _axe.run(page, options=OPTIONS).response["violations"]
    return [
        f"{one['id']}: {' '.join(map(str, node['target']))} {node['failureSummary']}"
        for one in found
        if one["id"] not in but
        for node in one["nodes"]
    ]
