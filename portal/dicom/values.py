"""Single values out of a plain header: a mapping of keywords to strings, numbers and lists."""

import re
from collections.abc import Mapping
from datetime import date

TAGS = {
    "MediaStorageSOPClassUID": "(0002,0002)",
    "MediaStorageSOPInstanceUID": "(0002,0003)",
    "TransferSyntaxUID": "(0002,0010)",
    "SOPClassUID": "(0008,0016)",
    "SOPInstanceUID": "(0008,0018)",
    "AccessionNumber": "(0008,0050)",
    "StudyDescription": "(0008,1030)",
    "SeriesDescription": "(0008,103e)",
    "PatientName": "(0010,0010)",
    "PatientID": "(0010,0020)",
    "StudyInstanceUID": "(0020,000d)",
    "SeriesInstanceUID": "(0020,000e)",
    "SamplesPerPixel": "(0028,0002)",
    "PhotometricInterpretation": "(0028,0004)",
    "NumberOfFrames": "(0028,0008)",
    "Rows": "(0028,0010)",
    "Columns": "(0028,0011)",
    "BitsAllocated": "(0028,0100)",
    "BitsStored": "(0028,0101)",
    "HighBit": "(0028,0102)",
    "PixelRepresentation": "(0028,0103)",
    "PixelData": "(7fe0,0010)",
}
_DAYS = {"D": 1.0, "W": 7.0, "M": 30.436875, "Y": 365.2425}
_EARLIEST = 1850
_OLDEST = 150.0


def tag(keyword: str) -> str:
    """Return an element as it is named to people, as ``(0028,0010) Rows``."""
    return f"{TAGS[keyword]} {keyword}"


def is_empty(header: Mapping[str, object], keyword: str) -> bool:
    """Return whether an element is missing or has no value."""
    return header.get(keyword) in (None, "", [])


def text(header: Mapping[str, object], keyword: str, *, longest: int | None = None) -> str:
    """Return an element as text, its first value if there are several, cut at ``longest``."""
    value = header.get(keyword)
    if isinstance(value, list):
        value = value[0] if value else ""
    return "" if value is None or isinstance(value, dict) else str(value).strip()[:longest]


def code(header: Mapping[str, object], keyword: str) -> str:
    """Return a coded string, as upper case without spaces around it; what is none is empty."""
    value = text(header, keyword).upper()
    return value if re.fullmatch(r"[A-Z0-9_ ]{1,16}", value) else ""


def whole(header: Mapping[str, object], keyword: str) -> int | None:
    """Return an element as a whole number, or None if it is none."""
    value = header.get(keyword)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def day(header: Mapping[str, object], keyword: str) -> date | None:
    """Return an element as a date, or None if it is missing or nonsense.

    Takes ``YYYYMMDD`` (PS3.5 section 6.2, VR DA) and the older ``YYYY.MM.DD``.
    """
    found = re.fullmatch(r"(\d{4})(\.?)(\d{2})\2(\d{2})", text(header, keyword), re.ASCII)
    if found is None:
        return None
    try:
        parsed = date(int(found[1]), int(found[3]), int(found[4]))
    except ValueError:
        return None
    return parsed if parsed.year >= _EARLIEST else None


def age_in_years(age: str) -> float | None:
    """Return an age string (PS3.5 section 6.2, VR AS) in years, or None if it is none.

    Examples
    --------
    >>> age_in_years("004Y"), age_in_years("018M"), age_in_years("4")
    (4.0, 1.5, None)
    """
    found = re.fullmatch(r"(\d{1,3})([DWMY])", age, re.ASCII)
    if found is None:
        return None
    number, unit = int(found[1]), found[2]
    years = number if unit == "Y" else round(number * _DAYS[unit] / _DAYS["Y"], 4)
    return float(years) if years <= _OLDEST else None


def years_between(born: date | None, taken: date | None) -> int | None:
    """Return the completed years from one day to another; None if that cannot be."""
    if born is None or taken is None or taken < born:
        return None
    return taken.year - born.year - ((taken.month, taken.day) < (born.month, born.day))
