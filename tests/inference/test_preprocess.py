import numpy as np
import pytest
from PIL import Image

from inference.preprocess import squash


def test_the_result_is_a_square_of_float32_within_the_range():
    squashed = squash(np.random.default_rng(0).random((300, 411), np.float32), 224)
    assert squashed.shape == (224, 224)
    assert squashed.dtype == np.float32
    assert squashed.min() >= 0
    assert squashed.max() <= 1


def test_a_picture_of_the_right_size_is_not_changed():
    pixels = np.random.default_rng(0).random((224, 224), np.float32)
    np.testing.assert_array_equal(squash(pixels, 224), pixels)


def test_the_argument_is_not_written_to():
    pixels = np.zeros((224, 224), np.float32)
    squash(pixels, 224)[0, 0] = 1
    assert pixels[0, 0] == 0


def test_reduction_averages_instead_of_dropping_pixels():
    stripes = np.tile(np.array([0, 1], np.float32), (448, 224))
    middle = squash(stripes, 56)[4:-4, 4:-4]
    np.testing.assert_allclose(middle, 0.5, atol=0.02)


def test_the_whole_picture_is_squashed_whatever_its_shape():
    wide = np.repeat(np.linspace(0, 1, 500, dtype=np.float32)[None], 60, axis=0)
    squashed = squash(wide, 100)
    assert squashed[50, 0] < 0.01
    assert squashed[50, -1] > 0.99
    np.testing.assert_allclose(squashed, np.tile(squashed[:1], (100, 1)), atol=1e-6)


@pytest.mark.parametrize("shape", [(300, 411), (100, 150), (2500, 3100)])
def test_the_result_is_that_of_pillow_in_one_pass(shape):
    pixels = np.random.default_rng(0).random(shape, np.float32)
    whole = Image.fromarray(pixels).resize((224, 224), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(squash(pixels, 224), np.clip(np.asarray(whole), 0, 1))


def test_a_view_that_is_not_contiguous_is_taken():
    pixels = np.random.default_rng(0).random((448, 448), np.float32)
    np.testing.assert_array_equal(
        squash(pixels[::2, ::2], 100), squash(pixels[::2, ::2].copy(), 100)
    )


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((224, 224), np.float64),
        np.zeros((224, 224), np.uint8),
        np.zeros((224, 224, 3), np.float32),
        np.zeros(224, np.float32),
        np.zeros((0, 10), np.float32),
    ],
)
def test_anything_but_a_plane_of_float32_is_a_bug_of_the_caller(pixels):
    with pytest.raises(ValueError, match="expected float32"):
        squash(pixels, 224)


def test_a_size_below_one_is_a_bug_of_the_caller():
    with pytest.raises(ValueError, match="at least 1"):
        squash(np.zeros((4, 4), np.float32), 0)
