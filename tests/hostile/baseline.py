"""Honest files, most of them outside the intended use: nothing here may be refused at the door."""

import itertools
from collections.abc import Iterator

import numpy as np

from tests.dicom_files import (
    CR,
    DX,
    DX_FOR_PROCESSING,
    ENCAPSULATED,
    LOSSLESS,
    SECONDARY_CAPTURE,
)
from tests.hostile.case import Case, some_chest, spoilt

_AGES = (
    *("000D", "030D", "364D", "366D", "051W", "053W", "000M", "011M", "012M", "018M", "060M"),
    *("071M", "072M", "000Y", "001Y", "002Y", "003Y", "004Y", "005Y", "006Y", "012Y", "018Y"),
    *("040Y", "089Y", "090Y", "130Y", "999Y", "4Y", "04", "4", "Y004", "004y", "-04Y", "4.5Y"),
)
_BORN = (
    *("20240601", "20230616", "20230615", "20200301", "20190615", "20180616", "20180615"),
    *("19800101", "18990101", "20300101", "00000000", "2020", "2020.03.01", "20200230", "words"),
)
_MODALITIES = ("CR", "DX", "RG", "PX", "MG", "CT", "MR", "US", "OT", "SC", "XA", "RF", "dx", "")
_BODY_PARTS = (
    *("CHEST", "chest", "THORAX", "LUNG", "RIBS", "ABDOMEN", "HAND", "SKULL", "CHESTABDOMEN"),
    *("WHOLEBODY", "BREAST", "CHEST ", ""),
)
_VIEWS = (
    *("AP", "PA", "LL", "RL", "LLD", "RLD", "LLO", "RLO", "LATERAL", "ap", "AP SUPINE", "XX"),
    "",
)
_CLASSES = {
    "cr": CR,
    "dx": DX,
    "dx-for-processing": DX_FOR_PROCESSING,
    "secondary-capture": SECONDARY_CAPTURE,
    "sc-byte": f"{SECONDARY_CAPTURE}.2",
    "sc-word": f"{SECONDARY_CAPTURE}.3",
    "sc-colour": f"{SECONDARY_CAPTURE}.4",
}


def cases() -> Iterator[Case]:
    """Yield the family."""
    for syntax in sorted({*LOSSLESS, *ENCAPSULATED}):
        yield spoilt(f"baseline/syntax-{syntax}", syntax=syntax)
    for what, sop_class in _CLASSES.items():
        yield spoilt(f"baseline/class-{what}", SOPClassUID=sop_class)
    for intent in ("FOR PRESENTATION", "FOR PROCESSING", "for processing", "OTHER", ""):
        what = intent.replace(" ", "-") or "none"
        yield spoilt(f"baseline/intent-{what}", PresentationIntentType=intent)
    for keyword, values in (
        ("Modality", _MODALITIES),
        ("BodyPartExamined", _BODY_PARTS),
        ("ViewPosition", _VIEWS),
    ):
        for value in values:
            written = value.encode() + b" " * (len(value) % 2)
            what = value.replace(" ", "_") or "none"
            yield spoilt(f"baseline/{keyword}-{what}", **{keyword: written})
    yield from _ages()
    yield from _mixed()
    yield from _many_children()


def _ages() -> Iterator[Case]:
    for age in _AGES:
        yield spoilt(f"baseline/age-{age}", PatientAge=age.encode() + b" " * (len(age) % 2))
    for born in _BORN:
        written = born.encode() + b" " * (len(born) % 2)
        yield spoilt(f"baseline/born-{born}", PatientAge=None, PatientBirthDate=written)
    yield spoilt("baseline/age-unknown", PatientAge=None, PatientBirthDate=None)
    yield spoilt("baseline/age-against-birth", PatientAge=b"004Y", PatientBirthDate=b"19800101")
    yield spoilt("baseline/age-no-study-date", PatientAge=None, StudyDate=None, ContentDate=None)


def _mixed() -> Iterator[Case]:
    """Yield what several gates speak against; the first of them names the reason."""
    for view, age, part in itertools.product(("AP", "LL"), ("004Y", "040Y"), ("CHEST", "HAND")):
        yield spoilt(
            f"baseline/mixed-{view}-{age}-{part}",
            ViewPosition=view,
            PatientAge=age,
            BodyPartExamined=part,
        )


def _many_children() -> Iterator[Case]:
    for number in range(60):
        name = f"baseline/child-{number:02}"
        noise = np.random.default_rng(number).integers(-8, 9, some_chest(name).shape)
        pixels = np.clip(some_chest(name).astype(int) + noise, 0, 4095).astype(np.uint16)
        sex, view = "FMO"[number % 3], ("AP", "PA", "")[number % 3]
        yield spoilt(
            name, pixels=pixels, PatientAge=f"00{number % 5 + 1}Y", PatientSex=sex,
            ViewPosition=view.encode(), BurnedInAnnotation=("NO", "YES")[number % 2],
        )  # fmt: skip
