"""Each ending of an image has its row; what comes too late changes nothing."""

import uuid
from dataclasses import replace

import pytest

from inference import Refusal, Score
from inference.gradcam import Explanation
from portal.audit.models import AuditEvent
from portal.predictions.models import Prediction
from tests.factories import make_instance, make_prediction, make_study, start
from worker.reading import settle_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def claimed(site, uploader):
    return start(make_prediction(make_instance(make_study(site))))


def score(**changes):
    said = {
        "probability": 0.91,
        "threshold": 0.5,
        "finding": "present",
        "prevalence": 0.74,
        "model": "tiny",
        "version": "0.0.1",
        "unknown": ("view",),
        "pixel_sha256": "a" * 64,
        "weights_sha256": "b" * 64,
        "preprocessing": "squash-bilinear-1",
        "engine": "tiny 1",
        "facts": {"age_years": 4},
        "logit": 2.3,
        "calibration": {"slope": 1.0, "intercept": 0.0},
        "libraries": {"pillow": "13.0.0"},
    }
    return Score(**(said | changes))


def refusal(outcome):
    return Refusal(
        code="a_code", detail="A sentence.", outcome=outcome, tag="(0018,5101) ViewPosition",
        found="LL", remedy="Do this.",
    )  # fmt: skip


def test_a_score_is_stored_with_what_is_needed_to_repeat_it(claimed):
    settle_all([claimed], [score()])
    row = Prediction.objects.get()
    assert (row.state, row.outcome, row.score, row.finding) == ("done", "scored", 0.91, "present")
    assert row.unknown == ["view"]
    assert row.provenance["pixel_sha256"] == "a" * 64
    assert row.provenance["engine"] == "tiny 1"
    assert row.provenance["facts"] == {"age_years": 4}


def test_a_map_is_stored_with_its_score_and_not_in_its_provenance(claimed):
    settle_all([claimed], [score(explanation=Explanation(b"PNG", 0.25))])
    row = Prediction.objects.get()
    assert (bytes(row.map_png), row.map_maximum) == (b"PNG", 0.25)
    assert "explanation" not in row.provenance


def test_where_there_is_no_map_none_is_stored(claimed):
    settle_all([claimed], [score()])
    row = Prediction.objects.get()
    assert (row.map_png, row.map_maximum) == (None, None)


@pytest.mark.parametrize("outcome", ["not_applicable", "rejected_quality"])
def test_what_the_model_must_not_score_is_done_without_a_number(claimed, outcome):
    settle_all([claimed], [refusal(outcome)])
    row = Prediction.objects.get()
    assert (row.state, row.outcome, row.score) == ("done", outcome, None)
    assert (row.code, row.detail, row.remedy) == ("a_code", "A sentence.", "Do this.")
    assert row.provenance == {"tag": "(0018,5101) ViewPosition", "found": "LL"}


@pytest.mark.parametrize("outcome", ["failed", "refused"])
def test_what_cannot_be_decoded_fails_at_once_and_is_not_tried_again(claimed, outcome):
    settle_all([claimed], [refusal(outcome)])
    row = Prediction.objects.get()
    assert (row.state, row.outcome, row.code, row.attempt) == ("failed", "", "a_code", 1)


@pytest.mark.parametrize("code", ["airlock_crashed", "airlock_time_limit"])
def test_a_reader_that_crashed_or_hung_is_tried_again_but_not_for_ever(claimed, code):
    crashed = replace(refusal("failed"), code=code)
    settle_all([claimed], [crashed])
    assert Prediction.objects.get().state == "running"  # until its lease ends
    claimed.attempt = 3
    settle_all([claimed], [crashed])
    row = Prediction.objects.get()
    assert (row.state, row.code) == ("failed", code)


def test_an_answer_that_comes_too_late_is_dropped_and_the_next_is_stored(claimed, site, caplog):
    on_time = start(make_prediction(make_instance(make_study(site))))
    claimed.lease_token = uuid.uuid4()  # the sweep took the row back, somebody else has it
    settle_all([claimed, on_time], [score(), score(probability=0.2, finding="absent")])
    assert Prediction.objects.get(pk=claimed.pk).state == "running"
    assert Prediction.objects.get(pk=on_time.pk).finding == "absent"
    assert "too late" in caplog.text


def test_each_ending_has_one_event(claimed):
    settle_all([claimed], [score()])
    settle_all([claimed], [score()])
    events = AuditEvent.objects.filter(subject=f"prediction:{claimed.pk}")
    assert list(events.order_by("seq").values_list("action", flat=True)) == [
        "prediction.requested",
        "prediction.completed",
    ]


def test_an_answer_too_few_is_a_bug_and_not_a_silence(claimed):
    with pytest.raises(ValueError, match="shorter"):
        settle_all([claimed], [])
