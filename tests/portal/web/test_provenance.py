"""Where a number comes from is told beside it: weights, pixels, preprocessing, engine."""

import pytest

from portal.predictions.services import Answer
from tests.factories import finish, make_instance, make_prediction, make_study
from tests.portal.web.pages import at, prose_of, text_of

pytestmark = pytest.mark.django_db
PROVENANCE = {
    "weights_sha256": "a1" * 32, "pixel_sha256": "b2" * 32, "preprocessing": "2026-1",
    "engine": "ncnn 1.0 cpu", "libraries": {"pydicom": "3.0.1"}, "logit": 1.25,
    "calibration": {"slope": 0.9, "intercept": -0.1},
}  # fmt: skip


def page(as_, reviewer, site, answer):
    study = make_study(site)
    finish(make_prediction(make_instance(study)), answer)
    return as_(reviewer).get(at("study", study.study_instance_uid))


def test_it_stands_on_the_page_of_the_study(site, reviewer, model_version, as_):
    answer = Answer(outcome="scored", score=0.9, finding="present", provenance=PROVENANCE)
    shown = prose_of(page(as_, reviewer, site, answer))
    for words in ("a1" * 32, "b2" * 32, "2026-1", "ncnn 1.0 cpu", "pydicom 3.0.1"):
        assert words in shown
    assert "of a logit of 1.250: slope 0.900, intercept -0.100" in shown


def test_of_an_older_score_the_weights_are_told(site, reviewer, model_version, as_):
    answer = Answer(outcome="scored", score=0.9, finding="present")
    response = page(as_, reviewer, site, answer)
    assert model_version.weights_sha256 in text_of(response)
    assert "Pixels, SHA-256" not in text_of(response)


def test_without_a_number_there_is_none(site, reviewer, model_version, as_):
    answer = Answer(outcome="not_applicable", code="view_not_frontal")
    assert "Where this number comes from" not in text_of(page(as_, reviewer, site, answer))
