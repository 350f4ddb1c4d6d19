import doctest
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.dicom import values
from portal.dicom.accept import facts_of
from portal.dicom.values import age_in_years, code, day, text, whole, years_between


def test_the_examples_in_the_docstrings_are_true():
    assert doctest.testmod(values).failed == 0


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("20240229", date(2024, 2, 29)),
        ("2024.02.29", date(2024, 2, 29)),
        ("20230229", None),
        ("00000000", None),
        ("17990101", None),
        ("2024-02-29", None),
        ("2024022", None),
        ("202402299", None),
        ("20240229-20240301", None),
        ("٢٠٢٤٠٢٢٩", None),
        ("", None),
        (20240229, date(2024, 2, 29)),
    ],
)
def test_a_date_is_read_leniently(written, expected):
    assert day({"StudyDate": written}, "StudyDate") == expected


@pytest.mark.parametrize(
    ("written", "years"),
    [
        ("004Y", 4.0), ("4Y", 4.0), ("018M", 1.5), ("012M", 1.0), ("052W", 0.9966), ("000D", 0.0),
        ("150Y", 150.0), ("151Y", None), ("999Y", None), ("4", None), ("004y", None), ("", None),
        ("-04Y", None), ("0004Y", None), ("4 Y", None),
    ],
)  # fmt: skip
def test_an_age_is_years(written, years):
    assert age_in_years(written) == years


@given(st.text(max_size=6))
def test_any_text_is_an_age_of_a_person_or_none(written):
    years = age_in_years(written)
    assert years is None or 0 <= years <= 150


@pytest.mark.parametrize(
    ("born", "taken", "years"),
    [
        (date(2020, 2, 29), date(2024, 2, 28), 3),
        (date(2020, 2, 29), date(2024, 2, 29), 4),
        (date(2020, 1, 1), date(2020, 1, 1), 0),
        (date(2020, 1, 2), date(2020, 1, 1), None),
        (None, date(2020, 1, 1), None),
        (date(2020, 1, 1), None, None),
    ],
)
def test_completed_years_between_two_days(born, taken, years):
    assert years_between(born, taken) == years


def test_of_several_texts_the_first_counts():
    assert text({"Modality": ["CR", "DX"]}, "Modality") == "CR"
    assert text({"Modality": []}, "Modality") == ""
    assert text({"StudyDescription": "x" * 80}, "StudyDescription", longest=64) == "x" * 64


@pytest.mark.parametrize(
    ("written", "expected"),
    [("cr ", "CR"), ("DX", "DX"), ("C" * 17, ""), ("<b>", ""), (None, ""), ("C\nR", "")],
)
def test_a_coded_string_is_upper_case_or_nothing(written, expected):
    assert code({"Modality": written}, "Modality") == expected


@pytest.mark.parametrize("value", [True, 1.0, "1", None, [1]])
def test_a_whole_number_is_nothing_else(value):
    assert whole({"Rows": value}, "Rows") is None


def test_the_age_comes_from_the_header_else_from_the_dates():
    dates = {"PatientBirthDate": "20200102", "StudyDate": "20240101"}
    assert facts_of({"PatientAge": "018M", **dates})["age_years"] == 1.5
    assert facts_of({"PatientAge": "", **dates})["age_years"] == 3
    assert "age_years" not in facts_of({"PatientAge": "57"})


def test_what_is_not_known_is_left_out():
    assert facts_of({}) == {"frames": 1}
