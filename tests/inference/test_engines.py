"""What every engine gives, whichever runs the network."""

import numpy as np

from inference.engines import TinyEngine


def test_the_tiny_engine_shows_what_is_bright():
    pixels = np.zeros((2, 224, 224), np.float32)
    pixels[1, :16, 16:32] = 1
    reading = TinyEngine(np.full(512, 0.5, np.float32)).read(pixels)
    assert reading.maps.shape == (2, 14, 14)
    assert reading.maps[1, 0, 1] == 256
    assert np.count_nonzero(reading.maps) == 1
    np.testing.assert_array_equal(reading.features, TinyEngine().read(pixels).features)


def test_the_tiny_engine_shows_nothing_without_weights():
    assert TinyEngine().read(np.zeros((1, 224, 224), np.float32)).maps is None
