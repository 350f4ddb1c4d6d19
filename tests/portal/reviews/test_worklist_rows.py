"""The worklist: what a filter chooses is what the columns say, in two queries."""

import itertools

import pytest
from django.db.models.functions import Now

from portal.predictions.models import Prediction
from portal.predictions.selectors import leading_predictions
from portal.predictions.services import Answer, fail_prediction
from portal.reviews.selectors import REPORT_STATUSES, report_status
from portal.reviews.services import Read, amend_review, sign_review
from portal.reviews.worklist_selectors import WITHOUT_AI, described, worklist
from tests.factories import (
    PASSWORD,
    failed_study,
    finish,
    make_instance,
    make_prediction,
    make_study,
    not_applicable_study,
    scored_study,
    start,
)

pytestmark = pytest.mark.django_db
STATES = ("queued", "running", "failed", "cancelled")
OUTCOMES = ("scored", "not_applicable", "rejected_quality")
SCORED = Answer(outcome="scored", score=0.87, finding="present")


def cancel(prediction):
    rows = Prediction.objects.filter(pk=prediction.pk)
    rows.update(state="cancelled", finished_at=Now(), lease_token=None, lease_until=None)


def end(prediction, ending):
    """Bring a queued prediction to ``ending``."""
    if ending == "running":
        start(prediction)
    elif ending == "failed":
        fail_prediction(start(prediction), Answer(outcome="failed", code="broken", detail="No."))
    elif ending == "cancelled":
        cancel(prediction)
    elif ending == "scored":
        finish(prediction, SCORED)
    elif ending != "queued":
        finish(prediction, Answer(outcome=ending, code="view", detail="No.", remedy="None."))


@pytest.fixture
def studies(site, deployed, reviewer):
    """Unread studies with two images in every pair of states, and some that are read."""
    for endings in itertools.product(("none", *STATES, *OUTCOMES), repeat=2):
        study = make_study(site)
        for ending in endings:
            image = make_instance(study)
            if ending != "none":
                end(make_prediction(image), ending)
    agree = {"read": Read("present"), "password": PASSWORD, "by": reviewer}
    sign_review(study=scored_study(site), **agree)
    sign_review(study=failed_study(site), **agree)
    sign_review(study=not_applicable_study(site), **agree)
    amended = sign_review(study=scored_study(site), **agree)
    amend_review(review=amended, amend_reason="Seen again.", **agree)


def chosen(user, **filters):
    return {study.pk for study in worklist(user, **filters)}


def test_a_filter_of_the_report_chooses_what_the_column_says(studies, reviewer):
    rows = described(reviewer, list(worklist(reviewer)))
    for status in REPORT_STATUSES:
        said = {row.pk for row in rows if row.report_status == status}
        assert chosen(reviewer, report_status=status) == said, status
        assert said, status
        assert all(report_status(row) == status for row in rows if row.pk in said)


def test_a_filter_of_the_machine_chooses_what_the_column_says(studies, reviewer):
    rows = described(reviewer, list(worklist(reviewer)))
    for ai in (*STATES, "done"):
        assert chosen(reviewer, ai=[ai]) == {row.pk for row in rows if row.state == ai} != set(), ai
    for ai in OUTCOMES:
        assert (
            chosen(reviewer, ai=[ai]) == {row.pk for row in rows if row.outcome == ai} != set()
        ), ai
    waiting = {row.pk for row in rows if row.state in ("queued", "running")}
    assert chosen(reviewer, ai=["waiting"]) == waiting
    without = {row.pk for row in rows if row.state in (None, "cancelled")}
    assert chosen(reviewer, ai=[WITHOUT_AI]) == without


def test_the_columns_are_of_the_prediction_that_leads(studies, reviewer):
    rows = described(reviewer, list(worklist(reviewer)))
    leading = leading_predictions(reviewer, rows)
    assert len(leading) > 50
    for row in rows:
        lead = leading.get(row.pk)
        assert (row.state, row.outcome, row.score) == (
            (lead.state, lead.outcome, lead.score) if lead else (None, None, None)
        )


def test_a_cancelled_retry_does_not_hide_the_failure(site, deployed, reviewer):
    study = make_study(site)
    image = make_instance(study)
    end(make_prediction(image), "failed")
    end(make_prediction(image), "cancelled")
    (row,) = described(reviewer, list(worklist(reviewer, ai=["failed"])))
    assert row.state == "failed"
    assert not worklist(reviewer, ai=[WITHOUT_AI]).exists()


def test_filters_see_only_what_the_user_sees(site, deployed, uploader, reviewer):
    study = scored_study(site, by=reviewer)
    make_prediction(make_instance(study, by=uploader))
    assert chosen(uploader, ai=["waiting"]) == {study.pk}
    assert chosen(uploader, ai=["scored"]) == set()
    assert chosen(reviewer, ai=["scored"]) == {study.pk}
    assert chosen(reviewer, ai=["waiting"]) == set()


def test_a_page_is_two_queries_however_long(studies, reviewer, django_assert_num_queries):
    reviewer.may("see_studies")  # the roles of this request
    with django_assert_num_queries(2):
        rows = described(reviewer, list(worklist(reviewer, report_status="partial")[:50]))
    assert len(rows) > 10
