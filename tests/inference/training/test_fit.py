"""Both recipes for real, from a folder to a bundle that reads radiographs. A few small pictures."""

import dataclasses
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from importlib.metadata import version

import numpy as np
import pytest
from PIL import Image

import inference
from inference.bundle import read_bundle
from inference.choice import EngineUnavailable
from inference.golden import drift_of
from inference.manifest import write_manifest
from inference.quality import BOUNDS
from inference.training.__main__ import COMMANDS, main
from inference.training.card import card
from inference.training.recipe import SHIPPED, read_recipe, recipe_text
from inference.training.run import read_run
from inference.training.splits import BadData
from tests.dicom_files import child_chest

# Keras hands TensorFlow's variables to numpy in a way that numpy 2 has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.timeout(900),  # real fits: minutes on a processor without AVX-512
]

QUICK = {"epochs": 3, "steps": 2, "batch": 12, "patience": 3}


def quick(name, folder, **changes):
    """Return the file of a shipped recipe with fewer views, epochs and steps."""
    text = recipe_text(name)
    for key, value in (QUICK | {"views": 1} | changes).items():
        text = re.sub(rf"(?m)^{key} = .*$", f"{key} = {value}", text, count=1)
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def command(data, base, out, *more):
    return ["fit", "--data", str(data), "--base-weights", str(base), "--out", str(out), *more]


def run(data, base, out, *more):
    return main(command(data, base, out, *more))


def packed(data, run, out, *more):
    where = ["--run", str(run), "--data", str(data), "--out", str(out), "--version", "0.0.1"]
    return main(["pack", *where, *more])


@pytest.fixture(scope="module")
def two(data, base, tmp_path_factory):
    """Return the run of our recipe on two hospitals."""
    folder = tmp_path_factory.mktemp("two")
    assert run(data, base, folder / "run", "--recipe", str(quick("multi-source", folder))) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def article(data, base, tmp_path_factory):
    """Return the run of the article's recipe."""
    folder = tmp_path_factory.mktemp("article")
    recipe = str(quick("article", folder, epochs=2, batch=4))
    assert run(data, base, folder / "run", "--recipe", recipe) == 0
    return folder / "run"


def moved(run, base):
    """Return the layers whose weights are no longer those of the base."""
    from inference.training.body import load_body

    before, after = load_body(str(base)).weights, read_run(run).body.weights
    return {name.split("/")[0] for name in before if (before[name] != after[name]).any()}


def test_a_run_of_two_hospitals_says_how_it_came_about(two, base, data):
    trained = read_run(two)
    record = trained.record
    fitted = {f"block{block}_conv{number}" for block in (3, 4, 5) for number in (1, 2, 3)}
    assert moved(two, base) == fitted
    assert record.images == {"train": 10, "external_dev": 12}
    assert record.views == ("plain", "augmented")
    assert set(record.histories) == {"without-0-1", "all"}
    assert {"loss", "val_loss", "accuracy", "val_accuracy", "val_auc"} <= set(
        record.histories["all"]
    )
    assert len(record.histories["all"]["loss"]) == record.kept_epoch
    held_out = {one.file for one in record.held_out}
    assert held_out == {f"external_dev-{number}.png" for number in range(8)}
    text = (two / "recipe.toml").read_text()
    assert text == record.origin.recipe == quick("multi-source", two.parent).read_text()
    assert record.origin.list_sha256 == sha256((data / "splits.csv").read_bytes()).hexdigest()
    assert record.origin.machine.cores > 0
    assert record.origin.versions["tensorflow"] == version("tensorflow")
    assert 0 < record.seconds["probe"] < record.seconds["probe"] + record.seconds["tuning"]


