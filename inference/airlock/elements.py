"""Where the elements of a DICOM data set lie, without reading their values.

pydicom reads a value before anyone can count it: a million empty elements take it 11 s, 200 nested
sequences end in a RecursionError, and it takes what a portal must refuse (an element twice, a
length beyond the file). This walk counts, bounds and checks first; values are read later, one by
one, by ``plain`` and ``attributes``. PS3.5 sections 7.1 to 7.5 and A.4.
"""

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom._dicom_dict import DicomDictionary

from inference.airlock.limits import ELEMENT_LIMIT, NESTING_LIMIT
from inference.airlock.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
_DELIMITERS = 0xFFFE
PIXEL_DATA_TAGS = frozenset({0x7FE00008, 0x7FE00009, PIXEL_DATA})

_LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_SHORT = frozenset(
    {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL"}
    | {"SS", "ST", "TM", "UI", "UL", "US"}
)
_EXPLICIT_VRS = {vr.encode(): vr for vr in _LONG | _SHORT}


@dataclass(slots=True)
class Element:
    """One element: where its value lies, or the items or fragments that it holds."""

    tag: int
    vr: str
    start: int
    length: int
    little: bool
    items: "list[Elements] | None" = None
    fragments: list[tuple[int, int]] | None = None


Elements = dict[int, Element]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How elements are written: byte order and whether the VR is."""

    little: bool
    explicit: bool


IMPLICIT_LITTLE = Encoding(little=True, explicit=False)


def dictionary(tag: int) -> tuple[str, str]:
    """Return VR and keyword of ``tag`` by PS3.6; ``("UN", "")`` for what is not in it."""
    entry = DicomDictionary.get(tag)
    return (entry[0], entry[4]) if entry else ("UN", "")


def shown(tag: int) -> str:
    """Return a tag with its keyword, as ``(0028,0010) Rows``."""
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x}) {dictionary(tag)[1]}".rstrip()


class Walk:
    """One walk over ``data``; it counts what it meets across all data sets in it."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self._count = 0

    def elements(
        self, start: int, end: int, encoding: Encoding, *, depth: int = 0, group: int | None = None
    ) -> tuple[Elements, int]:
        """Return the elements from ``start`` and where they end.

        Parameters
        ----------
        start, end : int
            Byte offsets; nothing beyond ``end`` is looked at.
        encoding : Encoding
            Byte order and VR of this data set.
        depth : int
            How many sequences this data set lies in.
        group : int, optional
            Stop before the first element of another group (the file meta information).

        Raises
        ------
        Refused
            ``truncated``, ``structure_broken``, ``duplicate_element``, ``too_many_elements``,
            ``nesting_too_deep``.
        """
        if depth > NESTING_LIMIT:
            raise Refused("nesting_too_deep")
        found: Elements = {}
        at = start
        while at < end and not (depth == 0 and self._is_padding(at, end)):
            tag = self._tag(at, end, little=encoding.little)
            if tag == ITEM_END and depth:
                return found, at + 8
            if group is not None and tag >> 16 != group:
                break
            element, at = self._element(at, end, tag, encoding, depth)
            if element.tag in found:
                raise Refused("duplicate_element", tag=shown(tag))
            found[element.tag] = element
        return found, at

    def _is_padding(self, at: int, end: int) -> bool:
        # Some writers fill the last block of a file with zeros.
        return not any(self.data[at : min(at + 8, end)]) and not any(self.data[at:end])

    def _counted(self) -> None:
        self._count += 1
        if self._count > ELEMENT_LIMIT:
            raise Refused("too_many_elements")

    def _tag(self, at: int, end: int, *, little: bool) -> int:
        if at + 8 > end:
            raise Refused("truncated")
        group, element = struct.unpack_from("<HH" if little else ">HH", self.data, at)
        return int(group << 16 | element)

    def _element(
        self, at: int, end: int, tag: int, encoding: Encoding, depth: int
    ) -> tuple[Element, int]:
        """Return the element at ``at`` and where the next one begins."""
        self._counted()
        vr, length, value = self._header(at, end, tag, encoding)
        # PS3.5 section 6.2.2: what is in a UN was implicit VR little endian before it got there.
        inner = IMPLICIT_LITTLE if vr == "UN" and encoding.explicit else encoding
        if vr == "UN" and dictionary(tag)[0] == "SQ":
            vr = "SQ"
        element = Element(tag, vr, value, length, inner.little)
        if length == UNDEFINED:
            return element, self._open_ended(element, end, inner, depth)
        if value + length > end:
            raise Refused("truncated", tag=shown(tag), found=f"{length} bytes announced")
        if vr == "SQ":
            self._items(element, value, value + length, inner, depth)
        return element, value + length

    def _header(self, at: int, end: int, tag: int, encoding: Encoding) -> tuple[str, int, int]:
        """Return VR, length and offset of the value."""
        order = "<" if encoding.little else ">"
        if not encoding.explicit:
            return (
                self._implied_vr(tag),
                struct.unpack_from(f"{order}I", self.data, at + 4)[0],
                at + 8,
            )
        if tag >> 16 == _DELIMITERS:
            raise Refused("structure_broken", tag=shown(tag), found="a delimiter out of place")
        letters = bytes(self.data[at + 4 : at + 6])
        if _EXPLICIT_VRS.get(letters) in _SHORT:
            length = struct.unpack_from(f"{order}H", self.data, at + 6)[0]
            return _EXPLICIT_VRS[letters], length, at + 8
        # PS3.5 section 6.2: a VR that is not known has the long form.
        if not (letters.isalpha() and letters.isupper()):
            raise Refused("structure_broken", tag=shown(tag), found="no value representation")
        if at + 12 > end:
            raise Refused("truncated", tag=shown(tag))
        length = struct.unpack_from(f"{order}I", self.data, at + 8)[0]
        return _EXPLICIT_VRS.get(letters, "UN"), length, at + 12

    def _implied_vr(self, tag: int) -> str:
        # (gggg,0000), the length of a group, is in the dictionary for some groups only.
        return dictionary(tag)[0] if tag & 0xFFFF else "UL"

    def _open_ended(self, element: Element, end: int, encoding: Encoding, depth: int) -> int:
        """Fill ``element``, whose length is not written, and return where it ends."""
        element.length = 0
        if element.tag == PIXEL_DATA:
            return self._fragments(element, end)
        if element.vr in {"UN", "SQ"} or not encoding.explicit:
            element.vr = "SQ"
            return self._items(element, element.start, end, encoding, depth, closed=False)
        raise Refused("structure_broken", tag=shown(element.tag), found="no length")

    def _items(
        self,
        element: Element,
        start: int,
        end: int,
        encoding: Encoding,
        depth: int,
        *,
        closed: bool = True,
    ) -> int:
        """Read the items of a sequence into ``element`` and return where it ends."""
        items: list[Elements] = []
        element.items = items
        at = start
        while at < end:
            tag, length = self._item(at, end, element.tag, little=encoding.little)
            at += 8
            if tag == SEQUENCE_END:
                return at
            stop = end if length == UNDEFINED else at + length
            if stop > end:
                raise Refused("truncated", tag=shown(element.tag))
            elements, at = self.elements(at, stop, encoding, depth=depth + 1)
            items.append(elements)
        if not closed:
            raise Refused("truncated", tag=shown(element.tag), found="a sequence without an end")
        return at

    def _item(self, at: int, end: int, within: int, *, little: bool) -> tuple[int, int]:
        """Return tag and length of the item or delimiter at ``at``."""
        self._counted()
        tag = self._tag(at, end, little=little)
        length = struct.unpack_from("<I" if little else ">I", self.data, at + 4)[0]
        if tag not in {ITEM, SEQUENCE_END}:
            raise Refused("structure_broken", tag=shown(within), found="no item where one must be")
        return tag, length

    def _fragments(self, element: Element, end: int) -> int:
        """Note where the fragments of compressed pixels lie and return where they end."""
        element.fragments = []
        for at, length in self._fragment_items(element.start, end, little=element.little):
            if at + length > end:
                raise Refused("truncated", tag=shown(PIXEL_DATA), found=f"{length} bytes announced")
            element.fragments.append((at, length))
        fragments = element.fragments
        # Eight bytes of delimiter follow the last fragment, or the empty list.
        return (sum(fragments[-1]) if fragments else element.start) + 8

    def _fragment_items(self, at: int, end: int, *, little: bool) -> "Iterator[tuple[int, int]]":
        while at < end:
            tag, length = self._item(at, end, PIXEL_DATA, little=little)
            if tag == SEQUENCE_END:
                return
            yield at + 8, length
            at += 8 + length
        raise Refused("truncated", tag=shown(PIXEL_DATA), found="no end of the fragments")
