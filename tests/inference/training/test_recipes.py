"""Both recipes for real, from a folder to a bundle that reads radiographs. A few small pictures."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

import inference
from inference.bundle import read_bundle
from inference.training.__main__ import COMMANDS, main
from tests.dicom_files import chest_pixels, child_chest

# Keras hands TensorFlow's variables to numpy in a way that numpy 2 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a folder of 6 + 6 + 4 + 4 pictures; those of the sick are hazy and so brighter."""
    folder = tmp_path_factory.mktemp("data")
    records = [["file", "label", "split", "patient", "view"]]
    number = 0
    for split, count in (("train", 6), ("val", 6), ("test_internal", 4), ("external_report", 4)):
        for index in range(count):
            sick = index % 2
            grey = chest_pixels(number, 96, 96) / 4095 * (0.5 if sick else 0.9) + 0.45 * sick
            name = f"{split}-{index}.png"
            Image.fromarray((grey * 255).astype(np.uint8)).save(folder / name)
            label = "PNEUMONIA" if sick else "NORMAL"
            records.append([name, label, split, f"P{number}", "AP"])
            number += 1
    with (folder / "splits.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(records)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Return a weights file of an untrained body, as Keras writes it."""
    from tensorflow import keras

    from inference.vgg16 import build_body

    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random.weights.h5"
    build_body().save_weights(path)
    return path


def run(data, base, out, *more):
    return main(["fit", "--data", str(data), "--base-weights", str(base), "--out", str(out), *more])


def outputs(folder):
    report = json.loads((folder / "report.json").read_text())
    for name in ("curves.png", "network.png"):
        with Image.open(folder / name) as image:
            assert min(image.size) > 300
    assert (folder / "network.svg").read_text().lstrip().startswith("<?xml")
    return report


def test_the_quick_recipe_packs_a_bundle_that_reads(data, base, tmp_path, airlock, capfd):
    out = tmp_path / "quick-0.0.1"
    arguments = ["--final", "--epochs", "20", "--name", "quick", "--version", "0.0.1"]
    assert run(data, base, out, *arguments) == 0
    assert "val: 6 images, AUC" in capfd.readouterr().out
    report = outputs(out)
    assert len(report["history"]["val_loss"]) <= 20
    manifest = read_bundle(out).manifest
    assert manifest.training.views == ("plain", "augmented", "augmented")
    assert manifest.input.input_convention == "rgb_0_1"
    assert manifest.measured.test_internal.images == 4
    assert set(manifest.measured.external_report.auc_by_view) == {"AP"}
    with inference.load(out) as classifier:
        files = [(data / example["file"]) for example in report["examples"]]
        answers = classifier.classify([child_chest(), *files])
        found = [answer.probability for answer in answers[1:]]
    expected = [example["probability"] for example in report["examples"]]
    np.testing.assert_allclose(found, expected, atol=1e-4)

    # Again, on the features that are kept: the same weights, bit for bit.
    again = tmp_path / "again-0.0.1"
    assert run(data, base, again, *arguments, "--cache", str(out / "cache")) == 0
    assert read_bundle(again).manifest.weights_sha256 == manifest.weights_sha256


def test_without_final_the_tests_stay_closed(data, base, tmp_path):
    out = tmp_path / "model-0.1.0"
    assert run(data, base, out, "--views", "0", "--epochs", "2", "--share-body") == 0
    measured = read_bundle(out).manifest.measured
    assert measured.test_internal is None
    assert measured.external_report is None
    assert not list(out.glob("cache/test_internal*"))
    assert (tmp_path / "bodies" / "random.npz").is_file()
    assert not (out / "random.npz").exists()


def test_the_recipe_of_the_article_runs_for_real(data, base, tmp_path, capfd):
    out = tmp_path / "article-0.0.1"
    assert run(data, base, out, "--recipe", "article", "--epochs", "2", "--limit", "4") == 0
    said = capfd.readouterr().out
    assert "block5_conv3" in said  # the summary
    report = outputs(out)
    assert len(report["history"]["val_accuracy"]) == 2
    bundle = read_bundle(out)
    assert bundle.manifest.training.recipe == "article"
    assert [layer.units for layer in bundle.manifest.head.layers] == [128, 2]
    assert bundle.head["dense1/kernel"].shape == (7 * 7 * 512, 128)
    from inference.training.body import load_body

    before = load_body(str(base)).weights
    moved = {n.split("/")[0] for n in before if (before[n] != bundle.body[n]).any()}
    assert moved == {"block5_conv1", "block5_conv2", "block5_conv3"}


def test_the_article_network_is_what_the_article_says():
    from tensorflow import keras

    from inference.training.article import build_article
    from inference.vgg16 import build_body

    model = build_article(build_body())
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
    assert run(folder, base, tmp_path / "out", "--views", "0") == 2
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
