"""The gates, fitted on pictures of chests that are made here."""

import numpy as np
import pytest

from inference.likeness import REASONS, UPRIGHT, Likeness
from inference.training import gates
from inference.training.splits import read_rows
from tests.dicom_files import chest_pixels


def features_of(count, seed):
    """Return features of which ten directions vary, (count, 60)."""
    rng = np.random.default_rng(seed)
    base = np.random.default_rng(5).normal(size=(10, 60))
    return (rng.normal(size=(count, 10)) @ base + 0.05 * rng.normal(size=(count, 60))).astype("f4")


@pytest.fixture(scope="module")
def fitted(data):
    rows = read_rows(data)
    chosen = [row for row in rows if row.split == "val"]
    train = [row for row in rows if row.split in {"train", "external_dev", "external_report"}]
    hospital = gates.Hospital(
        train, features_of(len(train), 1), chosen, features_of(len(chosen), 2)
    )
    return gates.fit_gates([hospital], seed=0)


def test_every_arrangement_has_a_reason_and_its_picture():
    assert list(gates.ARRANGE) == [UPRIGHT, *REASONS]
    pixels = np.stack([chest_pixels(n, 224, 224) / np.float32(4095) for n in (1, 2)]).astype("f4")
    made = {how: gates.arranged(pixels, how) for how in gates.ARRANGE}
    assert {one.shape for one in made.values()} == {(2, 224, 224)}
    np.testing.assert_array_equal(made["upside_down"], pixels[:, ::-1, ::-1])
    np.testing.assert_allclose(made["inverted"], 1 - pixels, atol=1e-6)
    np.testing.assert_array_equal(made["turned_left"][0], np.rot90(pixels[0]))
    # Two side by side: the left half is the picture, the right half the other one.
    left = made["side_by_side"][0][:, :112]
    assert np.corrcoef(left.ravel(), pixels[0][:, ::2].ravel())[0, 1] > 0.99
    right = made["side_by_side"][0][:, 112:]
    assert np.corrcoef(right.ravel(), pixels[1][:, ::2].ravel())[0, 1] > 0.99


def test_gates_let_radiographs_pass_and_name_what_is_arranged_otherwise(fitted):
    likeness = Likeness(*fitted)
    pixels = np.stack([chest_pixels(n, 224, 224) / np.float32(4095) for n in range(200, 212)])
    usual = features_of(len(pixels), 3)
    # The bound rests on ten pictures here: one beyond it is no wonder.
    assert likeness.refusals(pixels.astype("f4"), usual).count(None) >= len(pixels) - 2
    strange = np.random.default_rng(4).normal(size=usual.shape).astype("f4") * 3
    codes = [one.code for one in likeness.refusals(pixels.astype("f4"), strange)]
    assert codes == ["not_a_chest_radiograph"] * len(pixels)
    for how, code in REASONS.items():
        found = likeness.refusals(gates.arranged(pixels.astype("f4"), how), usual)
        share = np.mean([one is not None and one.code == code for one in found])
        assert share > 0.8, how


def test_a_bound_leaves_the_share_of_the_weight_below_it():
    values = np.arange(1000, dtype=np.float64)
    bound = gates.bound_of(values, np.ones(1000))
    assert (values < bound).mean() == pytest.approx(gates.REFUSED, abs=1e-3)
    # A hospital with few radiographs counts as much as one with many.
    few, many = np.zeros(10), np.full(1000, 1.0)
    weights = np.concatenate([np.full(10, 0.1), np.full(1000, 0.001)])
    assert gates.bound_of(np.concatenate([few, many]), weights) <= 0.0


def test_a_bound_of_few_lies_below_them_all():
    values = np.array([0.5, 0.7, 0.9])
    assert gates.bound_of(values, np.ones(3)) < 0.5
