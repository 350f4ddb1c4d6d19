"""Whom and what the model may score: the intended use of the manifest, put to one header.

Outside it a radiograph is stored and shown but gets no number. A value that the header does not
state passes where the manifest allows that, and the score says what was not known.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from inference.manifest import IntendedUse
from inference.refusal import Outcome, Refusal

FOR_PROCESSING_CLASS = "1.2.840.10008.5.1.4.1.1.1.1.1"
"""Digital X-Ray Image Storage - For Processing (PS3.6)."""
BIRTHDAY = 0.003
FRAMES_UNKNOWN = 0
"""The header's number of frames is no number: the image is not taken for a single one."""
AGE_REPEATED = 89
"""Years. A higher age can identify a person (45 CFR 164.514) and is not repeated."""
NUMBER_MAXIMUM = 1e9
MODALITY, BODY_PART, VIEW = (
    "(0008,0060) Modality",
    "(0018,0015) BodyPartExamined",
    "(0018,5101) ViewPosition",
)
AGE, FRAMES = "(0010,1010) PatientAge", "(0028,0008) NumberOfFrames"
CLASS, INTENT = "(0008,0016) SOPClassUID", "(0008,0068) PresentationIntentType"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one radiograph. An empty text or None is "not known".

    ``age_years`` are completed years on the day of the study.
    """

    modality: str = ""
    body_part: str = ""
    view: str = ""
    age_years: int | None = None
    sex: str = ""
    sop_class_uid: str = ""
    presentation_intent: str = ""
    frames: int = 1

    @property
    def unknown(self) -> tuple[str, ...]:
        """Return which of modality, body_part, view and age are not known, in that order."""
        known = {
            "modality": self.modality,
            "body_part": self.body_part,
            "view": self.view,
            "age": self.age_years is not None,
        }
        return tuple(name for name, value in known.items() if not value)


@dataclass(frozen=True, slots=True)
class Widening:
    """What may be scored besides the intended use, because a site has signed for it.

    It only ever adds, and it knows no frames and no raw detector data: those stay outside.
    ``number`` is under what it was signed; the score repeats it.
    """

    number: int
    age_years: tuple[int, int] | None = None
    modalities: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    views: tuple[str, ...] = ()


def gather_facts(header: Mapping[str, object], supplied: Mapping[str, object]) -> Facts:
    """Return what the header says, with what the sender says where the header is silent.

    Parameters
    ----------
    header : mapping
        The facts of the airlock (`inference.airlock.facts`); empty for PNG and JPEG.
    supplied : mapping
        ``modality``, ``body_part``, ``view``, ``age_years`` (a number of years) and ``sex``;
        other keys are left alone.
    """

    def word(name: str) -> str:
        return _word(header.get(name)) or _word(supplied.get(name))

    age = _number(header.get("age_years"))
    frames = _number(header.get("number_of_frames", 1))
    return Facts(
        modality=word("modality"),
        body_part=word("body_part"),
        view=word("view"),
        age_years=completed_years(_number(supplied.get("age_years")) if age is None else age),
        sex=word("sex"),
        sop_class_uid=_word(header.get("sop_class_uid")),
        presentation_intent=_word(header.get("presentation_intent_type")),
        frames=FRAMES_UNKNOWN if frames is None else int(frames),
    )


def completed_years(years: float | None) -> int | None:
    """Return an age as people give it; None if it is not known.

    An age counted in days is up to 0.0027 years short on a birthday, and that much is forgiven.
    """
    return None if years is None else int(years + BIRTHDAY)


def check_use(facts: Facts, use: IntendedUse) -> Refusal | None:
    """Return why a radiograph is outside the intended use, or None if it is inside."""
    return next(_reasons(facts, use), None)


def judge_use(
    facts: Facts, use: IntendedUse, widening: Widening | None
) -> tuple[Refusal | None, tuple[str, ...]]:
    """Return why a radiograph must not be scored, or None and what it is scored in spite of.

    What it is scored in spite of are codes of refusals, and empty if it is inside the use itself.
    A refusal says what the model was made for, not what a site has made of it.
    """
    if widening is None:
        return check_use(facts, use), ()
    outside = tuple(_reasons(facts, use))
    still = {reason.code for reason in _reasons(facts, _widened(use, widening))}
    if refusal := next((reason for reason in outside if reason.code in still), None):
        return refusal, ()
    return None, tuple(reason.code for reason in outside)


def _widened(use: IntendedUse, widening: Widening) -> IntendedUse:
    youngest, oldest = use.age_years
    if widening.age_years:
        youngest = min(youngest, widening.age_years[0])
        oldest = max(oldest, widening.age_years[1])
    return replace(
        use,
        age_years=(youngest, oldest),
        modalities=use.modalities + widening.modalities,
        body_parts=use.body_parts + widening.body_parts,
        views=use.views + widening.views,
    )


def _reasons(facts: Facts, use: IntendedUse) -> Iterator[Refusal]:
    if facts.frames != 1:
        yield _outside(
            "multi_frame",
            "The image has several frames; the model reads single radiographs.",
            (FRAMES, str(facts.frames or "not a number")),
            "Send each radiograph as an image of its own.",
        )
    if facts.sop_class_uid == FOR_PROCESSING_CLASS or facts.presentation_intent == "FOR PROCESSING":
        by_class = facts.sop_class_uid == FOR_PROCESSING_CLASS
        yield _outside(
            "for_processing",
            "The image is raw detector data (For Processing), not made for display.",
            (CLASS, facts.sop_class_uid) if by_class else (INTENT, facts.presentation_intent),
            "Send the For Presentation image of the same exposure.",
        )
    yield from _word_reasons(facts, use)
    yield from _age_reasons(facts, use)


def _word_reasons(facts: Facts, use: IntendedUse) -> Iterator[Refusal]:
    """Yield what is wrong with modality, body part and view."""
    rules = (
        ("modality", facts.modality, use.modalities, MODALITY, "modality_not_supported",
         "The model reads radiographs only."),
        ("body_part", facts.body_part, use.body_parts, BODY_PART, "body_part_not_chest",
         "The model reads chest radiographs only."),
        ("view", facts.view, use.views, VIEW, "view_not_frontal",
         "The model reads frontal views only."),
    )  # fmt: skip
    for name, value, allowed, tag, code, detail in rules:
        wanted = " or ".join(allowed)
        remedy = f"Read it without the model. If the header is wrong, correct it: {wanted}."
        if value and value not in allowed:
            yield _outside(code, detail, (tag, value), remedy)
        elif not value and name not in use.unknown_allowed:
            yield _outside(
                f"{name}_unknown", f"{detail} The header does not say.", (tag, ""), remedy
            )


def _age_reasons(facts: Facts, use: IntendedUse) -> Iterator[Refusal]:
    youngest, oldest = use.age_years
    detail = f"The model was made for people of {youngest} to {oldest} completed years."
    remedy = "Read it without the model. If the age in the header is wrong, correct it."
    age = facts.age_years
    if age is not None and not youngest <= age <= oldest:
        found = f"over {AGE_REPEATED} years" if age > AGE_REPEATED else f"{age} years"
        yield _outside("age_outside_range", detail, (AGE, found), remedy)
    elif age is None and "age" not in use.unknown_allowed:
        yield _outside("age_unknown", f"{detail} The age is not known.", (AGE, ""), remedy)


def _outside(code: str, detail: str, where: tuple[str, str], remedy: str) -> Refusal:
    outcome: Outcome = "not_applicable"
    tag, found = where
    return Refusal(code, detail, outcome, tag=tag, found=found[:64], remedy=remedy)


def _word(value: object) -> str:
    """Return a coded value as DICOM means it: upper case, without spaces around; else empty."""
    return value.strip().upper() if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    """Return a number that can be an age or a count, or None."""
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,3}(\.\d{1,9})?\s*", value, re.ASCII):
        return float(value)
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 <= value < NUMBER_MAXIMUM
    ):
        return float(value)
    return None
