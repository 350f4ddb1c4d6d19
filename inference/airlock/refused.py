"""Every refusal of the airlock: its code, how the image ends, and the words.

Inside a child a refusal travels as the exception ``Refused``; ``child`` turns it into a value at
the one place where the answer is written.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inference.refusal import Outcome, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

FOUND_LIMIT = 64
"""Characters of a found value that are shown."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is said about one code."""

    outcome: Outcome
    detail: str
    remedy: str


_RESEND = "Send the file again; if it is refused again, export it anew from its source."
_EXPORT = "Ask the maker of the sending system to write conformant DICOM, or export it anew."
_SMALLER = "Send one radiograph of at most 100 million pixels."

CATALOGUE: "Mapping[str, Words]" = {
    # The file as a whole: refused at the door.
    "empty_file": Words("refused", "The file is empty.", _RESEND),
    "unsupported_type": Words(
        "refused",
        "The file is neither DICOM Part 10 nor PNG nor JPEG.",
        "Send the radiograph as DICOM Part 10, PNG or JPEG.",
    ),
    "executable_preamble": Words(
        "refused",
        "The preamble of the DICOM file begins like a program.",
        "Have the sending system examined for malware; send the file with an empty preamble.",
    ),
    # The structure of a DICOM file: refused at the door.
    "truncated": Words("refused", "The file ends before the data that it announces.", _RESEND),
    "structure_broken": Words("refused", "The DICOM elements cannot be told apart.", _RESEND),
    "duplicate_element": Words(
        "refused", "An element occurs twice, so that it has no one value.", _EXPORT
    ),
    "too_many_elements": Words("refused", "The header has more than 20,000 elements.", _EXPORT),
    "nesting_too_deep": Words("refused", "Sequences are nested more than 32 deep.", _EXPORT),
    "header_too_large": Words(
        "refused", "The header holds more than 4 million characters of text.", _EXPORT
    ),
    "deflate_bomb": Words(
        "refused",
        "The deflated data set grows beyond what a radiograph can be.",
        "Send it as Explicit VR Little Endian (1.2.840.10008.1.2.1).",
    ),
    "missing_element": Words("refused", "A required element is missing or empty.", _EXPORT),
    "unsupported_transfer_syntax": Words(
        "refused",
        "The transfer syntax is unknown or is not one of still pictures.",
        "Send it as Explicit VR Little Endian (1.2.840.10008.1.2.1).",
    ),
    "text_not_decodable": Words(
        "refused",
        "A text does not follow the character set that the file declares.",
        "Declare the Specific Character Set (0008,0005) that the text is written in.",
    ),
    "control_character": Words(
        "refused", "A text holds a control character.", "Remove it at the source."
    ),
    "image_attribute_invalid": Words(
        "refused", "An attribute of the image has an impossible value.", _EXPORT
    ),
    "impossible_frame_count": Words(
        "refused", "The number of frames cannot be true of this file.", _EXPORT
    ),
    "too_many_pixels": Words("refused", "The image claims too many pixels.", _SMALLER),
    "image_too_small": Words(
        "refused",
        "The image is smaller than 56 pixels on one side.",
        "Send the radiograph itself, not a thumbnail of it.",
    ),
    # PNG and JPEG: refused at the door.
    "raster_unreadable": Words("refused", "The header of the picture is broken.", _RESEND),
    "unsupported_bits": Words(
        "refused",
        "The picture has a bit depth that radiographs do not have.",
        "Send it with 8 or 16 bits a sample.",
    ),
    "multi_frame_raster": Words(
        "refused", "The picture is an animation.", "Send one still picture a file."
    ),
    # Pixels: stored, and failed at once.
    "pixel_data_missing": Words("failed", "The file has no pixel data.", _RESEND),
    "pixel_data_length": Words(
        "failed", "The pixel data are shorter than Rows and Columns say.", _RESEND
    ),
    "pixels_undecodable": Words("failed", "The compressed pixels do not decode.", _RESEND),
    "codestream_mismatch": Words(
        "failed", "The compressed pixels are of another size or depth than the header.", _EXPORT
    ),
    "unsupported_photometric": Words(
        "failed",
        "The photometric interpretation is not supported.",
        "Send it as MONOCHROME2.",
    ),
    "unsupported_bits_allocated": Words(
        "failed", "Only 8 and 16 bits allocated are supported.", "Send it with 16 bits."
    ),
    "palette_invalid": Words("failed", "The colour palette cannot be used.", _EXPORT),
    "pixel_values_invalid": Words(
        "failed", "The look-up tables lead to values that are not numbers.", _EXPORT
    ),
    "no_such_frame": Words("failed", "The image has no such frame.", "Ask for another frame."),
    # Quality: stored, done, rejected.
    "constant_image": Words(
        "rejected_quality", "The image is one even surface.", "Repeat the exposure or the export."
    ),
    # The limits themselves. ``limit_refusal`` chooses the outcome by operation.
    "airlock_memory_limit": Words(
        "refused", "Reading the file takes more memory than is allowed.", _SMALLER
    ),
    "airlock_cpu_limit": Words(
        "refused", "Reading the file takes more computing time than is allowed.", _SMALLER
    ),
    "airlock_time_limit": Words(
        "refused", "Reading the file takes longer than is allowed.", _RESEND
    ),
    "airlock_crashed": Words("refused", "Reading the file broke the reader.", _RESEND),
}


class Refused(Exception):
    """The file is refused with a code of the catalogue. Never leaves a child."""

    def __init__(self, code: str, *, tag: str = "", found: object = "") -> None:
        super().__init__(code)
        words = CATALOGUE[code]
        self.refusal = Refusal(
            code=code,
            detail=words.detail,
            outcome=words.outcome,
            tag=tag,
            found=printable(found),
            remedy=words.remedy,
        )


def limit_refusal(code: str, op: str) -> Refusal:
    """Return the refusal for a child that met a limit while it did ``op``.

    A header that cannot be read is refused at the door; pixels that cannot be read have been
    stored by then, and the row fails.
    """
    words = CATALOGUE[code]
    outcome: Outcome = "refused" if op == "header" else "failed"
    return Refusal(code=code, detail=words.detail, outcome=outcome, remedy=words.remedy)


def printable(value: object) -> str:
    """Return ``value`` as one short line without control characters."""
    text = str(value)
    shown = "".join(c if c.isprintable() else "?" for c in text[: FOUND_LIMIT + 1])
    return shown if len(shown) <= FOUND_LIMIT else f"{shown[: FOUND_LIMIT - 1]}…"
