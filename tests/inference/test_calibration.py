"""From logits to probabilities, and the figures about them."""

import numpy as np
import pytest

from inference.calibration import (
    auc,
    expected_calibration_error,
    fit_platt,
    sigmoid,
    threshold_for,
    to_probability,
)
from inference.manifest import Calibration


def drawn(slope: float, intercept: float, count: int = 20_000):
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 3, count)
    labels = (rng.random(count) < sigmoid(slope * logits + intercept)).astype(int)
    return logits, labels


def test_platt_finds_the_slope_and_intercept_that_made_the_labels():
    calibration = fit_platt(*drawn(0.5, -1.0), fitted_on="val")
    assert calibration.slope == pytest.approx(0.5, abs=0.03)
    assert calibration.intercept == pytest.approx(-1.0, abs=0.06)


def test_calibration_lowers_the_calibration_error():
    logits, labels = drawn(0.4, 0.8)
    raw = expected_calibration_error(sigmoid(logits), labels)
    fitted = fit_platt(logits, labels, fitted_on="val")
    calibrated = expected_calibration_error(to_probability(logits, fitted), labels)
    assert raw > 0.1
    assert calibrated < 0.015


def test_separable_classes_do_not_send_the_slope_to_infinity():
    logits = np.array([-2.0, -1.0, 1.0, 2.0] * 10)
    calibration = fit_platt(logits, (logits > 0).astype(int), fitted_on="val")
    assert 0 < calibration.slope < 10


def test_one_class_cannot_be_calibrated():
    with pytest.raises(ValueError, match="both classes"):
        fit_platt(np.array([1.0, 2.0]), np.array([1, 1]), fitted_on="val")


def test_a_score_that_runs_against_the_labels_is_refused():
    logits, labels = drawn(1.0, 0.0)
    with pytest.raises(ValueError, match="against"):
        fit_platt(-logits, labels, fitted_on="val")


def test_probabilities_stay_probabilities_at_any_logit():
    values = to_probability(np.array([-1e6, 0.0, 1e6]), Calibration(1.0, 0.0, "val"))
    np.testing.assert_array_equal(values, [0.0, 0.5, 1.0])


@pytest.mark.parametrize("logit", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_has_no_probability(logit):
    assert np.isnan(to_probability(np.array([logit]), Calibration(1.0, 0.0, "val"))[0])


@pytest.mark.parametrize("wanted", [0.5, 0.9, 0.95, 1.0])
def test_the_threshold_is_the_highest_that_finds_enough_of_the_sick(wanted):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    probabilities = np.clip(0.3 * labels + rng.random(400) * 0.7, 0, 1)
    threshold = threshold_for(probabilities, labels, sensitivity=wanted)
    sick = probabilities[labels == 1]
    assert (sick >= threshold).mean() >= wanted
    higher = sick[sick >= threshold].min() + 1e-9
    assert (sick >= higher).mean() < wanted


def test_no_score_lies_on_the_threshold():
    probabilities, labels = np.array([0.1, 0.4, 0.6, 0.9]), np.array([0, 0, 1, 1])
    assert threshold_for(probabilities, labels, sensitivity=1.0) == pytest.approx(0.5)


def test_auc_counts_pairs_and_ties_by_half():
    scores, labels = np.array([0.1, 0.4, 0.4, 0.8]), np.array([0, 0, 1, 1])
    pairs = [(s > n) + 0.5 * (s == n) for s in scores[labels == 1] for n in scores[labels == 0]]
    assert auc(scores, labels) == pytest.approx(float(np.mean(pairs)))
    assert np.isnan(auc(scores, np.ones(4, int)))


def test_a_score_that_is_always_half_right_has_no_calibration_error():
    assert expected_calibration_error(np.full(10, 0.5), np.array([0, 1] * 5)) == pytest.approx(0)
    assert expected_calibration_error(np.ones(10), np.zeros(10)) == pytest.approx(1)
