"""Whom the model may score, and what is said when it may not."""

import dataclasses

import pytest

from inference.gate import (
    Facts,
    Widening,
    check_use,
    completed_years,
    gather_facts,
    judge_use,
)
from inference.refusal import Refusal
from inference.training.statements import INTENDED_USE

CHILD = Facts(modality="DX", body_part="CHEST", view="AP", age_years=3)


def with_(**changes):
    return dataclasses.replace(CHILD, **changes)


def test_a_frontal_chest_of_a_child_passes():
    assert check_use(CHILD, INTENDED_USE) is None
    assert CHILD.unknown == ()


@pytest.mark.parametrize("view", ["AP", "PA"])
@pytest.mark.parametrize("modality", ["CR", "DX"])
@pytest.mark.parametrize("age", [1, 5])
def test_both_ends_of_the_intended_use_are_inside(view, modality, age):
    assert check_use(with_(view=view, modality=modality, age_years=age), INTENDED_USE) is None


@pytest.mark.parametrize(
    ("changes", "code", "tag", "found"),
    [
        ({"view": "LL"}, "view_not_frontal", "(0018,5101) ViewPosition", "LL"),
        ({"view": "RLD"}, "view_not_frontal", "(0018,5101) ViewPosition", "RLD"),
        ({"body_part": "HAND"}, "body_part_not_chest", "(0018,0015) BodyPartExamined", "HAND"),
        ({"age_years": 0}, "age_outside_range", "(0010,1010) PatientAge", "0 years"),
        ({"age_years": 6}, "age_outside_range", "(0010,1010) PatientAge", "6 years"),
        ({"age_years": 94}, "age_outside_range", "(0010,1010) PatientAge", "over 89 years"),
        ({"modality": "CT"}, "modality_not_supported", "(0008,0060) Modality", "CT"),
        ({"modality": "OT"}, "modality_not_supported", "(0008,0060) Modality", "OT"),
        ({"frames": 12}, "multi_frame", "(0028,0008) NumberOfFrames", "12"),
        ({"frames": 0}, "multi_frame", "(0028,0008) NumberOfFrames", "not a number"),
        (
            {"sop_class_uid": "1.2.840.10008.5.1.4.1.1.1.1.1"},
            "for_processing",
            "(0008,0016) SOPClassUID",
            "1.2.840.10008.5.1.4.1.1.1.1.1",
        ),
        (
            {"presentation_intent": "FOR PROCESSING"},
            "for_processing",
            "(0008,0068) PresentationIntentType",
            "FOR PROCESSING",
        ),
    ],
)
def test_outside_the_intended_use_nothing_is_scored_and_the_tag_is_named(changes, code, tag, found):
    refusal = check_use(with_(**changes), INTENDED_USE)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.outcome) == (code, "not_applicable")
    assert (refusal.tag, refusal.found) == (tag, found)
    assert refusal.detail.endswith(".")
    assert refusal.remedy.endswith(".")


def test_unknown_values_pass_where_the_manifest_allows_it_and_are_named():
    assert check_use(Facts(), INTENDED_USE) is None
    assert Facts().unknown == ("modality", "body_part", "view", "age")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"modality": ""}, "modality_unknown"),
        ({"body_part": ""}, "body_part_unknown"),
        ({"view": ""}, "view_unknown"),
        ({"age_years": None}, "age_unknown"),
    ],
)
def test_unknown_values_are_refused_where_the_manifest_does_not_allow_them(changes, code):
    strict = dataclasses.replace(INTENDED_USE, unknown_allowed=())
    refusal = check_use(with_(**changes), strict)
    assert refusal is not None
    assert (refusal.code, refusal.outcome) == (code, "not_applicable")
    assert check_use(CHILD, strict) is None


def test_what_the_sender_says_fills_what_the_header_leaves_open():
    header = {"modality": "DX", "view": "", "age_years": None, "number_of_frames": 1}
    facts = gather_facts(header, {"view": " ap ", "age_years": "4", "sex": "F", "colour": "red"})
    assert (facts.modality, facts.view, facts.age_years, facts.sex) == ("DX", "AP", 4, "F")
    assert facts.unknown == ("body_part",)


def test_what_the_header_says_is_not_overruled_by_the_sender():
    header = {"modality": "CT", "view": "LL", "age_years": 70.2, "body_part": "HAND"}
    supplied = {"modality": "DX", "view": "AP", "age_years": 3, "body_part": "CHEST"}
    facts = gather_facts(header, supplied)
    assert (facts.modality, facts.view, facts.age_years) == ("CT", "LL", 70)
    assert facts.body_part == "HAND"


@pytest.mark.parametrize("nonsense", ["", "old", "-3", "1e3", True, -1, float("nan"), [3], None])
def test_an_age_that_is_none_stays_unknown(nonsense):
    assert gather_facts({}, {"age_years": nonsense}).age_years is None


def test_a_number_of_frames_that_is_none_is_not_taken_for_one():
    assert gather_facts({"number_of_frames": None}, {}).frames != 1
    assert gather_facts({}, {}).frames == 1


@pytest.mark.parametrize(
    ("years", "completed"),
    [
        (5.92, 5),
        (0.99, 0),
        (365 / 365.2425, 1),  # the first birthday
        (364 / 365.2425, 0),
        (2191 / 365.2425, 6),  # the sixth
        (None, None),
    ],
)
def test_ages_are_completed_years(years, completed):
    assert completed_years(years) == completed


ADULTS = Widening(number=7, age_years=(0, 130), views=("LL",), modalities=("RG",))


def judged(widening, **changes):
    refusal, outside = judge_use(with_(**changes), INTENDED_USE, widening)
    return refusal and refusal.code, outside


@pytest.mark.parametrize(
    ("changes", "outside"),
    [
        ({}, ()),
        ({"age_years": 40}, ("age_outside_range",)),
        ({"age_years": 0}, ("age_outside_range",)),
        ({"view": "LL"}, ("view_not_frontal",)),
        ({"modality": "RG", "age_years": 130}, ("modality_not_supported", "age_outside_range")),
    ],
)
def test_a_widening_lets_in_what_it_names_and_says_what_for(changes, outside):
    assert judged(ADULTS, **changes) == (None, outside)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"age_years": 131}, "age_outside_range"),
        ({"age_years": 40, "view": "RL"}, "view_not_frontal"),
        ({"age_years": 40, "frames": 2}, "multi_frame"),
        ({"age_years": 40, "presentation_intent": "FOR PROCESSING"}, "for_processing"),
        ({"body_part": "HAND"}, "body_part_not_chest"),
    ],
)
def test_what_a_widening_does_not_name_stays_outside(changes, code):
    assert judged(ADULTS, **changes) == (code, ())


def test_without_a_widening_it_is_the_intended_use_that_counts():
    assert judged(None, age_years=40) == ("age_outside_range", ())
    assert judged(None) == (None, ())


def test_a_widening_never_narrows():
    narrow = Widening(number=7, age_years=(3, 3))
    assert [judged(narrow, age_years=age) for age in (1, 5)] == [(None, ())] * 2


def test_a_refusal_says_what_the_model_was_made_for_and_not_what_a_site_made_of_it():
    refusal, _ = judge_use(with_(age_years=40), INTENDED_USE, Widening(number=7, age_years=(1, 17)))
    assert "people of 1 to 5 completed years" in refusal.detail
