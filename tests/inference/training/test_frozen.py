"""What is computed of the part that is not fitted, and under which name it is kept."""

import numpy as np
import pytest

from inference.training import frozen
from inference.training.body import Body, rounded
from inference.training.features import FeatureCache, View
from inference.training.frozen import FrozenPart, frozen_part
from inference.training.splits import fitting_rows, read_rows
from inference.training.stems import STEMS


@pytest.fixture
def body(weights):
    return Body("random", rounded(weights), "rgb_0_1", "of a test")


def test_processors_and_gpus_compute_the_same_and_keep_it_apart(body, pixels, monkeypatch):
    ours = frozen_part(body, STEMS)
    monkeypatch.setattr(frozen, "choose_device", lambda: "gpu")
    theirs = frozen_part(body, STEMS)
    found, expected = ours.run(pixels[:1]), theirs.run(pixels[:1])
    assert found.shape == (1, ours.length)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * expected.max())
    assert "ncnn" in ours.name
    assert "tensorflow" in theirs.name


def test_what_another_part_computed_is_not_taken_for_its_own(data, tmp_path):
    view = View("train-0", fitting_rows(read_rows(data), "train"))

    def kept(name, value):
        part = FrozenPart(lambda pixels: np.full((len(pixels), 2), value), 2, name)
        return set(FeatureCache(tmp_path, part).load(view).ravel().tolist())

    assert kept("one", 1) == {1}
    assert kept("another", 2) == {2}
    assert kept("one", 3) == {1}
    for array in tmp_path.glob("*.npy"):
        array.unlink()
    assert kept("one", 4) == {4}
