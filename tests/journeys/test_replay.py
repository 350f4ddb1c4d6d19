"""Scores of the shipped model come out again in processes of their own, on either engine."""

import json

import pytest

from inference.samples import chest_dicom, chest_png
from tests.chaos.harness import overread

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]
STORED = """
import json
from portal.audit.models import AuditEvent
from portal.predictions.models import Prediction
rows = Prediction.objects.filter(outcome="scored")
print(json.dumps({
    "engines": sorted({row.provenance["engine"].split()[0] for row in rows}),
    "scores": sorted(row.score for row in rows),
    "doubts": AuditEvent.objects.filter(action="prediction.not_reproduced").count(),
}))
"""
SPOIL = """
from portal.predictions.models import Prediction
row = Prediction.objects.filter(outcome="scored").order_by("requested_at").first()
Prediction.objects.filter(pk=row.pk).update(score=row.score + {by})
"""


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    """A running Overread on the shipped model that has scored two radiographs."""
    lease = {"OVERREAD_LEASE_SECONDS": "60"}
    with overread(tmp_path_factory.mktemp("clinic"), None, **lease) as one:
        one.start(within=240)
        token = one.people("uploader")["uploader"]
        child = chest_dicom(1, ViewPosition="AP", PatientAge="004Y")
        verdicts = one.upload(token, ("a.dcm", child), ("b.png", chest_png(2)))
        ended = one.settled(token, [one["prediction"] for one in verdicts], within=240)
        assert {row["outcome"] for row in ended.values()} == {"scored"}
        yield one


def stored(clinic):
    return json.loads(clinic.python(STORED))


def replayed(clinic, **env):
    """Return what ``manage.py replay`` prints under another environment."""
    before = clinic.env
    clinic.env = before | env
    try:
        return clinic.manage("replay", "--sample", "5", may_fail=True)
    finally:
        clinic.env = before


def test_a_processor_reads_with_ncnn_and_its_scores_come_out_again_on_both_engines(clinic):
    before = stored(clinic)
    assert before["engines"] == ["ncnn"]
    assert replayed(clinic).endswith("2 of 2 scores were reproduced")
    assert replayed(clinic, OVERREAD_ENGINE="onnx").endswith("2 of 2 scores were reproduced")
    assert stored(clinic) == before


def test_a_score_that_is_another_by_two_thousandths_is_told_by_either(clinic):
    clinic.python(SPOIL.format(by=0.002))
    try:
        for engine in ("auto", "onnx"):
            said = replayed(clinic, OVERREAD_ENGINE=engine)
            assert said.endswith("1 of 2 scores were reproduced")
    finally:
        clinic.python(SPOIL.format(by=-0.002))  # the other test may come afterwards
    assert stored(clinic)["doubts"] == 2
