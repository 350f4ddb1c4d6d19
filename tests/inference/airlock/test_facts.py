import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.airlock.facts import FACT_TAGS, age_of, day, facts_of
from tests.dicom_files import child_chest, png_chest
from tests.inference.airlock import ask


def test_a_childs_chest_is_described():
    facts = ask.header(child_chest())["facts"]
    assert facts == {
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.1.1",
        "modality": "DX",
        "body_part": "CHEST",
        "view": "AP",
        "age_years": 4.0,
        "age_source": "PatientAge",
        "number_of_frames": 1,
        "photometric_interpretation": "MONOCHROME2",
        "presentation_intent_type": "FOR PRESENTATION",
        "laterality": "",
        "patient_orientation": "",
        "burned_in_annotation": "NO",
    }


def test_header_and_decode_tell_the_same_facts():
    content = child_chest(PatientAge="018M", PatientOrientation=["L", "F"], ViewPosition="pa")
    assert ask.header(content)["facts"] == ask.decoded_head(content)["facts"]
    assert ask.header(content)["facts"]["patient_orientation"] == "L\\F"
    assert ask.header(content)["facts"]["view"] == "PA"


def test_pictures_have_no_facts():
    assert ask.header(png_chest())["facts"] == {}
    assert ask.decoded_head(png_chest())["facts"] == {}


@pytest.mark.parametrize(
    ("written", "years", "source"),
    [
        ("004Y", 4.0, "PatientAge"),
        ("018M", 1.5, "PatientAge"),
        ("052W", 52 * 7 / 365.2425, "PatientAge"),
        ("010D", 10 / 365.2425, "PatientAge"),
        ("4Y", 4.0, "PatientAge"),
        ("000Y", 0.0, "PatientAge"),
        ("040", 40.0, "PatientAge without unit"),
        ("7", 7.0, "PatientAge without unit"),
        ("999Y", None, ""),
        ("4000", None, ""),
        ("4.5", None, ""),
        ("-04Y", None, ""),
        ("٤Y", None, ""),
        ("", None, ""),
    ],
)
def test_the_written_age_is_read(written, years, source):
    age, said = age_of({"PatientAge": written})
    assert age == (None if years is None else pytest.approx(years))
    assert said == source


def test_without_an_age_it_is_counted_from_the_dates():
    dates = {"PatientBirthDate": "20200301", "StudyDate": "20240615"}
    age, source = age_of(dates)
    assert age == pytest.approx(4.29, abs=0.01)
    assert source == "PatientBirthDate and StudyDate"


def test_a_study_date_that_is_none_gives_way_to_the_next_date():
    dates = {"PatientBirthDate": "20200301", "StudyDate": "00000000", "ContentDate": "20230301"}
    assert age_of(dates) == (pytest.approx(3.0, abs=0.01), "PatientBirthDate and ContentDate")


@pytest.mark.parametrize(
    "dates",
    [
        {"PatientBirthDate": "20250301", "StudyDate": "20240615"},
        {"PatientBirthDate": "18000101", "StudyDate": "20240615"},
        {"PatientBirthDate": "20201301", "StudyDate": "20240615"},
        {"PatientBirthDate": "20200301"},
        {"StudyDate": "20240615"},
        {"PatientBirthDate": ["20200301", "20210301"], "StudyDate": "20240615"},
    ],
)
def test_dates_that_no_patient_has_give_no_age(dates):
    assert age_of(dates) == (None, "")


def test_the_retired_form_of_a_date_is_read():
    assert day("2020.03.01") == day("20200301")


@given(st.dictionaries(st.sampled_from(["PatientAge", "PatientBirthDate", "StudyDate"]), st.text()))
def test_an_age_is_plausible_or_unknown_whatever_is_written(header):
    age, source = age_of(header)
    assert (age is None) == (source == "")
    assert age is None or 0 <= age <= 130


@given(
    st.dictionaries(
        st.sampled_from(["Modality", "NumberOfFrames", "PatientAge", "ViewPosition"]),
        st.none() | st.integers() | st.text() | st.lists(st.text() | st.none()),
    )
)
def test_facts_are_told_of_any_header(header):
    facts = facts_of(header)
    assert facts["number_of_frames"] is None or isinstance(facts["number_of_frames"], int)


def test_the_tags_that_decode_reads_are_enough_for_the_facts():
    assert len(set(FACT_TAGS)) == len(FACT_TAGS)
