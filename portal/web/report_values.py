"""Parts of a report as words. Any part may be missing or be of another kind: then it is empty."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Part = Mapping[str, Any]
SPLITS = (
    ("val", "Validation"),
    ("test_internal", "Internal test"),
    ("external_report", "Another hospital"),
    ("official_test_28", "Official test at 28 px"),
)
WORDS = {
    "auc": "AUC",
    "ece": "ECE",
    "jpeg_q30": "JPEG, quality 30",
    "blur_1px": "blurred by 1 pixel",
    "half_size": "half the size",
    "aspect_120": "stretched by a fifth",
    "thumbnails_auc": "Logistic regression on 32 x 32 thumbnails, AUC",
    "val_auc": "AUC, validation",
    "val_loss": "loss, validation",
    "val_accuracy": "accuracy, validation",
}
"""The words of names that their underscores alone do not make readable."""


SECOND = "external_dev"
"""The part of the second hospital's radiographs that a model may have learned from."""
LEARNED_FROM = {"external_report": "Second hospital"}
"""What a split is called of whose hospital other patients were learned from."""


@dataclass(frozen=True, slots=True)
class Said:
    """A figure in words, what it is called if it is not alone, and its 95 % interval."""

    value: str
    name: str = ""
    interval: str = ""


Cell = tuple[str, list[Said]]
"""What a line of a table is called, and what stands in it for one split."""


def named_splits(report: Part) -> list[tuple[str, str]]:
    """Return each split with what its column is called."""
    names = LEARNED_FROM if learned_from_second(report) else {}
    return [(key, names.get(key, label)) for key, label in SPLITS]


def learned_from_second(report: Part) -> bool:
    """Return whether the model learned from the hospital of the external report, too."""
    count = part_of(part_of(report, "training"), "images").get(SECOND)
    return count is not None and is_number(count) and count > 0


def part_of(parent: Any, key: str) -> Part:
    """Return an object inside an object, empty if there is none."""
    value = parent.get(key) if isinstance(parent, dict) else None
    return value if isinstance(value, dict) else {}


def parts_of(parent: Any, key: str) -> list[Part]:
    """Return the objects of a list inside an object."""
    value = parent.get(key) if isinstance(parent, dict) else None
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def is_number(value: Any) -> bool:
    """Return whether this is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: Any, places: int = 3) -> str:
    """Return a number with so many decimals, whole ones with none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.{places}f}" if is_number(value) else ""


def share(value: Any) -> str:
    """Return a share (0 to 1) in per cent."""
    return f"{100 * value:.1f} %".replace(".0 %", " %") if is_number(value) else ""


def interval(ends: Any, places: int = 3) -> str:
    """Return the two ends of an interval."""
    known = isinstance(ends, list) and len(ends) == 2 and all(map(is_number, ends))  # noqa: PLR2004
    return f"{ends[0]:.{places}f} to {ends[1]:.{places}f}" if known else ""


def figure(parent: Part, key: str, name: str = "") -> list[Said]:
    """Return a figure, its interval being beside it as ``key_ci``; nothing if it is missing."""
    value = parent.get(key)
    if not is_number(value):
        return []
    return [Said(f"{value:.3f}", name, interval(parent.get(f"{key}_ci")))]


def said(text: str, name: str = "") -> list[Said]:
    """Return what a cell says; nothing if the text is empty."""
    return [Said(text, name)] if text else []


def words(code: str) -> str:
    """Return a name of the report in words."""
    return WORDS.get(code) or str(code).replace("_", " ")


def in_brief(found: list[Said]) -> str:
    """Return a figure and its interval on one line, empty if it is missing."""
    return "; ".join(
        f"{one.name} {one.value}".strip() + (f" ({one.interval})" if one.interval else "")
        for one in found
    )


def plainly(value: Any) -> str:
    """Return any value of a report on one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if is_number(value):
        return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(plainly, value))
    if isinstance(value, dict):
        return "; ".join(f"{words(key)} {plainly(one)}" for key, one in value.items())
    return "" if value is None else str(value)
