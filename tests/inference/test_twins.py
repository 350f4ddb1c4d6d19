"""The shipped network: the same picture has the same score, however it is wrapped."""

import csv
import json

import numpy as np
import pytest

from inference.bundle import read_bundle
from inference.calibration import auc
from inference.classifier import Classifier
from inference.score import Score
from inference.training.__main__ import main
from tests.bundles import SHIPPED
from tests.dicom_files import child_chest

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def classifier(airlock):
    with Classifier(read_bundle(SHIPPED), airlock) as classifier:
        yield classifier


def twins(folder):
    with (folder / "index.csv").open(newline="") as stream:
        records = [record for record in csv.DictReader(stream) if record["twin_of"]]
    return [(folder / r["file"], folder / r["twin_of"], float(r["tolerance"])) for r in records]


@pytest.mark.parametrize(("kind", "least"), [("dicom", 13), ("raster", 7)])
def test_twins_score_alike_within_their_tolerance(classifier, data_dir, kind, least):
    pairs = twins(data_dir / kind)
    assert len(pairs) >= least
    files = sorted({file for twin, original, _ in pairs for file in (twin, original)})
    answers = classifier.classify(files, gates=False)  # some are turned, some are drawings
    for file, answer in zip(files, answers, strict=True):
        assert isinstance(answer, Score), f"{file.name}: {answer}"
    scores = {file: a.probability for file, a in zip(files, answers, strict=True)}
    for twin, original, tolerance in pairs:
        assert scores[twin] == pytest.approx(scores[original], abs=tolerance), twin.name


def test_adults_are_scored_and_infants_are_not(classifier, data_dir):
    adult = data_dir / "dicom" / "derived_chest" / "chest_12bit_explicit_le.dcm"
    infant = child_chest(PatientAge="006M")
    score, refusal = classifier.classify([adult, infant])
    assert isinstance(score, Score)
    assert (refusal.code, refusal.outcome) == ("age_outside_range", "not_applicable")


def test_children_inside_the_intended_use_are_scored_and_mostly_right(classifier, data_dir):
    files = sorted((data_dir / "dicom" / "derived_child").glob("*.dcm"))
    answers = classifier.classify(files)
    scored = {f: one for f, one in zip(files, answers, strict=True) if isinstance(one, Score)}
    refused = [one.code for one in answers if not isinstance(one, Score)]
    assert refused in ([], ["not_a_chest_radiograph"])  # of one of the 24
    assert all(answer.unknown == () for answer in scored.values())
    labels = np.array([file.name.startswith("PNEUMONIA") for file in scored]).astype(int)
    assert auc(np.array([answer.probability for answer in scored.values()]), labels) > 0.9


@pytest.mark.timeout(1200)
def test_evaluate_reproduces_the_figures_of_val_that_the_bundle_came_with(data_dir, tmp_path):
    where = ["--bundle", str(SHIPPED), "--data", str(data_dir / "cxr"), "--split", "val"]
    assert main(["evaluate", *where, "--disturbed", "0", "--out", str(tmp_path)]) == 0
    shipped = json.loads((SHIPPED / "report.json").read_text())["splits"]["val"]
    found = json.loads((tmp_path / "report.json").read_text())
    for name in ("auc", "accuracy", "sensitivity", "specificity", "ece"):
        assert found[name] == pytest.approx(shipped[name], abs=0.002), name
    assert found["refused"] == shipped["refused"]
    assert found["refused"]["n"] <= 0.02 * (found["n"] + found["refused"]["n"])
    assert found["parity"]["mean_change"] <= 0.03


def test_the_score_of_the_real_network_does_not_depend_on_the_batch(classifier, data_dir):
    files = sorted((data_dir / "dicom" / "derived_child").glob("*.dcm"))[:9]
    together = [answer.probability for answer in classifier.classify(files)]
    alone = [classifier.classify([file])[0].probability for file in files]
    np.testing.assert_allclose(together, alone, atol=1e-5)
