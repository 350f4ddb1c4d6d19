"""Cut-offs on signed studies, recomputed by other people's code."""

import hashlib
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from portal.reviews.signed_selectors import SignedScore
from portal.reviews.signed_sets import AIMS, SignedSet

SIGNED = datetime(2026, 3, 1, tzinfo=UTC)
SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=60)


def signed(score, presence, number=1, *, saw_ai=True):
    return SignedScore(number, f"1.2.{number}", score, presence, 100 + number, SIGNED, saw_ai)


def set_of(present, absent, indeterminate=()):
    said = [(score, "present") for score in present] + [(score, "absent") for score in absent]
    said += [(score, "indeterminate") for score in indeterminate]
    return SignedSet([signed(*one, number) for number, one in enumerate(said, start=1)])


@given(SCORES, SCORES, st.floats(0.001, 0.999))
def test_the_figures_at_a_cut_off_are_those_of_numpy_and_scipy(present, absent, threshold):
    found = set_of(present, absent).at(threshold)
    for share, hits in (
        (found.sensitivity, int((np.array(present) >= threshold).sum())),
        (found.specificity, int((np.array(absent) < threshold).sum())),
    ):
        theirs = binomtest(hits, share.of).proportion_ci(method="wilson")
        assert (share.found, share.value) == (hits, pytest.approx(hits / share.of))
        assert (share.low, share.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(SCORES, st.sampled_from(AIMS))
def test_a_cut_off_for_an_aim_reaches_it_and_a_step_more_would_not(present, aim):
    found = set_of(present, [0.5]).reaching(aim)
    if found is None:
        assert np.quantile(present, 0, method="inverted_cdf") < 0.0001
        return
    assert 0 < found.threshold < 1
    assert 1000 * found.sensitivity.found >= aim * len(present)
    above = (np.array(present) >= found.threshold + 0.0001 + 1e-12).sum()
    assert 1000 * above < aim * len(present) or found.threshold == 0.9999


def test_a_cut_off_is_in_whole_steps_at_or_below_the_score_it_has_to_catch():
    assert set_of([0.30009], []).reaching(900).threshold == 0.3
    assert set_of([0.0003], []).reaching(900).threshold == 0.0003
    assert set_of([1.0], []).reaching(900).threshold == 0.9999


@pytest.mark.parametrize(
    ("n", "aim", "missed"),
    [(40, 975, 1), (39, 975, 0), (100, 990, 1), (10, 900, 1), (20, 950, 1), (60, 950, 3)],
)
def test_an_aim_is_counted_in_whole_studies(n, aim, missed):
    found = set_of([place / 100 for place in range(1, n + 1)], []).reaching(aim)
    assert n - found.sensitivity.found == missed


def test_nobody_sick_or_a_score_of_nothing_gives_no_cut_off():
    assert set_of([], [0.2]).reaching(900) is None
    assert set_of([0.00001], [0.2]).reaching(900) is None


def test_the_indeterminate_count_for_neither_kind_and_are_named_in_the_digest():
    found = set_of([0.9], [0.1, 0.2], [0.5])
    assert (found.present, found.absent, found.left_out) == ([0.9], [0.1, 0.2], 1)
    assert found.sha256 != set_of([0.9], [0.1, 0.2]).sha256


def test_who_saw_the_ai_is_counted_of_those_that_count():
    rows = [signed(0.9, "present", 1), signed(0.1, "absent", 2, saw_ai=False)]
    assert SignedSet([*rows, signed(0.5, "indeterminate", 3)]).saw_ai == 1


def test_the_digest_is_of_sorted_lines_that_anybody_can_write():
    rows = [signed(0.25, "absent", 20), signed(0.5, "present", 3)]
    text = "1.2.20 120 0.25\n1.2.3 103 0.5\n"
    assert SignedSet(rows).sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert SignedSet(rows[::-1]).sha256 == SignedSet(rows).sha256
