"""The frame of a page: its head and style, whatever it says."""

from pathlib import Path
from string import Template

HERE = Path(__file__).parent


def whole_page(title: str, head: str, body: str) -> str:
    """Return a page that needs nothing else; ``head`` and ``body`` are markup already."""
    page = Template((HERE / "page.html").read_text(encoding="utf-8"))
    style = (HERE / "page.css").read_text(encoding="utf-8")
    return page.substitute(title=title, style=style, head=head, body=body)
