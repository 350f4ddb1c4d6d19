"""The augmented view disturbs what separates the classes for the wrong reason."""

import numpy as np
import pytest
from PIL import Image

from inference.preprocess import squash
from inference.training.augment import STEPS, augment, borrow_spectrum
from inference.training.features import View
from inference.training.splits import of_split, read_rows
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


def sharpness(pixels):
    return float(np.abs(np.diff(pixels, axis=1)).mean())


def test_a_borrowed_spectrum_is_as_sharp_as_its_lender_and_shows_the_same_anatomy(pixels):
    grain = np.random.default_rng(0).normal(0, 0.02, (224, 224)).astype(np.float32)
    one = np.clip(squash(pixels, 224) + grain, 0, 1)
    dull = np.asarray(Image.fromarray(one).resize((28, 28)).resize((224, 224)), np.float32)
    for own, other in ((one, dull), (dull, one)):
        shares = [borrow_spectrum(own, other, np.random.default_rng(s)) for s in range(10)]
        ends = sorted((sharpness(own), sharpness(other)))
        assert all(ends[0] * 0.9 < sharpness(taken) < ends[1] * 1.1 for taken in shares)
        towards = np.sign(sharpness(other) - sharpness(own))
        assert all(towards * (sharpness(taken) - sharpness(own)) > 0 for taken in shares)
        assert all(np.corrcoef(taken.ravel(), own.ravel())[0, 1] > 0.9 for taken in shares)


def test_some_views_take_the_spectrum_of_another_radiograph(pixels):
    other = np.random.default_rng(0).random((96, 128)).astype(np.float32)  # as sharp as can be
    pairs = [
        [augment(pixels, np.random.default_rng(s), size=224, other=one) for one in (None, other)]
        for s in range(30)
    ]
    differ = [not np.array_equal(*pair) for pair in pairs]
    assert 6 <= sum(differ) <= 18


def test_a_view_draws_the_other_radiograph_from_those_it_is_given(data):
    rows = of_split(read_rows(data), "train")
    alone, with_others = (
        np.stack([View("train", rows, 1, 0, others).pixels(n) for n in range(len(rows))])
        for others in ((), rows)
    )
    assert not np.array_equal(alone, with_others)