@pytest.fixture(scope="module")
def bundle(two, article, data, tmp_path_factory):
    """Return the bundle of two hospitals, every split opened."""
    folder = tmp_path_factory.mktemp("packed")
    (folder / "strangers").mkdir()
    Image.effect_noise((64, 64), 90).save(folder / "strangers" / "noise.png")
    more = ["--strangers", str(folder / "strangers"), "--article-run", str(article)]
    assert packed(data, two, folder / "two-0.0.1", *more, "--final", "--name", "two") == 0
    return folder / "two-0.0.1"


def test_pack_makes_a_bundle_that_reads_and_says_what_it_is(bundle):
    manifest = read_bundle(bundle).manifest
    assert manifest.schema == 2
    assert manifest.intended_use.age_years == (1, 90)
    assert manifest.calibration.fitted_on == "val and external_dev out of fold"
    assert manifest.gates.quality == BOUNDS
    assert manifest.threshold.low <= manifest.threshold.value <= manifest.threshold.high
    with inference.load(bundle) as classifier:
        (answer,) = classifier.classify([child_chest()], gates=False)
        assert drift_of(classifier, read_bundle(bundle).golden) == ""
    assert 0 < answer.probability < 1


def test_pack_measures_the_reduced_engine_and_reduce_finds_the_same(bundle, data, tmp_path, capsys):
    manifest = read_bundle(bundle).manifest
    packed_with = manifest.reduced
    assert packed_with.looked_at > packed_with.images > 0
    copy = shutil.copytree(bundle, tmp_path / "copy")
    plain = dataclasses.replace(manifest, reduced=None)
    (copy / "manifest.json").write_text(write_manifest(plain))
    assert main(["reduce", "--bundle", str(copy), "--data", str(data)]) == 0
    found = read_bundle(copy).manifest.reduced
    np.testing.assert_allclose(found.ranges, packed_with.ranges, rtol=1e-3)
    assert found.images == packed_with.images
    assert found.auc_lost == pytest.approx(packed_with.auc_lost, abs=0.05)
    assert f"val: {found.images} images" in capsys.readouterr().out


def test_reduce_says_why_the_engine_may_not_be_chosen(bundle, data, tmp_path, monkeypatch, capsys):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    bad = dataclasses.replace(read_bundle(bundle).manifest.reduced, auc_lost=0.0031)
    monkeypatch.setattr("inference.training.reduce.measure_reduced", lambda *_, **__: bad)
    assert main(["reduce", "--bundle", str(copy), "--data", str(data)]) == 0
    assert "that lost 0.0031 of the AUC of val" in capsys.readouterr().out
    monkeypatch.setenv("OVERREAD_ENGINE", "reduced")
    with pytest.raises(EngineUnavailable, match=r"0\.0031"):
        inference.load(copy)


def test_pack_reports_every_split_what_is_kept_out_and_no_radiograph(bundle):
    manifest = read_bundle(bundle).manifest
    report = json.loads((bundle / "report.json").read_text())
    assert set(report["splits"]) == {"val", "test_internal", "external_report"}
    assert report["splits"]["external_report"]["ungated"]["n"] == 8
    assert report["strangers"]["refused"] == report["strangers"]["n"] == 1
    assert report["strangers"]["by_reason"] == {"noise": 1}
    assert report["training"]["article_seconds_an_epoch"] > 0
    assert report["explanation"] == dataclasses.asdict(manifest.explanation)
    assert set(report["explanation"]["correlations"]) == {"head", "block 5", "block 4"}
    assert manifest.measured.val.images + report["splits"]["val"]["refused"]["n"] >= 10
    assert len(report["aims"]) > 5
    weights = sum(path.stat().st_size for path in bundle.glob("*.npz"))
    assert report["weights_bytes"] == weights > 1_000_000
    assert (bundle / "card.md").read_text() == card(report)
    pictures = {path.name for path in (bundle / "pictures").iterdir()}
    assert {"curves.png", "network.png", "val-roc.png", "external_report-confusion.png"} <= pictures
    assert not [name for name in pictures if "worst" in name]


