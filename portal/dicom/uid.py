"""DICOM unique identifiers. PS3.5 chapter 9 and annex B."""

import re
import uuid

LONGEST = 64
"""Characters of a UID. PS3.5 section 9.1."""
_UID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+\Z")
_NAMESPACE = uuid.UUID("5c1f3a0e-6d0b-5a86-9a55-2f7f6c1f9d11")


def is_uid(text: str) -> bool:
    """Return whether ``text`` is a UID: components without leading zeros, 64 characters at most."""
    return len(text) <= LONGEST and _UID.match(text) is not None


def derived_uid(*parts: str) -> str:
    """Return the UID that stands for ``parts``: always the same one for the same.

    It lies under 2.25 (PS3.5 section B.2) and is a name-based UUID (RFC 9562, version 5).
    """
    return f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(parts)).int}"
