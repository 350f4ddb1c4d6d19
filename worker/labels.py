"""Signed reviews as training labels: de-identified pictures and a list that ``fit`` reads."""

import csv
import hashlib
import hmac
import json
import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from inference import Refusal
from inference.airlock.client import Airlock
from portal.accounts.models import Site
from portal.reviews.label_selectors import Label, labels_at
from portal.reviews.label_services import note_label_export
from portal.studies.blobs import store

COLUMNS = (
    "file", "label", "subtype", "split", "fold", "patient", "age", "sex", "view", "label_tier",
    "source", "sha256", "reader", "reason", "stage",
)  # fmt: skip
BURNED_IN = "burned_in_annotation"
FOLDS = 5
OLDEST = 90
"""Completed years: whoever is older is told by the age (45 CFR 164.514 b 2)."""
_SHARES = (("train", 70), ("val", 20), ("test_internal", 10))


class FolderNotEmpty(Exception):
    """The export would be mixed with something else. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is exported. Days are those of the signatures; None: from the beginning, to the end."""

    site: Site
    out: Path
    first: date | None = None
    last: date | None = None
    include_after_ai: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """How many labels were written, and how many were left out, by why."""

    labels: int
    left_out: Counter[str]


def export_labels(wish: Wish, airlock: Airlock, secret: bytes = b"") -> Exported:
    """Write pictures and ``splits.csv`` into the folder, and return what was written.

    Pseudonyms and splits come of a keyed hash whose ``secret`` is drawn for this export and kept
    nowhere. A patient is in one split; who has no PatientID is a patient of one study.

    Raises
    ------
    FolderNotEmpty, AirlockUnavailable
    """
    if wish.out.exists() and any(wish.out.iterdir()):
        raise FolderNotEmpty(f"{wish.out} is not empty: give a new folder.")
    (wish.out / "images").mkdir(parents=True)
    alias = _Alias(secret or secrets.token_bytes(32))
    out: Counter[str] = Counter()
    found = labels_at(
        wish.site, first=wish.first, last=wish.last,
        include_after_ai=wish.include_after_ai, out=out,
    )  # fmt: skip
    rows = []
    for label in found:
        picture = _picture(label, airlock)
        if isinstance(picture, str):
            out[picture] += 1
        else:
            rows.append(_row(label, picture, alias, wish))
    _write(wish, sorted(rows), out)
    note_label_export(
        site=wish.site, exported=len(rows), left_out=out, include_after_ai=wish.include_after_ai
    )
    return Exported(len(rows), out)


class _Alias:
    """Names for people and pictures that nobody without the secret can make."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def number(self, *parts: str) -> int:
        return int(self.name(*parts), 16)

    def name(self, *parts: str) -> str:
        text = "\0".join(parts).encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:16]


def _picture(label: Label, airlock: Airlock) -> bytes | str:
    """Return the radiograph as it is shown, a PNG without metadata; or why there is none."""
    file = store.path(label.instance.sha256)
    header = airlock.header(file)
    if isinstance(header, Refusal):
        return header.code
    if header.facts.get(BURNED_IN) == "YES":
        return BURNED_IN
    rendition = airlock.render(file)
    return rendition.code if isinstance(rendition, Refusal) else rendition.content


def _row(label: Label, picture: bytes, alias: _Alias, wish: Wish) -> tuple[str, ...]:
    name = f"images/{alias.name('image', label.instance.sop_instance_uid)}.png"
    (wish.out / name).write_bytes(picture)
    patient, facts = alias.name("patient", label.patient), label.instance.facts
    age = facts.get("age_years")
    return (
        name,
        "PNEUMONIA" if label.is_present else "NORMAL",
        "",
        split_of(alias.number("split", label.patient)),
        str(alias.number("fold", label.patient) % FOLDS),
        patient,
        str(min(int(age), OLDEST)) if age is not None else "",
        label.sex if label.sex in {"F", "M"} else "",
        str(facts.get("view", "")),
        "after-ai" if label.saw_ai else "blinded",
        wish.site.slug,
        hashlib.sha256(picture).hexdigest(),
        alias.name("reader", label.reader),
        label.reason,
        "after" if label.saw_ai else "before",
    )


def split_of(number: int) -> str:
    """Return the split of a patient: of a hundred 70 are fitted, 20 chosen on, 10 tested."""
    place = number % 100
    for name, share in _SHARES:
        if place < share:
            return name
        place -= share
    raise AssertionError("the shares do not make a hundred")


def _write(wish: Wish, rows: list[tuple[str, ...]], out: Counter[str]) -> None:
    with (wish.out / "splits.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    said = {
        "labels": len(rows),
        "left_out": dict(sorted(out.items())),
        "include_after_ai": wish.include_after_ai,
        "doubt": "Words that are burned into the pixels cannot be excluded.",
    }
    (wish.out / "export.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
