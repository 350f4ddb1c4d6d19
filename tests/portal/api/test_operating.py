"""Retry, cancel and acknowledge over REST."""

import pytest

from portal.predictions.models import Prediction
from portal.predictions.pause_services import pause_model, resume_model
from tests.factories import (
    failed_study,
    make_instance,
    make_prediction,
    make_study,
    scored_study,
    start,
)
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(site, deployed):
    return Prediction.objects.get(instance__series__study=failed_study(site, code="gave_up"))


def act(user, prediction, name: str, body: object = None):
    path = f"{API}/predictions/{prediction.pk}/{name}"
    return client_of(user).post(path, body if body is not None else {}, format="json")


def test_a_retry_answers_with_the_new_prediction(failed, pacs_admin):
    response = act(pacs_admin, failed, "retry")
    assert response.status_code == 201
    body = response.json()
    assert body["id"] != str(failed.pk)
    assert (body["state"], body["attempt"], body["place_in_queue"]) == ("queued", 0, 1)
    assert client_of(pacs_admin).get(f"{API}/predictions/{failed.pk}").json()["state"] == "failed"
    refused(act(pacs_admin, failed, "retry"), 409, "prediction_retried_already")


def test_what_waits_is_cancelled_once(site, deployed, pacs_admin):
    row = make_prediction(make_instance(make_study(site)))
    response = act(pacs_admin, row, "cancel")
    assert response.status_code == 200
    body = response.json()
    assert (body["state"], body["code"]) == ("cancelled", "cancelled_by_operator")
    assert body["place_in_queue"] is None
    assert body["finished_at"]
    refused(act(pacs_admin, row, "cancel"), 409, "prediction_not_queued")


def test_a_failure_is_acknowledged_once(failed, pacs_admin):
    response = act(pacs_admin, failed, "acknowledge")
    assert (response.status_code, response.json()["state"]) == (200, "failed")
    refused(act(pacs_admin, failed, "acknowledge"), 409, "prediction_acknowledged_already")


def test_what_runs_or_is_done_is_neither_retried_nor_cancelled(site, deployed, pacs_admin):
    done = Prediction.objects.get(instance__series__study=scored_study(site))
    running = start(make_prediction(make_instance(make_study(site))))
    for row in (done, running):
        refused(act(pacs_admin, row, "retry"), 409, "prediction_not_failed")
        refused(act(pacs_admin, row, "acknowledge"), 409, "prediction_not_failed")
        refused(act(pacs_admin, row, "cancel"), 409, "prediction_not_queued")


def test_what_a_pause_cancelled_is_retried_after_it(
    site, deployed, pacs_admin, reviewer, site_admin
):
    row = make_prediction(make_instance(make_study(site)))
    pause_model(version=deployed, reason="x", by=reviewer)
    refused(act(pacs_admin, row, "retry"), 409, "no_live_model")
    resume_model(version=deployed, by=site_admin)
    response = act(pacs_admin, row, "retry")
    assert (response.status_code, response.json()["state"]) == (201, "queued")
    refused(act(pacs_admin, row, "retry"), 409, "prediction_retried_already")


def test_while_the_model_is_paused_a_retry_is_a_conflict(failed, deployed, pacs_admin, reviewer):
    pause_model(version=deployed, reason="x", by=reviewer)
    refused(act(pacs_admin, failed, "retry"), 409, "no_live_model")


@pytest.mark.parametrize("name", ["retry", "cancel", "acknowledge"])
def test_something_that_it_does_not_know_is_refused(failed, pacs_admin, name):
    refused(act(pacs_admin, failed, name, {"force": True}), 422, "unknown_field")
    assert Prediction.objects.get().acknowledged_at is None


def test_no_body_will_do(failed, pacs_admin):
    response = client_of(pacs_admin).post(f"{API}/predictions/{failed.pk}/retry")
    assert response.status_code == 201, response.content
