"""The report of a bundle on one split, held against figures that are computed here anew."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, average_precision_score, brier_score_loss, roc_auc_score

import inference
from inference.training.__main__ import main
from inference.training.features import read_grey
from inference.training.measures import FEWEST, predictive_values, specificity_at_sensitivity
from inference.training.report.floors import thumbnail_floor
from inference.training.report.pictures import draw_worst
from inference.training.report.pixels import Reader, reduced
from inference.training.report.scoring import Scored
from inference.training.report.training import training_of
from inference.training.splits import read_rows
from tests.bundles import tiny_bundle
from tests.dicom_files import chest_pixels, child_chest
from tests.inference.training.reports import whole_report

HEADER = ["file", "label", "split", "patient", "subtype", "age", "sex", "view", "label_tier",
          "native_copy", "source"]  # fmt: skip
EACH = 14


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny-0.0.1")


@pytest.fixture(autouse=True)
def _allowed(monkeypatch):
    monkeypatch.setenv("OVERREAD_ALLOW_TEST_BUNDLE", "1")


def picture(path, seed, brightness, size=96):
    """Write a picture of a chest whose left half, which the tiny network reads, is so bright."""
    grey = chest_pixels(seed, size, size) / 4095 * 0.6
    grey[:, : size // 2] += brightness
    Image.fromarray((np.clip(grey, 0, 1) * 255).astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a folder whose val has an adult, a noisy picture, a native copy and two views."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(1)
    rows = []
    for split in ("train", "val"):
        for index in range(2 * EACH):
            sick, name = index % 2, f"{split}-{index}.png"
            picture(folder / name, index, 0.12 * sick + 0.4 * rng.random())
            kind = ["normal", "bacteria"][sick]
            label, view = ["NORMAL", "PNEUMONIA"][sick], "AP" if index < EACH else "PA"
            rows.append([name, label, split, f"{split}{index // 3}-{sick}", kind, "", "F", view,
                         "", "", "here"])  # fmt: skip
    val = [row for row in rows if row[2] == "val"]
    val[0][5] = "41"  # an adult
    noise = rng.integers(0, 256, (96, 96)).astype(np.uint8)
    Image.fromarray(noise).save(folder / val[3][0])
    val[5][9] = "large.png"
    picture(folder / "large.png", 5, 0.3, size=200)
    val[7][8] = "expert-contradicted"
    rows.append(["large.png", val[5][1], "val_native", val[5][3], *[""] * 7])
    with (folder / "splits.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows])
    return folder


def evaluate(bundle, data, out, *more, split="val"):
    where = ["--bundle", str(bundle), "--data", str(data), "--split", split, "--out", str(out)]
    return main(["evaluate", *where, *more])


@pytest.fixture(scope="module")
def made(bundle, data, tmp_path_factory):
    """Return the folder of a whole report and what it says."""
    out = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERREAD_ALLOW_TEST_BUNDLE", "1")
        assert evaluate(bundle, data, out, "--disturbed", "3") == 0
    return out, json.loads((out / "report.json").read_text())


@pytest.fixture(scope="module")
def scores(made):
    with (made[0] / "scores.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def expected(scores, threshold=0.5):
    labels = np.array([int(row["label"]) for row in scores])
    found = np.array([float(row["probability"]) for row in scores])
    called = found >= threshold
    return {
        "n": len(scores),
        "auc": roc_auc_score(labels, found),
        "average_precision": average_precision_score(labels, found),
        "accuracy": accuracy_score(labels, called),
        "sensitivity": called[labels == 1].mean(),
        "specificity": (~called)[labels == 0].mean(),
        "brier": brier_score_loss(labels, found),
    }


def test_the_figures_are_those_of_the_scores_with_the_gates_and_without(made, scores):
    _, report = made
    let_through = [row for row in scores if not row["refused"]]
    assert (len(scores), len(let_through)) == (2 * EACH, 2 * EACH - 2)
    for part, of in ((report, let_through), (report["ungated"], scores)):
        for name, value in expected(of).items():
            assert part[name] == pytest.approx(value, abs=1e-4), name
    assert report["threshold"] == 0.5
    assert sum(report["confusion"].values()) == report["n"]
    assert sum(map(sum, report["histogram"].values())) == report["n"]


def test_the_report_has_the_points_of_the_plots(made):
    _, report = made
    assert report["roc"]["sensitivity"][-1] == 1
    assert report["precision_recall"]["sensitivity"][0] == 1
    assert sum(one["n"] for one in report["reliability"]) == report["n"]
    assert "roc" not in report["ungated"]


def test_what_the_gates_keep_out_is_counted_by_outcome_and_reason(made):
    assert made[1]["refused"] == {
        "n": 2,
        "by_outcome": {"not_applicable": 1, "rejected_quality": 1},
        "by_reason": {"age_outside_range": 1, "noise": 1},
    }


@pytest.mark.parametrize(
    "name",
    ["auc", "accuracy", "sensitivity", "specificity", "specificity_at_95_sensitivity", "ece"],
)
def test_a_figure_lies_in_its_interval(made, name):
    low, high = made[1][f"{name}_ci"]
    assert 0 <= low < high <= 1
    if name != "ece":  # resampling adds to a calibration error
        assert low <= made[1][name] <= high


def test_predictive_values_follow_from_the_rates_at_each_prevalence(made):
    _, report = made
    table = {row["prevalence"]: row for row in report["predictive_values"]}
    assert set(table) == {0.05, 0.25, report["prevalence"]}
    sensitivity, specificity = report["sensitivity"], report["specificity"]
    of_1000_sick, of_1000_well = 50 * sensitivity, 950 * (1 - specificity)
    positive = of_1000_sick / (of_1000_sick + of_1000_well)
    assert table[0.05]["ppv"] == pytest.approx(positive, abs=1e-4)
    assert table[0.05]["ppv_ci"][0] <= table[0.05]["ppv"] <= table[0.05]["ppv_ci"][1]


def test_subgroups_are_by_kind_of_pneumonia_and_what_the_list_says(made):
    found = {(row["group"], row["value"]): row for row in made[1]["subgroups"]}
    assert set(found) == {("subtype", "bacteria")}  # of the views there are too few
    assert found["subtype", "bacteria"]["n"] == 2 * EACH
    assert found["subtype", "bacteria"]["auc"] == pytest.approx(made[1]["ungated"]["auc"])
    assert EACH // 2 < FEWEST <= EACH


def test_labels_that_experts_contradicted_are_left_out_as_well(made):
    assert made[1]["without_contradicted_labels"]["n"] == made[1]["n"] - 1


def test_disturbances_and_native_copies_are_held_against_the_score(made):
    _, report = made
    assert report["parity"]["n"] == 1
    assert report["parity"]["mean_change"] > 0
    table = {row["disturbance"]: row for row in report["disturbances"]}
    counts = [(row["normal"], row["native_normal"], row["pneumonia"], row["native_pneumonia"])
              for row in table.values()]  # fmt: skip
    assert set(counts) == {(3, 0, 3, 1)}
    assert set(table) == {"jpeg_q30", "blur_1px", "half_size", "aspect_120"}
    for row in table.values():
        assert row["n"] == 6
        assert 0 <= row["mean_change"] <= row["largest_change"] < 0.1  # it reads mean brightness


def test_the_floor_is_there_and_the_worst_are_the_furthest(made, scores):
    _, report = made
    assert 0 <= report["floors"]["thumbnails_auc"] <= 1
    gaps = {row["file"]: abs(float(row["probability"]) - int(row["label"])) for row in scores}
    worst = [one["file"] for one in report["worst"]]
    assert worst == sorted((name for name in gaps if gaps[name] > 0.5), key=lambda n: -gaps[n])


def test_what_a_file_alone_tells_stands_beside_what_the_model_tells(made, data):
    table = {row["measure"]: row for row in made[1]["shortcuts"]}
    assert {"bytes_per_pixel", "brightness", "sharpness"} <= set(table)
    with (data / "splits.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "val"]
    sizes = [(data / row["file"]).stat().st_size for row in rows]
    expected = roc_auc_score([row["label"] == "PNEUMONIA" for row in rows], sizes)
    found = table["bytes_per_pixel"]  # all are of one size
    assert found["auc"] == pytest.approx(expected, abs=1e-4)
    assert found["low"] <= found["auc"] <= found["high"]


def test_every_picture_is_there(made):
    names = ["roc", "precision-recall", "reliability", "scores", "confusion", "worst", "network"]
    for name in names:
        with Image.open(made[0] / f"{name}.png") as image:
            assert min(image.size) > 200, name
            assert len(image.convert("L").getcolors()) > 10, name


def test_the_same_seed_gives_the_same_bytes(bundle, data, made, tmp_path, capfd):
    assert evaluate(bundle, data, tmp_path, "--disturbed", "3") == 0
    assert (tmp_path / "report.json").read_bytes() == (made[0] / "report.json").read_bytes()
    said = capfd.readouterr().out
    assert f"val, with the gates: {2 * EACH - 2} radiographs; auc 0." in said
    assert "without training: the bundle has no report" in said
    assert str(tmp_path) in said


def test_radiographs_can_be_reduced_before_they_are_scored(bundle, data, made, scores, tmp_path):
    assert evaluate(bundle, data, tmp_path, "--reduced-to", "28", "--disturbed", "3") == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["reduced_to"], made[1]["reduced_to"]) == (28, None)
    assert "noise" not in report["refused"]["by_reason"]  # nothing of it is left
    assert not {"parity", "disturbances"} & set(report)
    assert {"parity", "disturbances", "bytes_per_pixel"} <= set(report["left_out"])
    table = {row["measure"]: row["auc"] for row in report["shortcuts"]}
    assert "bytes_per_pixel" not in table
    with (data / "splits.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "val"]
    seen = [reduced(read_grey(data / row["file"]), 28) for row in rows]
    spread = [np.asarray(one, np.float32).std() for one in seen]
    contrast = roc_auc_score([row["label"] == "PNEUMONIA" for row in rows], spread)
    assert table["contrast"] == pytest.approx(contrast, abs=0.01)
    before = {row["measure"]: row["auc"] for row in made[1]["shortcuts"]}
    assert before["sharpness"] != table["sharpness"]
    with (tmp_path / "scores.csv").open(newline="") as stream:
        again = list(csv.DictReader(stream))
    gaps = [
        abs(float(a["probability"]) - float(b["probability"]))
        for a, b in zip(scores, again, strict=True)
    ]
    assert 0 < max(gaps) < 0.05
    with pytest.raises(SystemExit):
        evaluate(bundle, data, tmp_path, "--reduced-to", "0")


def test_the_floor_and_the_worst_are_of_the_pixels_that_were_scored(bundle, data, tmp_path):
    rows = read_rows(data, needed=["val"])
    with inference.load(bundle) as classifier:
        reader = Reader(classifier, side=1)
        greys = [reader.grey(row.file) for row in rows]
    assert {grey.shape for grey in greys} == {(224, 224)}
    assert max(np.ptp(grey) for grey in greys) == 0  # one pixel is left
    seen = []
    val = [row for row in rows if row.split == "val"]

    def read(file):
        seen.append(file)
        return np.full((9, 9), len(file.name) / 100, np.float32)

    assert thumbnail_floor(rows, val, read) is not None
    assert set(seen) == {row.file for row in rows if row.split in ("train", "val")}
    seen.clear()
    found = Scored(tuple(val), np.zeros(len(val)), (None,) * len(val))
    draw_worst(found, [1], tmp_path / "worst.png", read)
    assert seen == [val[1].file]


def test_dicom_files_are_measured_as_they_are_scored(bundle, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    rows = []
    for split in ("train", "val"):
        for index in range(8):
            name = f"{split}-{index}.dcm"
            pixels = chest_pixels(index) // 2 + 1200 * (index % 2)
            (folder / name).write_bytes(child_chest(seed=index, pixels=pixels.astype(np.uint16)))
            rows.append([name, ["NORMAL", "PNEUMONIA"][index % 2], split, name])
    with (folder / "splits.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([HEADER[:4], *rows])
    out = tmp_path / "out"
    assert evaluate(bundle, folder, out, "--disturbed", "2") == 0
    report = json.loads((out / "report.json").read_text())
    assert report["ungated"]["n"] == 8
    assert {"bytes_per_pixel", "brightness"} <= {row["measure"] for row in report["shortcuts"]}
    assert report["floors"]["thumbnails_auc"] is not None
    for row in report["disturbances"]:
        assert row["n"] == 4
        assert row["mean_change"] < 0.1  # the same picture, read outside the airlock's file
    with Image.open(out / "worst.png") as image:
        assert min(image.size) > 100
    (folder / "train-0.dcm").write_bytes(b"no radiograph")
    assert evaluate(bundle, folder, out) == 2


def test_how_a_bundle_was_trained_is_told_from_its_own_report(bundle, data, made, tmp_path, capfd):
    assert "training" not in made[1]
    assert made[1]["left_out"]["training"].startswith("the bundle has no report")
    copy = shutil.copytree(bundle, tmp_path / "told")
    of = inference.read_bundle(bundle).manifest.weights_sha256
    told = whole_report(weights_sha256=of)
    told["training"]["histories"]["all"] = told["training"]["histories"]["block_5"]
    (copy / "report.json").write_text(json.dumps(told))
    assert evaluate(copy, data, tmp_path / "out", "--disturbed", "0") == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["training"] == told["training"]
    assert "training" not in report["left_out"]
    for name in ("curves.png", "network.png", "network.svg"):
        assert (tmp_path / "out" / name).stat().st_size > 1000
    assert "without training" not in capfd.readouterr().out


@pytest.mark.parametrize("content", ["{}", "no JSON", '{"schema": 2, "weights_sha256": "other"}'])
def test_a_report_that_is_not_of_the_weights_tells_nothing(bundle, tmp_path, content):
    copy = shutil.copytree(bundle, tmp_path / "told")
    (copy / "report.json").write_text(content)
    assert training_of(copy, inference.read_bundle(bundle).manifest) is None


@pytest.mark.parametrize("label", ["NORMAL", "PNEUMONIA"])
def test_a_split_whose_scored_part_has_one_class_has_no_figures(bundle, data, tmp_path, label):
    with (data / "splits.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    folder = tmp_path / "data"
    folder.mkdir()
    for row in rows:
        (folder / row["file"]).write_bytes((data / row["file"]).read_bytes())
        if row["split"] == "val" and row["label"] != label:
            row["age"] = "41"
    with (folder / "splits.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    assert evaluate(bundle, folder, tmp_path / "out", "--disturbed", "0") == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["auc"], report["auc_ci"], report["predictive_values"]) == (None, None, [])
    assert 0 <= report["ungated"]["auc"] <= 1
    assert "disturbances" not in report
    assert (report["roc"], report["precision_recall"]) == (None, None)
    assert report["ungated"]["roc"]["sensitivity"][-1] == 1  # what the plots show


def test_what_cannot_be_measured_is_said_in_a_sentence(bundle, data, tmp_path, capsys):
    assert evaluate(bundle, data, tmp_path, split="tset") == 2
    assert capsys.readouterr().err.strip() == (
        "The split 'tset' holds no radiographs; both NORMAL and PNEUMONIA are needed."
    )
    assert evaluate(tmp_path / "nowhere", data, tmp_path) == 2
    assert capsys.readouterr().err.strip() == "nowhere has no readable manifest.json."


def test_a_file_that_cannot_be_scored_is_named(bundle, data, tmp_path, capsys):
    folder = tmp_path / "data"
    folder.mkdir()
    for file in data.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "val-1.png").write_bytes(b"not a picture")
    assert evaluate(bundle, folder, tmp_path / "out") == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith(f"{folder}/val-1.png cannot be scored: ")


def test_a_specificity_at_a_sensitivity_finds_that_share_of_the_sick():
    labels = np.array([0] * 10 + [1] * 20)
    scores = np.concatenate([np.linspace(0.05, 0.5, 10), np.linspace(0.3, 0.9, 20)])
    cut = np.sort(scores[labels == 1])[1]  # 19 of 20 lie at or above
    below = (scores[labels == 0] < cut).mean()
    assert specificity_at_sensitivity(scores, labels) == pytest.approx(below, abs=0.1)


def test_predictive_values_of_nobody_called_are_void():
    positive, negative = predictive_values(0.0, 1.0, 0.3)
    assert np.isnan(positive)
    assert negative == pytest.approx(0.7)
