import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.dicom.uid import derived_uid, is_uid


@pytest.mark.parametrize(
    "text",
    ["1.2", "0.0", "2.25.0", "1.2.840.10008.5.1.4.1.1.7", "1." + "2" * 62, "2.999.10.20"],
)
def test_a_uid_is_one(text):
    assert is_uid(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "1", "1.", ".1", "1..2", "3.1", "1.02", "01.2", "1.2 ", " 1.2", "1.2\n", "1.2\0",
        "1.a", "1.-2", "1.²", "1.٣", "../../evil", "1.2/../3", "1." + "2" * 63, "2.25.x",
    ],
)  # fmt: skip
def test_what_is_not_a_uid_is_not(text):
    assert not is_uid(text)


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_what_is_taken_has_digits_and_dots_alone(text):
    if is_uid(text):
        assert set(text) <= set("0123456789.")
        assert 3 <= len(text) <= 64


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=5))
def test_numbers_joined_by_dots_are_a_uid(numbers):
    assert is_uid(".".join(["1", *map(str, numbers)]))


@given(st.text(max_size=40), st.text(max_size=64))
def test_a_derived_uid_is_a_uid_and_always_the_same(site, sha256):
    assert is_uid(derived_uid(site, sha256))
    assert derived_uid(site, sha256) == derived_uid(site, sha256)


def test_derived_uids_differ_by_each_part_and_never_change_between_releases():
    assert len({derived_uid("a", "b"), derived_uid("b", "a"), derived_uid("a", "c")}) == 3
    assert derived_uid("demo", "0" * 64, "study") == "2.25.249550788444577163672274049244259217278"
