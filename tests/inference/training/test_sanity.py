"""Maps change with the weights, or they are not shown."""

import numpy as np
import pytest

from inference.manifest import Head, Layer
from inference.training import sanity
from tests.inference.test_gradcam import body_by_chance, head_arrays

LINEAR = Layer(1, "linear")


def checked(pixels=None, head=None):
    rng = np.random.default_rng(3)
    if pixels is None:
        pixels = rng.random((2, 224, 224), np.float32)
    arrays = head_arrays(rng, 1536)
    return sanity.check_maps(
        head or Head("pooled", (5,), (LINEAR,), 0), arrays, body_by_chance(rng),
        convention="rgb_0_1", pixels=pixels, seed=7,
    )  # fmt: skip


@pytest.fixture(scope="module")
def check():
    return checked()


def test_the_check_says_what_was_looked_at_and_what_came_of_it(check):
    assert (check.method, check.images, check.seed) == ("Grad-CAM of block5_conv3", 2, 7)
    assert list(check.correlations) == ["head", "block 5", "block 4"]
    assert all(0 <= value <= 1 for value in check.correlations.values())
    assert check.passed == (max(check.correlations.values()) <= check.bound)


def test_the_same_seed_gives_the_same_figures(check):
    assert checked() == check


def test_maps_that_change_too_little_are_not_passed(monkeypatch):
    monkeypatch.setattr(sanity, "rank_correlation", lambda one, other: -0.8)
    found = checked()
    assert set(found.correlations.values()) == {0.8}
    assert not found.passed


def test_a_head_without_a_map_has_no_check():
    assert checked(head=Head("pooled", (5,), (Layer(4, "relu"), LINEAR), 0)) is None


def test_a_network_whose_maps_are_all_empty_does_not_pass(monkeypatch):
    monkeypatch.setattr(sanity, "_maps", lambda activations, _: np.zeros(activations.shape[:3]))
    assert not checked().passed


@pytest.mark.parametrize("seed", range(3))
def test_the_rank_correlation_is_spearmans(seed):
    from scipy.stats import spearmanr

    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 9, (14, 14)), rng.integers(0, 9, (14, 14))
    wanted = spearmanr(one.ravel(), other.ravel()).statistic
    assert sanity.rank_correlation(one, other) == pytest.approx(wanted)
    assert sanity.rank_correlation(one, np.ones((14, 14))) == 0.0
