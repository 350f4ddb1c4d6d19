"""Two bundles on the same radiographs, held against what is computed here anew."""

import csv
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest, norm

from inference.bundle import read_bundle, write_bundle
from inference.training.__main__ import main
from inference.training.compare.paired import delong, mcnemar
from tests.bundles import tiny_bundle
from tests.dicom_files import chest_pixels

EACH = 12
HEADER = ["file", "label", "split", "patient", "age", "view", "subtype"]


def changed_bundle(source, target, *, threshold=0.5, ages=(1, 5), tilt=0.0):
    """Write a tiny bundle that differs, and return its folder."""
    from dataclasses import replace

    bundle = read_bundle(source)
    kernel = bundle.head["dense1/kernel"] + np.float32(tilt) * np.linspace(
        -1, 1, bundle.head["dense1/kernel"].size, dtype=np.float32
    ).reshape(-1, 1)
    manifest = replace(
        bundle.manifest,
        version="0.0.2",
        threshold=replace(bundle.manifest.threshold, value=threshold),
        intended_use=replace(bundle.manifest.intended_use, age_years=ages),
    )
    write_bundle(target, manifest, head={**bundle.head, "dense1/kernel": kernel}, body=None)
    return target


@pytest.fixture(autouse=True, scope="module")
def _allowed():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERREAD_ALLOW_TEST_BUNDLE", "1")
        yield


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    one = tiny_bundle(folder / "one")
    return one, changed_bundle(one, folder / "two", threshold=0.6, ages=(1, 50), tilt=0.1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a folder whose val has an adult, whom only one of the models may score."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(3)
    rows = []
    for index in range(2 * EACH):
        sick, name = index % 2, f"<b>{index}.png" if index == 1 else f"{index}.png"
        grey = chest_pixels(index, 96, 96) / 4095 * 0.6
        grey[:, :48] += 0.12 * sick + 0.4 * rng.random()
        Image.fromarray((np.clip(grey, 0, 1) * 255).astype(np.uint8)).save(folder / name)
        label, kind = ["NORMAL", "PNEUMONIA"][sick], ["normal", "virus"][sick]
        age = "41" if index == 0 else ""
        rows.append([name, label, "val", f"p{index // 3}-{sick}", age, "AP", kind])
    with (folder / "splits.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows])
    return folder


def compare(bundles, data, out, *more, split="val"):
    models = ["--bundle", str(bundles[0]), "--against", str(bundles[1])]
    where = ["--data", str(data), "--split", split, "--out", str(out)]
    return main(["compare", *models, *where, *more])


@pytest.fixture(scope="module")
def made(bundles, data, tmp_path_factory):
    out = tmp_path_factory.mktemp("made")
    assert compare(bundles, data, out) == 0
    return out, json.loads((out / "compare.json").read_text())


@pytest.fixture(scope="module")
def scores(bundles, data, tmp_path_factory):
    """Return what `evaluate` makes of each, as labels and two arrays of scores."""
    both = []
    for bundle in bundles:
        out = tmp_path_factory.mktemp("scores")
        where = ["--data", str(data), "--split", "val", "--out", str(out), "--disturbed", "0"]
        assert main(["evaluate", "--bundle", str(bundle), *where]) == 0
        with (out / "scores.csv").open(newline="") as stream:
            both.append(
                (list(csv.DictReader(stream)), json.loads((out / "report.json").read_text()))
            )
    return both


def test_each_figure_and_subgroup_is_that_of_evaluate(made, scores):
    found = made[1]["ungated"]["figures"]
    for letter, (_, report) in zip("ab", scores, strict=True):
        for name, one in found.items():
            assert one[letter] == pytest.approx(report["ungated"][name], abs=1e-4)
            assert one[f"{letter}_ci"] == pytest.approx(report["ungated"][f"{name}_ci"], abs=1e-4)
        groups = [(one["group"], one["value"]) for one in report["subgroups"]]
        assert [(one["group"], one["value"]) for one in made[1]["subgroups"]] == groups != []
    for one in found.values():
        assert one["difference"] == pytest.approx(one["a"] - one["b"], abs=2e-4)
        assert one["difference_ci"][0] <= one["difference_ci"][1]


def test_only_what_both_score_counts_with_the_gates(made):
    assert (made[1]["ungated"]["n"], made[1]["gated"]["n"]) == (2 * EACH, 2 * EACH - 1)
    assert made[1]["refused"] == {
        "both": 0,
        "neither": 2 * EACH - 1,
        "only_a": [{"file": "0.png", "reason": "age_outside_range"}],
        "only_b": [],
        "by_reason": {"a": {"age_outside_range": 1}, "b": {}},
    }


def test_the_disagreements_are_those_of_the_scores(made, scores):
    right = [
        [(float(row["probability"]) >= cut) == (row["label"] == "1") for row in rows]
        for (rows, _), cut in zip(scores, (0.5, 0.6), strict=True)
    ]
    only_a = sum(a and not b for a, b in zip(*right, strict=True))
    only_b = sum(b and not a for a, b in zip(*right, strict=True))
    assert only_a + only_b > 0
    table = made[1]["ungated"]["disagreement"]
    assert (table["all"]["only_a"], table["all"]["only_b"]) == (only_a, only_b)
    for name in table["all"]:
        assert table["all"][name] == table["normal"][name] + table["pneumonia"][name]
    assert made[1]["ungated"]["mcnemar"]["p"] == mcnemar(only_a, only_b)
    with (made[0] / "disagreements.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == only_a + only_b
    for row in rows:
        assert {row["finding_a"], row["finding_b"]} == {"present", "absent"}
        truth = "present" if row["label"] == "PNEUMONIA" else "absent"
        assert row[f"finding_{row['right']}"] == truth


def test_the_page_needs_nothing_else_and_escapes_names(made):
    page = (made[0] / "compare.html").read_text()
    assert not re.search(r"https?:|file:|@import|<script", page)
    assert "<b>1.png" not in page
    assert page.count("<svg") == 2
    assert "<title>Two models on the same radiographs</title>" in page
    assert "age_outside_range" in page


def test_the_same_seed_gives_the_same_bytes(bundles, data, made, tmp_path, capsys):
    assert compare(bundles, data, tmp_path) == 0
    for name in ("compare.json", "compare.html", "disagreements.csv"):
        assert (tmp_path / name).read_bytes() == (made[0] / name).read_bytes()
    said = capsys.readouterr().out
    assert said.startswith("A: tiny 0.0.1 (threshold 0.500); B: tiny 0.0.2 (threshold 0.600)")
    assert f"val, with the gates: {2 * EACH - 1} radiographs; AUC " in said


def test_a_model_is_not_compared_with_itself(bundles, data, tmp_path, capsys):
    copy = shutil.copytree(bundles[0], tmp_path / "copy")
    assert compare((bundles[0], copy), data, tmp_path / "out") == 2
    assert (
        capsys.readouterr().err.strip().startswith("tiny 0.0.1 and tiny 0.0.1 are the same model")
    )
    other = changed_bundle(bundles[0], tmp_path / "other", threshold=0.7)
    assert compare((bundles[0], other), data, tmp_path / "out") == 0
    found = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert found["same_weights"]
    assert found["ungated"]["figures"]["auc"]["difference"] == 0
    assert found["ungated"]["delong"]["p"] is None


def test_what_cannot_be_compared_is_said_in_a_sentence(bundles, data, tmp_path, capsys):
    assert compare(bundles, data, tmp_path, split="tset") == 2
    assert capsys.readouterr().err.startswith("The split 'tset' holds no radiographs")
    assert compare((bundles[0], tmp_path / "nowhere"), data, tmp_path) == 2
    assert capsys.readouterr().err.strip() == "nowhere has no readable manifest.json."


def brute(first, second, labels):
    """Return the AUCs and the covariance of both by all pairs, as DeLong 1988 writes it."""
    sick, well = labels == 1, labels == 0
    above, below = [], []
    for scores in (first, second):
        x, y = scores[sick][:, None], scores[well][None, :]
        kernel = (x > y) + 0.5 * (x == y)
        above.append(kernel.mean(1))
        below.append(kernel.mean(0))
    return np.mean(above, 1), np.cov(above) / sick.sum() + np.cov(below) / well.sum()


@pytest.mark.parametrize("digits", [1, 6])
def test_delong_is_that_of_all_pairs(digits):
    rng = np.random.default_rng(digits)
    labels = (rng.random(120) < 0.4).astype(int)
    first = np.round(rng.normal(labels, 1), digits)
    second = np.round(0.5 * first + rng.normal(labels, 1), digits)
    aucs, covariance = brute(first, second, labels)
    error = np.sqrt(np.array([1, -1]) @ covariance @ np.array([1, -1]))
    found = delong(first, second, labels)
    z = (aucs[0] - aucs[1]) / error
    assert [found["a"], found["b"]] == pytest.approx(list(aucs))
    assert (found["standard_error"], found["z"]) == pytest.approx((error, z))
    assert found["p"] == pytest.approx(2 * norm.sf(abs(z)))
    ends = norm.interval(0.95, aucs[0] - aucs[1], error)
    assert found["difference_ci"] == pytest.approx(list(ends))


def test_delong_gives_the_published_error_of_hanley_and_mcneils_readings():
    """Of 109 CT scans (Hanley and McNeil 1982): AUC 0.893, standard error by DeLong 0.0307."""
    well, sick = (
        np.repeat(range(1, 6), [33, 6, 6, 11, 2]),
        np.repeat(range(1, 6), [3, 2, 2, 11, 33]),
    )
    labels = np.repeat([0, 1], [len(well), len(sick)])
    nothing = np.zeros(len(labels))  # its AUC is 0.5 without variance
    found = delong(np.concatenate([well, sick]).astype(float), nothing, labels)
    assert found["a"] == pytest.approx(0.8932, abs=5e-5)
    assert found["standard_error"] == pytest.approx(0.0307, abs=5e-5)


def test_mcnemar_is_the_binomial_test():
    for a, b in ((0, 0), (1, 0), (3, 9), (7, 7), (40, 12), (900, 1000)):
        expected = binomtest(a, a + b).pvalue if a + b else 1.0
        assert mcnemar(a, b) == pytest.approx(expected)
