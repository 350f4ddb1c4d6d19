import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.dicom.described import Described, check_described, facts_of, raster_image, raster_uids


@pytest.mark.parametrize(
    ("described", "facts"),
    [
        (Described(), {}),
        (Described(age="4"), {"age_years": 4.0}),
        (Described(age=" 4Y "), {"age_years": 4.0}),
        (Described(age="004y"), {"age_years": 4.0}),
        (Described(age="18M"), {"age_years": 1.5}),
        (Described(view="ap"), {"view": "AP"}),
        (Described(view="lateral"), {"view": "LATERAL"}),
        (Described(sex="m", patient_id="P1"), {"sex": "M"}),
    ],
)
def test_what_is_said_becomes_facts(described, facts):
    assert check_described(described) is None
    assert facts_of(described) == facts


@pytest.mark.parametrize(
    ("described", "field", "found"),
    [
        (Described(age="old"), "age", "old"),
        (Described(age="four years"), "age", "10 characters"),
        (Described(age="999"), "age", "999"),
        (Described(age="-1"), "age", "-1"),
        (Described(age="4.5"), "age", "4.5"),
        (Described(sex="X"), "sex", "X"),
        (Described(view="up"), "view", "up"),
        (Described(view="Doe^Jane"), "view", "8 characters"),
        (Described(patient_id="x" * 65), "patient_id", "65 characters"),
        (Described(patient_name="Doe\u202e"), "patient_name", "U+202E"),
        (Described(patient_name="Doe\0"), "patient_name", "U+0000"),
        (Described(group="x" * 65), "group", "65 characters"),
    ],
)
def test_what_is_not_usable_is_refused(described, field, found):
    refusal = check_described(described)
    assert refusal is not None
    assert (refusal.code, refusal.tag, refusal.found) == ("metadata_invalid", field, found)
    assert refusal.remedy


@given(st.builds(Described, *[st.text(max_size=70)] * 6))
def test_any_description_is_usable_or_refused(described):
    refusal = check_described(described)
    if refusal is None:
        uids = raster_uids("demo", "0" * 64)
        image = raster_image(described, kind="png", size=(4, 5), uids=uids)
        assert (image.rows, image.columns) == (4, 5)
        assert len(image.patient_id) <= 64
    else:
        assert refusal.found.isprintable()
