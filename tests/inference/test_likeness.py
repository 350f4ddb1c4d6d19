"""What is no upright chest radiograph: the rule, on numbers that are made for it."""

import dataclasses

import numpy as np
import pytest

from inference import manifest as m
from inference.likeness import (
    ARRANGED,
    REASONS,
    STRANGER,
    UPRIGHT,
    Likeness,
    strangeness,
    thumbnails,
)

LENGTH = 6
GATES = m.Gates(
    file=m.ArrayFile("gates.npz", "0" * 64, "made by tests", "Apache-2.0"),
    blocks=(3, 4),
    strangeness_maximum=0.5,
    arrangements=(UPRIGHT, *REASONS),
    upright_minimum=0.2,
    arranged_minimum=0.7,
    fitted_on="nothing",
    how="for tests",
)
USUAL, STRANGE = np.eye(LENGTH, dtype=np.float32)[[0, 3]] * 2
"""Along the component that explains it, and across."""


def likeness(**chances):
    """Return gates whose thumbnails do not matter: every picture has ``chances``."""
    rest = (1 - sum(chances.values())) / (len(GATES.arrangements) - len(chances))
    bias = [np.log(chances.get(name, rest)) for name in GATES.arrangements]
    arrays = {
        "mean": np.zeros(LENGTH, np.float32),
        "scale": np.ones(LENGTH, np.float32),
        "components": np.eye(LENGTH, dtype=np.float16)[:2],
        "kernel": np.zeros((1024, len(bias)), np.float32),
        "bias": np.array(bias, np.float32),
    }
    return Likeness(GATES, arrays)


def judged(features, **chances):
    pixels = np.random.default_rng(0).random((1, 224, 224), np.float32)
    (refusal,) = likeness(**chances).refusals(pixels, features[None])
    return refusal


def test_an_upright_radiograph_passes():
    assert judged(USUAL, upright=0.9) is None
    assert judged(USUAL, upright=0.21) is None


def test_what_looks_like_no_radiograph_is_not_applicable():
    assert judged(STRANGE, upright=0.9) is STRANGER
    assert STRANGER.outcome == "not_applicable"


@pytest.mark.parametrize(("name", "code"), REASONS.items())
def test_the_wrong_arrangement_is_named(name, code):
    for features in (USUAL, STRANGE):
        refusal = judged(features, upright=0.01, **{name: 0.8})
        assert (refusal.code, refusal.outcome) == (code, "rejected_quality")
        assert refusal.remedy


def test_what_is_strange_and_of_no_certain_arrangement_is_a_stranger():
    assert judged(STRANGE, upright=0.01, inverted=0.5) is STRANGER
    assert judged(USUAL, upright=0.01, inverted=0.5) is ARRANGED["inverted"]


def test_strangeness_is_what_the_components_leave():
    arrays = likeness(upright=0.9).arrays
    features = np.array([[3, 4, 0, 0, 0, 0], [3, 4, 1, 2, 0, 1]], np.float32)
    np.testing.assert_allclose(strangeness(features, arrays), [0, (1 + 4 + 1) / LENGTH], atol=1e-6)


def test_a_thumbnail_does_not_depend_on_brightness_or_contrast():
    pixels = np.random.default_rng(1).random((2, 224, 224), np.float32)
    np.testing.assert_allclose(thumbnails(0.3 + 0.5 * pixels), thumbnails(pixels), atol=1e-4)
    assert np.isfinite(thumbnails(np.zeros((1, 224, 224), np.float32))).all()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"strangeness_maximum": 0.0}, "strangeness_maximum"),
        ({"upright_minimum": 1.0}, "upright_minimum"),
    ],
)
def test_bounds_that_are_none_are_not_possible(changes, key):
    with pytest.raises(m.ManifestInvalid, match=key):
        dataclasses.replace(GATES, **changes)
