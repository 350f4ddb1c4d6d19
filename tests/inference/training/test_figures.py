"""Intervals by patient, figures that the view cannot help, and the points of the plots."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from inference.calibration import expected_calibration_error
from inference.training.measures import FEWEST, RESAMPLES, predictive_values, resamples
from inference.training.report import pictures
from inference.training.report.curves import MOST, points_of
from inference.training.report.figures import figures_of
from inference.training.report.predictive import predictive_of
from inference.training.report.scoring import Scored
from inference.training.report.views import view_matched_auc, weighted_auc
from inference.training.splits import Row, labels_of
from tests.bundles import tiny_manifest


def scored(labels, probabilities, *, views=None, patients=None):
    """Return scores of radiographs that lie nowhere, each of a patient of its own unless said."""
    count = len(labels)
    views = ["AP"] * count if views is None else views
    patients = range(count) if patients is None else patients
    rows = tuple(
        Row(Path(f"{index}.png"), int(label), "val", f"P{patient}", view=view)
        for index, (label, patient, view) in enumerate(zip(labels, patients, views, strict=True))
    )
    return Scored(rows, np.asarray(probabilities, np.float64), (None,) * count)


@pytest.fixture(scope="module")
def many():
    """Return 900 scores that tell a little, of 300 patients of whom many have both classes."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 900)
    return scored(labels, (rng.random(900) + 0.5 * labels) / 1.5, patients=np.arange(900) // 3)


# Resamples


def test_a_patient_is_drawn_with_all_radiographs_or_not_at_all(many):
    of = [row.patient for row in many.rows]
    for sample in resamples(many.rows, 0)[:50]:
        drawn = np.bincount(sample, minlength=len(of)).reshape(-1, 3)
        assert (drawn == drawn[:, :1]).all()  # the three of a patient equally often
    assert len(set(of)) == 300


def test_every_resample_has_both_classes_and_as_many_patients_of_each_kind():
    labels = [0, 0, 1, 1, 0, 1]
    both = scored(labels, np.zeros(6), patients=["a", "a", "b", "c", "d", "d"])
    for sample in resamples(both.rows, 1):
        assert set(np.array(labels)[sample]) == {0, 1}
        drawn = [both.rows[index].patient for index in sample]
        assert sum(one == "Pd" for one in drawn) == 2  # alone of its kind
        assert sum(one in ("Pb", "Pc") for one in drawn) == 2
        assert sum(one == "Pa" for one in drawn) == 2
    assert len(resamples(both.rows, 1)) == RESAMPLES


# Predictive values


def test_the_interval_of_a_predictive_value_is_that_of_its_own_resamples(many):
    samples, labels = resamples(many.rows, 0), labels_of(many.rows)
    (_, table, _) = predictive_of(many, samples, threshold=0.5, prevalence=0.7)
    called = many.probabilities >= 0.5
    drawn = []
    for one in samples:
        sick = labels[one] == 1
        rates = called[one][sick].mean(), (~called[one])[~sick].mean()
        drawn.append(predictive_values(*rates, 0.25))
    for place, name in enumerate(("ppv", "npv")):
        ends = np.quantile([pair[place] for pair in drawn], [0.025, 0.975])
        assert table[f"{name}_ci"] == pytest.approx(list(ends), abs=1e-4)
        assert table[f"{name}_ci"][0] < table[name] < table[f"{name}_ci"][1]


def test_a_predictive_value_of_nothing_called_is_none():
    few = scored([0, 1] * 10, np.linspace(0, 0.4, 20))
    for row in predictive_of(few, resamples(few.rows, 0), threshold=0.9, prevalence=0.7):
        assert (row["ppv"], row["ppv_ci"]) == (None, None)
        assert row["npv"] == pytest.approx(1 - row["prevalence"])


# What the view tells


def test_what_only_knows_the_view_gives_one_half():
    labels = np.array([0] * 60 + [1] * 60)
    views = np.array(["PA"] * 40 + ["AP"] * 20 + ["PA"] * 20 + ["AP"] * 40)
    knows = scored(labels, (views == "AP") * 0.9, views=views.tolist())
    assert roc_auc_score(labels, knows.probabilities) == pytest.approx(2 / 3)
    found = view_matched_auc(knows, resamples(knows.rows, 0))
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)


def test_the_view_matched_figure_lies_in_its_interval_and_is_not_the_pooled_one():
    rng = np.random.default_rng(2)
    labels = np.arange(400) % 2
    views = np.where(rng.random(400) < 0.25 + 0.5 * labels, "AP", "PA")
    chances = np.clip(0.3 + 0.2 * labels + 0.2 * (views == "AP") + 0.1 * rng.normal(size=400), 0, 1)
    found = view_matched_auc(
        one := scored(labels, chances, views=views.tolist()), resamples(one.rows, 0)
    )
    assert found.low < found.value < found.high < roc_auc_score(labels, chances)