def test_evaluate_gives_the_figures_of_val_that_the_bundle_was_packed_with(two, data, tmp_path):
    out = tmp_path / "two-0.0.1"
    assert packed(data, two, out) == 0
    where = ["--bundle", str(out), "--data", str(data), "--split", "val", "--disturbed", "0"]
    assert main(["evaluate", *where, "--out", str(tmp_path / "again")]) == 0
    before = json.loads((out / "report.json").read_text())["splits"]["val"]["ungated"]
    after = json.loads((tmp_path / "again" / "report.json").read_text())["ungated"]
    assert {name: after[name] for name in ("n", "auc", "accuracy", "ece")} == {
        name: before[name] for name in ("n", "auc", "accuracy", "ece")
    }


def test_an_epoch_of_the_article_on_other_radiographs_is_none_to_compare_with(
    two, article, data, tmp_path, capsys
):
    more = ["--article-run", str(article), "--limit", "6"]
    assert packed(data, two, tmp_path / "two-0.0.1", *more) == 2
    assert capsys.readouterr().err.strip() == (
        f"The article's run in {article} fitted 10 radiographs, where train has 6: its time of an "
        "epoch is none to compare with."
    )
    assert not (tmp_path / "two-0.0.1").exists()


def test_without_final_the_tests_stay_closed(two, data, tmp_path):
    out = tmp_path / "bundles" / "model-0.0.1"
    assert packed(data, two, out, "--share-body") == 0
    manifest = read_bundle(out).manifest
    assert manifest.measured.test_internal is None
    assert manifest.measured.external_report is None
    assert set(json.loads((out / "report.json").read_text())["splits"]) == {"val"}
    assert (tmp_path / "bundles" / "bodies" / manifest.body.file).is_file()
    assert not (out / manifest.body.file).exists()


def test_one_hospital_is_for_its_own_ages_alone(data, base, tmp_path):
    recipe = str(quick("single-source", tmp_path, from_block=5))
    assert run(data, base, tmp_path / "run", "--recipe", recipe) == 0
    record = read_run(tmp_path / "run").record
    assert moved(tmp_path / "run", base) == {"block5_conv1", "block5_conv2", "block5_conv3"}
    assert (record.images, record.held_out) == ({"train": 10}, ())
    assert packed(data, tmp_path / "run", tmp_path / "one-0.0.1") == 0
    manifest = read_bundle(tmp_path / "one-0.0.1").manifest
    assert manifest.intended_use.age_years == (1, 5)
    assert manifest.calibration.fitted_on == "val"


def test_a_fit_that_is_no_longer_better_ends_with_its_best_epoch(data, base, tmp_path):
    recipe = str(quick("single-source", tmp_path, patience=1, rate="1e-12"))
    assert run(data, base, tmp_path / "run", "--recipe", recipe, "--limit", "6") == 0
    record = read_run(tmp_path / "run").record
    assert len(set(record.histories["all"]["val_auc"])) == 1
    assert (record.kept_epoch, len(record.histories["all"]["loss"])) == (1, 2)


def test_the_recipe_of_the_article_runs_for_real(article, base, data, tmp_path):
    record = read_run(article).record
    assert moved(article, base) == {"block5_conv1", "block5_conv2", "block5_conv3"}
    assert len(record.histories["all"]["val_accuracy"]) == 2
    assert record.seconds_an_epoch > 0
    assert packed(data, article, tmp_path / "article-0.0.1", "--limit", "6") == 0
    bundle = read_bundle(tmp_path / "article-0.0.1")
    assert bundle.manifest.training.recipe == "article"
    assert [layer.units for layer in bundle.manifest.head.layers] == [128, 2]
    assert bundle.head["dense1/kernel"].shape == (7 * 7 * 512, 128)
    with inference.load(tmp_path / "article-0.0.1") as classifier:
        (answer,) = classifier.classify([child_chest()], gates=False)
    assert 0 < answer.probability < 1


