"""What a page asks by itself is nobody's presence: each such view says so."""

import re

from django.urls import get_resolver

from tests.architecture.sources import ROOT

TAG = re.compile(r"<[a-z]+[^>]*?hx-trigger=\"[^\"]*every[^>]*>", re.S)
ASKS = re.compile(r"hx-(?:get|post)=\"\{% url \"([a-z-]+)\"")


def asked_by_themselves() -> set[str]:
    tags = [
        tag
        for template in (ROOT / "templates").rglob("*.html")
        for tag in TAG.findall(re.sub(r"\{% if.*?%\}|\{% endif %\}", "", template.read_text()))
    ]
    return {name for tag in tags for name in ASKS.findall(tag)}


def test_every_view_that_pages_poll_does_not_prolong_the_session():
    polled = asked_by_themselves()
    assert {"worklist-rows", "study-answer"} <= polled
    views = {p.name: p.callback.view_class for p in _patterns() if p.name in polled}
    assert set(views) == polled
    assert [name for name, view in views.items() if not getattr(view, "is_poll", False)] == []


def _patterns():
    for pattern in get_resolver().url_patterns:
        if getattr(pattern, "namespace", None) is None:
            yield from getattr(pattern, "url_patterns", [pattern])
