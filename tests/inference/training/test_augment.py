"""The augmented view disturbs what separates the classes for the wrong reason."""

import numpy as np
import pytest

from inference.training.augment import STEPS, augment
from tests.dicom_files import chest_pixels


@pytest.fixture
def pixels():
    return (chest_pixels() / 4095).astype(np.float32)


def test_the_same_state_gives_the_same_view_and_another_one_another(pixels):
    one, same, other = (augment(pixels, np.random.default_rng(s), size=224) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).mean() > 0.001


def test_a_view_is_what_the_network_wants(pixels):
    before = pixels.copy()
    for seed in range(20):
        view = augment(pixels, np.random.default_rng(seed), size=224)
        assert view.shape == (224, 224)
        assert view.dtype == np.float32
        assert view.min() >= 0
        assert view.max() <= 1
    np.testing.assert_array_equal(pixels, before)


def test_left_stays_left(pixels):
    half = pixels.copy()
    half[:, : half.shape[1] // 2] = 0
    for seed in range(20):
        view = augment(half, np.random.default_rng(seed), size=224)
        assert view[:, :90].mean() < view[:, -90:].mean()


def test_sharpness_and_tone_vary_from_view_to_view(pixels):
    views = [augment(pixels, np.random.default_rng(seed), size=224) for seed in range(30)]
    sharpness = [float(np.abs(np.diff(view, axis=1)).mean()) for view in views]
    assert max(sharpness) > 1.5 * min(sharpness)
    assert np.ptp([view.mean() for view in views]) > 0.1


@pytest.mark.parametrize("step", [step for _, step in STEPS], ids=lambda step: step.__name__)
def test_no_step_writes_to_its_argument(step, pixels):
    before = pixels.copy()
    step(pixels, np.random.default_rng(0))
    np.testing.assert_array_equal(pixels, before)
