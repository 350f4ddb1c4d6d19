"""Which texts about a patient can be stored and shown safely."""

import unicodedata
from collections.abc import Iterator

from portal.dicom.refusal import Refusal, refuse

LONGEST = {"PatientID": 64, "PatientName": 64, "AccessionNumber": 16}
"""Characters of a value, of a name those of each component group. PS3.5 section 6.2."""
SHOWN = (*LONGEST, "StudyDescription", "SeriesDescription")
"""Every text that is stored and shown. Descriptions are cut where they are too long."""
_IDENTIFIERS = frozenset({"PatientID", "AccessionNumber"})
_NAME_GROUPS = 3
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Controls that make a text read other than it is written (Unicode TR 36)."""
_UNSHOWABLE = frozenset({"Cc", "Cs", "Cn", "Co", "Zl", "Zp"})
_INVISIBLE = "Cf"
"""Joiners and marks belong to the spelling of names; two identifiers that look alike must be."""


def check_text(keyword: str, value: str, *, tag: str = "") -> Refusal | None:
    """Return why a text is not taken, or None. The text itself is never repeated."""
    return next(_reasons(keyword, value, tag), None)


def _reasons(keyword: str, value: str, tag: str) -> Iterator[Refusal]:
    groups = value.split("=") if keyword == "PatientName" else [value]
    longest = max(map(len, groups))
    if keyword in LONGEST and longest > LONGEST[keyword]:
        yield refuse("text_too_long", tag=tag, found=f"{longest} characters")
    if len(groups) > _NAME_GROUPS:
        yield refuse("text_too_long", tag=tag, found=f"{len(groups)} component groups")
    unshowable = _UNSHOWABLE | {_INVISIBLE} if keyword in _IDENTIFIERS else _UNSHOWABLE
    for character in value:
        if character in _REORDERING or unicodedata.category(character) in unshowable:
            yield refuse("character_not_allowed", tag=tag, found=f"U+{ord(character):04X}")
