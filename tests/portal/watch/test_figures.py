"""The figures against others' code: numpy, scipy and scikit-learn."""

import random

import numpy as np
import pytest
from scipy.stats import binomtest, ks_2samp
from sklearn.metrics import cohen_kappa_score

from portal.shares import Share, wilson
from portal.watch.figures import (
    BINS,
    COARSE,
    distance,
    kappa,
    reference_of,
    stability,
)
from tests.reports import figures


@pytest.mark.parametrize(("found", "of"), [(0, 1), (1, 1), (3, 20), (50, 100), (999, 1000)])
def test_the_interval_is_wilsons(found, of):
    theirs = binomtest(found, of).proportion_ci(method="wilson")
    assert wilson(found, of) == pytest.approx((theirs.low, theirs.high))
    share = Share(of, found)
    assert (share.value, share.low, share.high) == pytest.approx((found / of, *wilson(found, of)))


def test_of_nothing_there_is_no_share():
    nothing = Share(0, 0)
    assert (nothing.value, nothing.low, nothing.high) == (None, None, None)


@pytest.fixture
def samples():
    draw = np.random.default_rng(1)
    return draw.beta(0.5, 0.7, 700), draw.beta(0.8, 0.4, 900)


def test_the_stability_index_is_that_of_its_definition(samples):
    here, there = (np.histogram(one, BINS, (0, 1))[0] for one in samples)
    p, q = (one.reshape(COARSE, -1).sum(axis=1) + 0.5 for one in (here, there))
    p, q = p / p.sum(), q / q.sum()
    assert stability(list(here), list(there)) == pytest.approx(((p - q) * np.log(p / q)).sum())
    assert stability(list(here), list(here)) == pytest.approx(0)


def test_the_distance_is_scipys_of_the_same_bins(samples):
    counts = [np.histogram(one, BINS, (0, 1))[0] for one in samples]
    middles = (np.arange(BINS) + 0.5) / BINS
    binned = [np.repeat(middles, one) for one in counts]
    assert distance(*map(list, counts)) == pytest.approx(ks_2samp(*binned).statistic)


def test_against_nothing_there_is_no_drift():
    assert stability([1] * BINS, []) is None
    assert stability([0] * BINS, [1] * BINS) is None
    assert distance([1] * BINS, []) is None


def test_an_empty_bin_is_no_infinity():
    assert stability([9] + [0] * 19, [0] * 19 + [9]) == pytest.approx(2 * 9 / 14 * np.log(19))


def test_kappa_is_scikit_learns():
    draw = random.Random(2)
    pairs = [(draw.choice("ppa"), draw.choice("pa")) for _ in range(200)]
    table = {pair: pairs.count(pair) for pair in set(pairs)}
    assert kappa(table) == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))
    assert kappa({}) is None
    assert kappa({("a", "a"): 3}) is None


def test_the_reference_is_the_histogram_of_validation():
    document = {"splits": {"val": figures(0.9)}}
    classes = figures(0.9)["histogram"]
    assert reference_of(document, None) == np.add(*classes.values()).tolist()


def test_the_reference_is_mixed_as_pneumonia_is_common_here():
    classes = {name: np.array(one) for name, one in figures(0.9)["histogram"].items()}
    mixed = np.array(reference_of({"splits": {"val": figures(0.9)}}, 0.1))
    wanted = 0.9 * classes["normal"] / classes["normal"].sum()
    wanted = wanted + 0.1 * classes["pneumonia"] / classes["pneumonia"].sum()
    assert mixed / mixed.sum() == pytest.approx(wanted)


@pytest.mark.parametrize(
    "document",
    [None, {}, {"splits": {}}, {"splits": {"val": {"histogram": {"normal": [1] * BINS}}}},
     {"splits": {"val": {"histogram": {"normal": [1], "pneumonia": [2]}}}},
     {"splits": {"val": {"histogram": {"normal": [-1] * BINS, "pneumonia": ["x"] * BINS}}}}],
)  # fmt: skip
def test_a_report_without_a_plain_histogram_gives_none(document):
    assert reference_of(document, None) == []
