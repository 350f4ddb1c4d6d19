"""Every route of the resolver, by name."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NOWHERE = "api:nowhere"


@cache
def routes(urlconf: Any = None) -> dict[str, set[str]]:
    """Return the names of all routes, each with the parameters of its address."""
    found = {}
    for name, pattern in _walk(get_resolver(urlconf).url_patterns, ""):
        found[name] = set(pattern.pattern.regex.groupindex)
    return found


def address_of(route: str, things: dict[str, Any]) -> str:
    """Return the address of ``route`` about ``things``."""
    if route == NOWHERE:
        return "/api/v1/no/such/path"
    named = {name: things[name] for name in routes()[route]}
    return reverse(route, kwargs=named)


def _walk(patterns: list[Any], namespace: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern.url_patterns, inner)
        else:
            # the last of the API's takes what no other does; nothing else may be nameless
            catches_all = namespace == "api:" and str(pattern.pattern) == ""
            name = pattern.name or ("nowhere" if catches_all else f"unnamed {pattern.pattern}")
            yield f"{namespace}{name}", pattern
