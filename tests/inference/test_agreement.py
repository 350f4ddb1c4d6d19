"""The shipped network has the same scores on every engine, and in every company."""

import functools
import itertools
import re

import numpy as np
import pytest

from inference.agreement import ONE_REDUCED, OTHER_ENGINE, tolerance
from inference.bundle import read_bundle
from inference.classifier import Classifier
from inference.score import Score
from tests.bundles import SHIPPED
from tests.dicom_files import chest_pixels, child_chest, png_chest

NAMED = {
    "ncnn": r"ncnn [\d.]+ cpu",
    "onnx": r"onnxruntime [\d.]+ cpu",
    "tensorflow": r"tensorflow [\d.]+ cpu",
    "reduced": r"onnxruntime [\d.]+ int8 cpu",
}
FLOAT32 = ("ncnn", "onnx", "tensorflow")
PAIRS = list(itertools.combinations(NAMED, 2))


@pytest.fixture(scope="module")
def bundle():
    return read_bundle(SHIPPED)


@pytest.fixture(scope="module")
def classifier_on(bundle, airlock):
    """Return what gives the classifier of the shipped bundle on an engine, made once."""
    made = []

    @functools.cache
    def make(engine):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OVERREAD_ENGINE", engine)
            patch.setenv("OVERREAD_DEVICE", "cpu")
            made.append(Classifier(bundle, airlock))
        return made[-1]

    yield make
    for classifier in made:
        classifier.close()


@pytest.fixture(scope="module")
def scores_on(bundle, classifier_on):
    """Return what gives an engine's answers to the golden image and to drawings of chests."""
    drawn = [child_chest(), png_chest(), child_chest(pixels=chest_pixels(3)[:, ::-1].copy())]
    files = [bundle.golden, *drawn]
    return functools.cache(lambda engine: classifier_on(engine).classify(files, gates=False))


@pytest.mark.parametrize(("engine", "named"), list(NAMED.items()))
def test_each_is_the_engine_that_was_asked_for_and_scores_them_all(scores_on, engine, named):
    answers = scores_on(engine)
    assert all(isinstance(one, Score) for one in answers)
    assert all(re.fullmatch(named, one.engine) for one in answers)


def test_the_pictures_can_tell_engines_apart(scores_on):
    """At the ends of the scale all scores would agree."""
    found = [one.probability for one in scores_on("ncnn")]
    assert any(0.02 < score < 0.98 for score in found)
    assert max(found) - min(found) > 0.01


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_engines_give_the_same_scores(scores_on, one, other):
    allowed = ONE_REDUCED if "reduced" in (one, other) else OTHER_ENGINE
    for ours, theirs in zip(scores_on(one), scores_on(other), strict=True):
        assert tolerance(ours.engine, theirs.engine) == allowed
        assert ours.probability == pytest.approx(theirs.probability, abs=allowed)
        assert ours.pixel_sha256 == theirs.pixel_sha256


@pytest.mark.parametrize("engine", FLOAT32)
def test_a_score_does_not_depend_on_its_batch(bundle, classifier_on, airlock, engine):
    files = [bundle.golden, child_chest(), png_chest()]
    pixels = np.stack([airlock.decode(file, size=224).pixels for file in files])
    together = classifier_on(engine).score_pixels(pixels)
    alone = [classifier_on(engine).score_pixels(pixels[i : i + 1])[0] for i in range(len(files))]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)
