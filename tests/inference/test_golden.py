"""What every worker must make of a picture of nobody, and how one that does not is told."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest

from inference.bundle import BundleBroken, read_bundle
from inference.classifier import Classifier
from inference.golden import drift_of, golden_png, write_golden
from inference.manifest import ManifestInvalid, read_manifest, write_manifest
from inference.refusal import Refusal
from tests.bundles import SHIPPED, golden_bundle, tiny_bundle
from tests.inference.test_bundle import sealed


@pytest.fixture(autouse=True)
def for_tests(monkeypatch):
    monkeypatch.setenv("OVERREAD_ALLOW_TEST_BUNDLE", "1")


@pytest.fixture
def folder(tmp_path, airlock):
    return golden_bundle(tmp_path / "tiny-0.0.1", airlock)


@pytest.fixture
def classifier(folder, airlock):
    with Classifier(read_bundle(folder), airlock) as one:
        yield one


def test_a_classifier_makes_of_it_what_was_made_when_it_was_packed(classifier, folder):
    golden = classifier.manifest.golden
    assert 0.01 < golden.score < 0.99
    assert golden.engine == classifier._engine.name
    assert drift_of(classifier, read_bundle(folder).golden) == ""


def test_weights_that_changed_in_memory_are_a_drift(classifier, folder):
    kernel, _, _ = classifier._head._layers[0]
    kernel *= 1.01
    said = drift_of(classifier, read_bundle(folder).golden)
    assert f"it was {classifier.manifest.golden.score:.6f}" in said
    assert classifier._engine.name in said


def test_a_score_that_hardly_moves_hides_no_drift_of_the_logit(folder, airlock):
    """At the end of the scale a thousand times the logit's error is nothing."""
    bundle = read_bundle(folder)
    bundle.head["dense1/bias"][:] = 14.0
    with Classifier(bundle, airlock) as classifier:
        golden = write_golden(folder, classifier)
        assert golden.score > 0.99999
        classifier.manifest = dataclasses.replace(classifier.manifest, golden=golden)
        assert drift_of(classifier, bundle.golden) == ""
        classifier._head._layers[0][1][:] += 0.01
        assert "logit" in drift_of(classifier, bundle.golden)


@pytest.mark.parametrize(
    ("change", "engine", "drifts"),
    [(5e-4, "tiny 1 numpy 1.0", False), (5e-4, None, True), (2e-3, "tiny 1 numpy 1.0", True)],
)
def test_another_engine_may_differ_a_little_more(classifier, folder, change, engine, drifts):
    golden = classifier.manifest.golden
    other = dataclasses.replace(golden, score=golden.score + change, engine=engine or golden.engine)
    classifier.manifest = dataclasses.replace(classifier.manifest, golden=other)
    assert bool(drift_of(classifier, read_bundle(folder).golden)) is drifts


def test_no_score_is_a_drift_too(folder, airlock):
    bundle = read_bundle(folder)
    with Classifier(bundle, airlock) as classifier:
        bundle.head["mean"][:] = np.nan
        classifier._head._mean[:] = np.nan
        assert "gets no score (model_output_invalid)" in drift_of(classifier, bundle.golden)


def test_a_bundle_whose_network_scores_nothing_cannot_have_one(tmp_path):
    noise = Refusal("noise", "Noise.", "rejected_quality")
    refused = SimpleNamespace(classify=lambda files, gates: [noise] * len(files))
    with pytest.raises(BundleBroken, match="golden image gets no score: noise"):
        write_golden(tmp_path, refused)
    assert not list(tmp_path.iterdir())


def test_another_picture_in_its_place_is_refused(folder):
    content = bytearray((folder / "golden.png").read_bytes())
    content[-20] ^= 1
    (folder / "golden.png").write_bytes(content)
    with pytest.raises(BundleBroken, match=r"golden\.png .* is not the file that was released"):
        read_bundle(folder)


def test_a_bundle_from_before_is_the_same_bundle(tmp_path):
    """It has no such key, and none is written into it: a site has registered it as it was."""
    text = (SHIPPED / "manifest.json").read_text()
    assert write_manifest(read_manifest(text)) == text
    assert read_bundle(tiny_bundle(tmp_path / "tiny-0.0.1")).golden == b""


@pytest.mark.parametrize(
    ("key", "value"),
    [("score", 1.0), ("score", "0.5"), ("file", "../golden.png"), ("sha256", "0"), ("more", 1)],
)
def test_a_golden_image_that_cannot_be_is_refused(folder, key, value):
    document = json.loads((folder / "manifest.json").read_text())
    document["golden"][key] = value
    with pytest.raises(ManifestInvalid, match=f"golden.{key}"):
        read_manifest(sealed(document))


def test_the_picture_is_the_same_whenever_it_is_drawn():
    assert golden_png() == golden_png()