def same_weights(one, other):
    first, second = read_run(one), read_run(other)
    for name, array in first.head_arrays.items():
        np.testing.assert_array_equal(array, second.head_arrays[name], err_msg=name)
    assert first.body.fingerprint == second.body.fingerprint


def test_a_fit_that_was_killed_goes_on_and_ends_with_the_same_weights(two, data, base, tmp_path):
    recipe = ["--recipe", str(quick("multi-source", tmp_path)), "--cache", str(two / "cache")]
    killed_once(
        command(data, base, tmp_path / "run", *recipe), tmp_path / "run/state/without-0-1.npz"
    )
    assert run(data, base, tmp_path / "run", *recipe) == 0
    same_weights(two, tmp_path / "run")
    # What was computed before counts, whoever computed it.
    assert read_run(tmp_path / "run").record.seconds["features"] == pytest.approx(
        read_run(two).record.seconds["features"]
    )


def test_the_article_goes_on_where_it_was_killed(article, data, base, tmp_path):
    recipe = ["--recipe", str(quick("article", tmp_path, epochs=2, batch=4))]
    killed_once(command(data, base, tmp_path / "run", *recipe), tmp_path / "run/state/history.json")
    assert len(json.loads((tmp_path / "run/state/history.json").read_text())["seconds"]) == 1
    assert run(data, base, tmp_path / "run", *recipe) == 0
    same_weights(article, tmp_path / "run")


