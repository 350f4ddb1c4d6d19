"""How facts are written: pure functions, no database."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from portal.web.templatetags.overread import (
    against,
    moment,
    of_100,
    person_name,
    seconds,
    told,
)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Doe^Jane^A^Dr^", "Doe, Jane A Dr"),
        ("Doe", "Doe"),
        ("^Jane", "Jane"),
        ("^^^^", ""),
        ("", ""),
        ("Wang^XiaoDong=王^小东", "Wang, XiaoDong"),
        ("=王^小东", "王, 小东"),
    ],
)
def test_a_person_name_is_written_for_people(raw, shown):
    assert person_name(raw) == shown


@pytest.mark.parametrize(
    ("value", "other", "shown"),
    [
        (0.87, 0.41, "0.87"),
        (0.4096, 0.4104, "0.4096"),
        (0.40999, 0.41001, "0.40999"),
        (0.5, 0.5, "0.50"),
        (0.41, 0.4100000001, "0.410000"),
        (1.0, 0.5, "over 0.99"),
        (0.9996, 0.91, "over 0.99"),
        (0.9996, 0.998, "over 0.999"),
        (0.994, 0.91, "0.99"),
        (0.0, 0.5, "under 0.01"),
        (0.0049, 0.5, "under 0.01"),
        (0.006, 0.5, "0.01"),
    ],
)
def test_a_score_gets_the_decimals_that_tell_it_from_its_cut_off(value, other, shown):
    assert against(value, other) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (125.0, "2 min 5 s")],
)
def test_durations_are_short(value, shown):
    assert seconds(value) == shown


def test_a_time_is_utc_and_says_so():
    paris = datetime(2026, 7, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert ">30 Jun 2026, 22:30:00 UTC<" in moment(paris)
    assert moment(paris) == moment(paris.astimezone(UTC))


def test_empty_details_are_left_out():
    detail = {"reason": "", "supersedes": None, "fields": [], "codes": ["a", "b"], "intact": False}
    assert told(detail) == [("codes", "a, b"), ("intact", "False")]


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.874, "about 87"), (0.01, "about 1"), (0.0099, "fewer than 1"), (0.99, "about 99"),
     (0.9999, "more than 99"), (0.0, "fewer than 1"), (1.0, "more than 99"), (None, "")],
)  # fmt: skip
def test_of_a_hundred_nothing_is_rounded_to_none_or_all(share, words):
    assert of_100(share) == words
