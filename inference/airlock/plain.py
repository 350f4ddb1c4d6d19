"""DICOM values as plain JSON: strings, numbers, lists, dicts by keyword.

Bulk data, private elements and elements without a keyword are left out. An empty text is ``""``,
an empty number ``None``, an empty sequence ``[]``. A decimal or integer string that is no finite
number stays the string that it is.
"""

import math
import re
import struct
import unicodedata
import warnings
from typing import TYPE_CHECKING, Any

from pydicom.charset import STAND_ALONE_ENCODINGS, decode_bytes, python_encoding
from pydicom.valuerep import TEXT_VR_DELIMS

from inference.airlock.elements import PIXEL_DATA_TAGS, dictionary, shown
from inference.airlock.limits import TEXT_LIMIT
from inference.airlock.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Collection

    from inference.airlock.elements import Element, Elements

Json = Any
"""What ``json`` writes: str, int, float, None, list and dict of them."""

SPECIFIC_CHARACTER_SET = 0x00080005
PIXEL_REPRESENTATION = 0x00280103
_NUMBERS_SHOWN = 1024
_LATIN = ("iso8859",)

_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
_CHARSET_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_PLAIN_VRS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})
_SHOWN_VRS = _CHARSET_VRS | _PLAIN_VRS | set(_NUMBERS) | {"AT"}
_PROSE_VRS = frozenset({"LT", "ST", "UT"})
_WHOLE_VRS = _PROSE_VRS | {"UR"}
_PROSE_CONTROLS = frozenset("\t\n\f\r")


