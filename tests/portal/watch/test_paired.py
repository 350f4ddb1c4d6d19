"""Figures of two models on the same studies, held against other code that computes them."""

import math
import random

import numpy as np
import pytest

from inference.training.compare import paired as other
from portal.watch.paired import (
    Difference,
    Matched,
    auc,
    auc_difference,
    matched,
    mcnemar,
    share_difference,
)


def drawn(seed: int, present: int = 40, absent: int = 60) -> tuple[list[float], list[float]]:
    """Return scores with ties, higher with pneumonia."""
    dice = random.Random(seed)
    return (
        [round(min(1, max(0, dice.gauss(0.65, 0.25))), 1) for _ in range(present)],
        [round(min(1, max(0, dice.gauss(0.4, 0.25))), 1) for _ in range(absent)],
    )


def test_the_auc_is_how_often_the_sick_score_higher():
    present, absent = drawn(1)
    wins = [(p > a) + (p == a) / 2 for p in present for a in absent]
    assert auc(present, absent) == pytest.approx(sum(wins) / len(wins))
    assert auc([0.9], [0.1]) == 1
    assert auc([], [0.1]) is None
    assert auc([0.1], []) is None


@pytest.mark.parametrize("seed", range(5))
def test_the_difference_of_two_aucs_is_delongs(seed):
    first, second = drawn(seed), drawn(seed + 100)
    found = auc_difference(first, second)
    labels = np.array([1] * len(first[0]) + [0] * len(first[1]))
    expected = other.delong(np.concatenate(second), np.concatenate(first), labels)
    assert found.value == pytest.approx(expected["difference"])
    assert [found.low, found.high] == pytest.approx(expected["difference_ci"])
    assert found.p == pytest.approx(expected["p"])


def test_a_model_does_not_differ_from_itself():
    one = drawn(3)
    assert auc_difference(one, one) == Difference(0.0, None, None, None)


def test_one_study_of_a_class_has_no_spread():
    assert auc_difference(([0.9], [0.1, 0.2]), ([0.8], [0.1, 0.2])) is None
    assert auc_difference(([0.9, 0.8], [0.1]), ([0.8, 0.7], [0.2])) is None


def test_findings_are_matched_study_by_study():
    counts = matched([True, True, False, False, True], [True, False, True, False, True])
    assert counts == Matched(both=2, only_first=1, only_second=1, none=1)
    assert counts.of == 5


@pytest.mark.parametrize(("first", "second"), [(0, 0), (3, 9), (1, 6), (12, 12)])
def test_the_p_is_mcnemars(first, second):
    assert mcnemar(first, second) == pytest.approx(other.mcnemar(first, second))


def test_a_difference_of_shares_has_agresti_and_mins_interval():
    """By the words of the paper: half a pair to each cell, then the usual one."""
    cells = np.array([[60, 4], [11, 25]]) + 0.5
    total = cells.sum()
    p = cells / total
    gap = p[1, 0] - p[0, 1]
    half = 1.959964 * math.sqrt(((p[1, 0] + p[0, 1]) - gap**2) / total)
    found = share_difference(Matched(both=60, only_first=4, only_second=11, none=25))
    assert found.value == pytest.approx(0.07)
    assert [found.low, found.high] == pytest.approx([gap - half, gap + half])
    assert found.p == pytest.approx(other.mcnemar(4, 11))


def test_of_nothing_there_is_no_difference():
    assert share_difference(Matched(0, 0, 0, 0)) is None