def test_a_weighted_figure_is_that_of_scikit_learn():
    rng = np.random.default_rng(3)
    labels, weights = rng.integers(0, 2, 80), rng.random(80)
    chances = rng.integers(0, 9, 80) / 9  # with ties
    expected = roc_auc_score(labels, chances, sample_weight=weights)
    assert weighted_auc(chances, labels, weights) == pytest.approx(expected)


@pytest.mark.parametrize("views", [["AP"] * 80, [""] * 80, ["AP"] * 62 + ["PA"] * 18])
def test_of_one_view_or_of_too_few_nothing_is_matched(views):
    assert FEWEST * 2 > 18
    few = scored(np.arange(80) % 2, np.linspace(0, 1, 80), views=views)
    assert view_matched_auc(few, resamples(few.rows, 0)) is None


def test_the_figures_of_a_split_have_it_where_there_are_two_views():
    manifest = tiny_manifest(name="tiny", version="0.0.1")
    labels = np.arange(60) % 2
    one = scored(labels, np.linspace(0, 1, 60))
    two = scored(labels, one.probabilities, views=["AP"] * 30 + ["PA"] * 30)
    assert "auc_view_matched" not in figures_of(one, manifest, 0)
    found = figures_of(two, manifest, 0)
    low, high = found["auc_view_matched_ci"]
    assert low <= found["auc_view_matched"] <= high


# The points of the plots


def test_the_points_of_the_curves_are_few_true_and_reach_both_ends(many):
    points, labels = points_of(many), labels_of(many.rows)
    roc = points["roc"]
    ends = [(roc["false_positive_rate"][end], roc["sensitivity"][end]) for end in (0, -1)]
    assert ends == [(0, 0), (1, 1)]
    assert MOST / 2 < len(roc["threshold"]) <= MOST
    assert roc["threshold"][0] is None
    pr = points["precision_recall"]
    assert (pr["sensitivity"][0], pr["sensitivity"][-1], pr["precision"][-1]) == (1, 0, 1)
    assert MOST / 2 < len(pr["threshold"]) <= MOST
    scores = np.round(many.probabilities, 4)
    for found, cut in zip(roc["sensitivity"][1:], roc["threshold"][1:], strict=True):
        assert found == pytest.approx((scores >= cut)[labels == 1].mean(), abs=0.005)
    for right, cut in zip(pr["precision"][:-1], pr["threshold"][:-1], strict=True):
        assert right == pytest.approx(labels[scores >= cut].mean(), abs=0.01)


def test_the_calibration_error_is_that_of_the_bins(many):
    bins = points_of(many)["reliability"]
    assert [bins[0]["start"], bins[-1]["end"]] == [0, 1]
    assert sum(one["n"] for one in bins) == 900
    gaps = [one["n"] / 900 * abs(one["mean_score"] - one["share"]) for one in bins if one["n"]]
    expected = expected_calibration_error(many.probabilities, labels_of(many.rows))
    assert sum(gaps) == pytest.approx(expected, abs=1e-4)


def test_the_pictures_show_the_points_of_the_report(many, tmp_path, monkeypatch):
    drawn, blank = [], pictures.blank_figure
    monkeypatch.setattr(
        pictures, "blank_figure", lambda *size: drawn.append(blank(*size)) or drawn[-1]
    )
    pictures.draw_report(many, 0.5, "val", tmp_path)
    lines = [[line.get_xydata() for line in figure.axes[0].lines] for figure in drawn]
    points = points_of(many)
    roc, pr = points["roc"], points["precision_recall"]
    assert lines[0][0].tolist() == [
        list(pair) for pair in zip(roc["false_positive_rate"], roc["sensitivity"], strict=True)
    ]
    assert lines[1][0].tolist() == [
        list(pair) for pair in zip(pr["sensitivity"], pr["precision"], strict=True)
    ]
    bins = [[one["mean_score"], one["share"]] for one in points["reliability"] if one["n"]]
    assert len(bins) > 10  # those of the calibration error, which are 15
    assert lines[2][1].tolist() == bins


def test_of_one_class_there_are_bins_but_no_curves():
    points = points_of(scored([1] * 20, np.linspace(0, 1, 20)))
    assert (points["roc"], points["precision_recall"]) == (None, None)
    assert sum(one["n"] for one in points["reliability"]) == 20