class Plain:
    """Turns elements into JSON; one for each file, because it counts the text."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._characters = 0

    def elements(
        self,
        elements: "Elements",
        *,
        only: "Collection[int] | None" = None,
        encodings: tuple[str, ...] = _LATIN,
        signed: bool = False,
    ) -> dict[str, Json]:
        """Return ``elements`` by keyword.

        Parameters
        ----------
        elements : Elements
            From a walk over the data that this object was made with.
        only : collection of int, optional
            The tags wanted; without it, all.
        encodings : tuple of str
            Python encodings of the enclosing data set.
        signed : bool
            Whether ``US or SS`` is signed in the enclosing data set.

        Raises
        ------
        Refused
            ``text_not_decodable``, ``control_character``, ``header_too_large``.
        """
        encodings = self._encodings(elements) or encodings
        signed = self._signed(elements, inherited=signed)
        plain: dict[str, Json] = {}
        for tag in elements if only is None else [tag for tag in only if tag in elements]:
            named, keyword = dictionary(tag)
            if not keyword or tag in PIXEL_DATA_TAGS:
                continue
            element = elements[tag]
            vr = resolved_vr(element.vr, named, signed=signed)
            if vr == "SQ":
                plain[keyword] = [
                    self.elements(item, encodings=encodings, signed=signed)
                    for item in element.items or ()
                ]
            elif vr in _SHOWN_VRS:
                plain[keyword] = self._value(element, vr, encodings)
        return plain

    def _bytes(self, element: "Element") -> bytes:
        return bytes(self._data[element.start : element.start + element.length])

    def _value(self, element: "Element", vr: str, encodings: tuple[str, ...]) -> Json:
        if vr == "AT":
            return one_or_all([f"{a:04X}{b:04X}" for a, b in self._unpacked(element, "HH")])
        if vr in _NUMBERS:
            numbers = [finite(n) for (n,) in self._unpacked(element, _NUMBERS[vr])]
            return one_or_all(numbers) if numbers else None
        text = self._text(element, vr, encodings)
        if vr in _WHOLE_VRS:
            return text.rstrip()
        values: list[Json] = [part.strip() for part in text.split("\\")]
        if vr in {"DS", "IS"}:
            values = [number(part) for part in values]
        return one_or_all(values)

    def _unpacked(self, element: "Element", letters: str) -> "list[tuple[Any, ...]]":
        code = struct.Struct(("<" if element.little else ">") + letters)
        count = min(element.length // code.size, _NUMBERS_SHOWN)
        raw = self._data[element.start : element.start + count * code.size]
        return list(code.iter_unpack(raw)) if count else []

    def _text(self, element: "Element", vr: str, encodings: tuple[str, ...]) -> str:
        self._characters += element.length
        if self._characters > TEXT_LIMIT:
            raise Refused("header_too_large")
        # NUL pads UIDs by the standard and other texts by habit.
        raw = self._bytes(element).rstrip(b"\0")
        if not raw.isascii() or b"\x1b" in raw:
            text = decoded(raw, encodings if vr in _CHARSET_VRS else _LATIN, element.tag)
        else:
            text = raw.decode("ascii")
        if not text.isprintable():
            refuse_controls(text, element.tag, prose=vr in _PROSE_VRS)
        return text

    def _encodings(self, elements: "Elements") -> tuple[str, ...] | None:
        """Return the Python encodings that a data set declares. PS3.3 section C.12.1.1.2."""
        element = elements.get(SPECIFIC_CHARACTER_SET)
        if element is None:
            return None
        names = self._bytes(element).rstrip(b"\0 ").decode("latin-1").split("\\")
        encodings = tuple(python_name(name.strip()) for name in names)
        return encodings[:1] if names[0].strip() in STAND_ALONE_ENCODINGS else encodings

    def _signed(self, elements: "Elements", *, inherited: bool) -> bool:
        element = elements.get(PIXEL_REPRESENTATION)
        return inherited if element is None else self._unpacked(element, "H") == [(1,)]


def resolved_vr(written: str, named: str, *, signed: bool) -> str:
    """Return the VR to read a value by; ``UN`` and ambiguous ones go by the dictionary."""
    vr = named if written == "UN" else written
    if vr == "US or SS":
        return "SS" if signed else "US"
    return vr


def one_or_all(values: list[Json]) -> Json:
    """Return the only value, or the list; an empty list is an empty value."""
    return values[0] if len(values) == 1 else values


def finite(value: float) -> float | str:
    """Return the number, or its name if JSON has none for it."""
    return value if math.isfinite(value) else str(value)


def number(text: str) -> int | float | str | None:
    """Return a decimal or integer string as a number, or as it is if it is none.

    Examples
    --------
    >>> number("12"), number("1.5e2"), number(""), number("NaN"), number("1_0")
    (12, 150.0, None, 'NaN', '1_0')
    """
    if not text:
        return None
    if re.fullmatch(r"[+-]?[0-9]{1,12}", text):
        return int(text)
    if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text):
        value = float(text)
        return value if math.isfinite(value) else text
    return text


def python_name(name: str) -> str:
    """Return the Python name of a DICOM character set.

    Only names of the standard and their common misspellings (``ISO-IR 100``): pydicom would take
    the name of any Python codec.

    Raises
    ------
    Refused
        ``text_not_decodable``.
    """
    mended = re.sub(
        r"^ISO[ -]IR[ _-]?", "ISO_IR ", re.sub(r"^ISO[_-]2022[_ -]IR.", "ISO 2022 IR ", name)
    )
    found = python_encoding.get(name) or python_encoding.get(mended)
    if found is None:
        raise Refused("text_not_decodable", tag=shown(SPECIFIC_CHARACTER_SET), found=name)
    return found


def decoded(raw: bytes, encodings: tuple[str, ...], tag: int) -> str:
    """Return ``raw`` as text.

    Raises
    ------
    Refused
        ``text_not_decodable``. The text itself is not shown: it may name the patient.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # pydicom warns and puts in replacement characters
            return decode_bytes(raw, list(encodings), TEXT_VR_DELIMS)
    except (ValueError, LookupError, UserWarning) as error:
        raise Refused("text_not_decodable", tag=shown(tag), found=encodings[0]) from error


def refuse_controls(text: str, tag: int, *, prose: bool) -> None:
    """Refuse control characters; in prose line ends and tabs are not meant.

    Raises
    ------
    Refused
        ``control_character``; ``text_not_decodable`` for those of the range 0x80 to 0x9f, which
        come from a text in another character set than the declared one.
    """
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cs"} and not (
            prose and character in _PROSE_CONTROLS
        ):
            code = "control_character" if character < "\x80" else "text_not_decodable"
            raise Refused(code, tag=shown(tag), found=f"U+{ord(character):04X}")
