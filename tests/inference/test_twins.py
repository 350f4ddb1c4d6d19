"""The shipped network: the same picture has the same score, however it is wrapped."""

import csv
import json

import numpy as np
import pytest

from inference.bundle import read_bundle
from inference.calibration import auc
from inference.classifier import Classifier, Score

pytestmark = pytest.mark.data
BUNDLE = "inference/bundles/vgg16-pneumonia-0.1.0"


@pytest.fixture(scope="module")
def classifier(request, airlock):
    with Classifier(read_bundle(request.config.rootpath / BUNDLE), airlock) as classifier:
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
    answers = classifier.classify(files, gates=False)  # they are adults
    for file, answer in zip(files, answers, strict=True):
        assert isinstance(answer, Score), f"{file.name}: {answer}"
    scores = {file: a.probability for file, a in zip(files, answers, strict=True)}
    for twin, original, tolerance in pairs:
        assert scores[twin] == pytest.approx(scores[original], abs=tolerance), twin.name


def test_adults_are_not_scored_where_the_gates_stand(classifier, data_dir):
    adult = data_dir / "dicom" / "derived_chest" / "chest_12bit_explicit_le.dcm"
    (refusal,) = classifier.classify([adult])
    assert (refusal.code, refusal.outcome) == ("age_outside_range", "not_applicable")


def test_children_inside_the_intended_use_are_scored_and_mostly_right(classifier, data_dir):
    files = sorted((data_dir / "dicom" / "derived_child").glob("*.dcm"))
    answers = classifier.classify(files)
    assert all(isinstance(answer, Score) for answer in answers)
    assert all(answer.unknown == () for answer in answers)
    labels = np.array([file.name.startswith("PNEUMONIA") for file in files]).astype(int)
    assert auc(np.array([answer.probability for answer in answers]), labels) > 0.9


def test_the_scores_of_the_report_are_reproduced_through_the_airlock(classifier, data_dir, request):
    report = json.loads((request.config.rootpath / BUNDLE / "report.json").read_text())
    examples = report["examples"]
    answers = classifier.classify([data_dir / "cxr" / one["file"] for one in examples])
    found = [answer.probability for answer in answers]
    np.testing.assert_allclose(found, [one["probability"] for one in examples], atol=1e-3)


def test_the_score_of_the_real_network_does_not_depend_on_the_batch(classifier, data_dir):
    files = sorted((data_dir / "dicom" / "derived_child").glob("*.dcm"))[:9]
    together = [answer.probability for answer in classifier.classify(files)]
    alone = [classifier.classify([file])[0].probability for file in files]
    np.testing.assert_allclose(together, alone, atol=1e-5)
