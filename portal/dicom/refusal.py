"""Why an upload is refused, in words that a sender can act on.

The catalogue is the only place of these words: the page, the JSON and the log repeat them. The
airlock has a catalogue of its own for what only it can see; where a code is in both, so are the
words.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_FOUND_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one file is not taken.

    Parameters
    ----------
    code : str
        Stable; clients may depend on it.
    detail : str
        One sentence for people.
    tag : str
        The DICOM element at fault, as ``(0028,0010) Rows``; empty when there is none.
    found : str
        What was found there, short and printable. Never what identifies a patient.
    remedy : str
        What the sender can do about it.
    """

    code: str
    detail: str
    tag: str = ""
    found: str = ""
    remedy: str = ""


_RESEND = "Send the file again; if it is refused again, export it anew from its source."
_EXPORT = "Ask the maker of the sending system to write conformant DICOM, or export it anew."
_FORM = (
    "Correct the metadata: age as years (4) or as 004Y or 018M; sex as M, F or O; view as AP, PA, "
    "LL, RL, LLD, RLD, LLO, RLO or LATERAL; patient_id and patient_name of at most 64 characters."
)

CATALOGUE: Mapping[str, tuple[str, str]] = {
    "empty_file": ("The file is empty.", _RESEND),
    # The DICOM header.
    "missing_element": ("A required element is missing or empty.", _EXPORT),
    "several_values": ("An element that has one value holds several.", _EXPORT),
    "invalid_uid": ("A unique identifier is not one.", _EXPORT),
    "unsupported_sop_class": (
        "The object is not a radiograph.",
        "Send CR, DX or Secondary Capture images.",
    ),
    "file_meta_mismatch": ("The file meta information names another object.", _EXPORT),
    "unsupported_transfer_syntax": (
        "The transfer syntax is unknown or is not one of still pictures.",
        "Send it as Explicit VR Little Endian (1.2.840.10008.1.2.1).",
    ),
    "image_attribute_invalid": ("An attribute of the image has an impossible value.", _EXPORT),
    "impossible_frame_count": ("The number of frames cannot be true of this file.", _EXPORT),
    "too_many_pixels": (
        "The image claims too many pixels.",
        "Send one radiograph of at most 100 million pixels.",
    ),
    "pixel_data_missing": ("The file has no pixel data.", _RESEND),
    "pixel_data_length": ("The pixel data are shorter than Rows and Columns say.", _RESEND),
    "text_too_long": (
        "A text is longer than DICOM allows.",
        "Shorten it at the source.",
    ),
    "character_not_allowed": (
        "A text holds a character that cannot be shown safely.",
        "Remove it at the source.",
    ),
    # Against what is stored already.
    "patient_mismatch": (
        "What is stored under this study belongs to another patient.",
        "Find out which patient it is, correct the wrong one, and send it under a new study.",
    ),
    "sop_instance_conflict": (
        "Another image is stored under this SOPInstanceUID; the first is kept.",
        "Give a changed image a SOPInstanceUID of its own.",
    ),
    # The metadata beside a file.
    "metadata_invalid": ("A value of the metadata is not usable.", _FORM),
}


def refuse(code: str, *, tag: str = "", found: object = "") -> Refusal:
    """Return the refusal of this code, in its words."""
    detail, remedy = CATALOGUE[code]
    return Refusal(code=code, detail=detail, tag=tag, found=printable(found), remedy=remedy)


def printable(value: object) -> str:
    """Return ``value`` as one short line without control characters."""
    text = str(value)[: _FOUND_LIMIT + 1]
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return shown if len(shown) <= _FOUND_LIMIT else f"{shown[: _FOUND_LIMIT - 1]}…"