def killed_once(arguments, state):
    """Start ``arguments`` in a process of its own and kill it once ``state`` is there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "inference.training", *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end = time.monotonic() + 120
        while not state.is_file() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert state.is_file()
    assert process.returncode == -signal.SIGKILL, "it had ended before it was killed"
    assert not (state.parents[1] / "run.json").exists()


def test_what_is_left_of_another_fit_is_not_gone_on_with(two, data, base, tmp_path, capsys):
    recipe = ["--recipe", str(quick("multi-source", tmp_path))]
    assert run(data, base, two, *recipe, "--seed", "1") == 2
    assert f"{two} holds another fit (its seed differs)" in capsys.readouterr().err
    other = ["--precision", "float16"]
    assert run(data, base, two, *recipe, *other) == 2
    assert "(its precision differs)" in capsys.readouterr().err
    other = ["--recipe", str(quick("multi-source", tmp_path, rate="1e-3"))]
    assert run(data, base, two, *other) == 2
    assert "(its recipe differs)" in capsys.readouterr().err


def test_a_fit_that_did_not_end_cannot_be_packed(data, tmp_path, capsys):
    assert packed(data, tmp_path, tmp_path / "out") == 2
    assert "is not a finished fit: it has no run.json." in capsys.readouterr().err


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_recipe_is_valid(name):
    assert read_recipe(recipe_text(name)).about


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("[probe]", "[probe", "The recipe is not valid: "),
        ("epochs = 6", "epochs = 0", "tune.epochs: above 0 is expected"),
        ("epochs = 6", 'epochs = "6"', "tune.epochs: '6' is not of the type int"),
        ("from_block = 3", "from_block = 6", "tune.from_block: 1 to 5 is expected"),
        ("views = 2", "views = 0", "probe.views: above 0 is expected"),
        ("dropout = 0.3", "drop_out = 0.3", "not known"),
        ("dropout = 0.3", "dropout = 1.0", "tune.dropout: at least 0 and below 1 is expected"),
        ('network = "tuned"', 'network = "resnet"', "network: 'resnet' is not one of tuned"),
        ("blocks = [4, 5]", "blocks = [3, 5]", "probe.blocks: [4, 5] or [5] is expected"),
        ("second_hospital = 0.35", "second_hospital = 0.0", "data.folds_apart: empty without it"),
        ('["0", "1"]', '["0", "1"], ["1"]', "data.folds_apart: groups that share no fold"),
        ("views = 6", "views = -1", "views: at least 0 is expected"),
    ],
)  # fmt: skip
def test_a_recipe_that_is_not_one_is_refused_by_name(before, after, said):
    text = recipe_text("multi-source")
    assert before in text
    with pytest.raises(BadData, match=re.escape(said)):
        read_recipe(text.replace(before, after))


def test_a_recipe_that_is_not_there_is_named(data, base, tmp_path, capsys):
    assert run(data, base, tmp_path / "out", "--recipe", "nonsense") == 2
    said = capsys.readouterr().err
    assert "There is no recipe nonsense: give a" in said
    assert "one of article, head, multi-source, single-source." in said


def test_folds_that_are_to_be_held_out_must_be_there(data, base, tmp_path, capsys):
    recipe = quick("multi-source", tmp_path)
    recipe.write_text(recipe.read_text().replace('["0", "1"]', '["7"]'))
    assert run(data, base, tmp_path / "out", "--recipe", str(recipe)) == 2
    said = capsys.readouterr().err
    assert "holds the folds 7 of external_dev out" in said
    assert "(its column 'fold')" in said


def test_two_hospitals_are_needed_where_the_recipe_says_so(base, tmp_path, capsys):
    for split, count in (("train", 4), ("val", 6)):
        for index in range(count):
            label = "PNEUMONIA" if index % 2 else "NORMAL"
            Image.new("L", (64, 64), 40 * index).save(tmp_path / f"{split}{index}.png")
            with (tmp_path / "splits.csv").open("a") as stream:
                if stream.tell() == 0:
                    stream.write("file,label,split,patient\n")
                stream.write(f"{split}{index}.png,{label},{split},{split}{index}\n")
    recipe = str(quick("multi-source", tmp_path))
    assert run(tmp_path, base, tmp_path / "out", "--recipe", recipe) == 2
    assert "learns from external_dev, of which the folder holds nothing" in capsys.readouterr().err


def test_the_article_network_is_what_the_article_says():
    from tensorflow import keras

    from inference.training.article import build_article
    from inference.vgg16 import build_body

    model = build_article(build_body(), read_recipe(recipe_text("article")))
    names = [layer.name for layer in model.layers if layer.trainable_weights]
    assert names == ["block5_conv1", "block5_conv2", "block5_conv3", "dense1", "dense2"]
    assert [model.get_layer(f"dropout{n}").rate for n in (1, 2)] == pytest.approx([0.3, 0.2])
    dense = model.get_layer("dense1")
    assert float(dense.kernel_regularizer.l2) == pytest.approx(0.05)
    assert (dense.units, dense.activation.__name__) == (128, "relu")
    assert model.get_layer("dense2").activation.__name__ == "sigmoid"
    assert model.output_shape == (None, 2)
    assert model.loss == "binary_crossentropy"
    assert isinstance(model.optimizer, keras.optimizers.Adam)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--data", "/nowhere"], "There is no folder /nowhere."),
        (["--base-weights", "/nowhere.h5"], "There is no weights file /nowhere.h5."),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(data, base, tmp_path, capsys, more, said):
    assert run(data, base, tmp_path / "out", *more) == 2
    error = capsys.readouterr().err
    assert error.strip().splitlines()[-1] == said


def test_a_file_that_is_no_image_is_named(data, base, tmp_path, capsys):
    folder = tmp_path / "data"
    folder.mkdir()
    for file in data.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "train-1.png").write_bytes(b"not an image")
    assert run(folder, base, tmp_path / "out") == 2
    assert "train-1.png is not a readable image" in capsys.readouterr().err


def test_a_file_that_is_no_body_is_refused(data, tmp_path, capsys):
    path = tmp_path / "other.weights.h5"
    path.write_bytes(b"nothing of the kind")
    assert run(data, path, tmp_path / "out") == 2
    assert "does not hold the weights of a VGG16 body" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_says_what_the_folder_must_hold(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "splits.csv" in capsys.readouterr().out
