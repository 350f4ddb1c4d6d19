"""Addresses of static files that change with their content, so that browsers may keep them."""

import hashlib
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage

_DIGITS = 12


class VersionedStaticFiles(StaticFilesStorage):
    """Puts a hash of the content behind each address. Needs no step before the first start."""

    def url(self, name: str | None) -> str:
        """Return the address of a file; of one that is missing without a hash."""
        version = version_of(name or "")
        return f"{super().url(name)}?v={version}" if version else super().url(name)


@cache
def version_of(name: str) -> str:
    """Return the beginning of the file's SHA-256 in hex; empty if there is no such file."""
    found = finders.find(name)
    if not isinstance(found, str):
        return ""
    return hashlib.sha256(Path(found).read_bytes()).hexdigest()[:_DIGITS]
