"""Propose, approve, decline, withdraw, pause, resume over REST: what it answers, and when not."""

import pytest

from portal.predictions.deployment_selectors import live_version, open_pause
from portal.predictions.deployment_services import propose_deployment
from portal.predictions.models import Proposal
from portal.predictions.pause_services import pause_model
from tests.factories import make_model_version, make_user
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def better(deployed):
    return make_model_version(reported=True, version="2.0.0")


def act(user, version, name: str, **body):
    return client_of(user).post(f"{API}/models/{version.pk}/{name}", body, format="json")


def test_from_proposal_to_live(site, deployed, better, data_scientist, reviewer):
    proposed = act(data_scientist, better, "propose", why="Fewer alarms.")
    assert proposed.status_code == 201
    assert proposed.json() | {"id": 0, "proposed_at": ""} == {
        "id": 0, "model": "vgg16-pneumonia 2.0.0", "model_id": better.pk,
        "kind": "live", "share": None, "state": "waiting", "why": "Fewer alarms.",
        "proposed_by": "data_scientist", "proposed_at": "",
        "decided_by": None, "decided_at": None, "note": None,
        "compared": Proposal.objects.get().compared,
    }  # fmt: skip
    assert proposed.json()["compared"]["beside"] == "vgg16-pneumonia 1.0.0"
    approved = act(reviewer, better, "approve", note="Agreed.")
    assert approved.status_code == 200
    body = approved.json()
    assert (body["status"], body["until"], body["pauses"]) == ("live", None, [])
    assert (body["proposal"]["state"], body["proposal"]["decided_by"]) == ("approved", "reviewer")
    assert live_version(site) == better


def test_the_list_tells_the_history_of_ones_own_site(
    deployed, better, data_scientist, reviewer, other_reviewer
):
    act(data_scientist, better, "propose", why="x")
    act(reviewer, better, "approve")
    act(reviewer, better, "pause", reason="False alarms.")
    body = client_of(data_scientist).get(f"{API}/models").json()
    assert [(m["version"], m["status"]) for m in body["models"]] == [
        ("2.0.0", "paused"), ("1.0.0", "replaced"),
    ]  # fmt: skip
    now, before = body["deployments"]
    assert (now["status"], now["pauses"][0]["reason"]) == ("paused", "False alarms.")
    assert (before["status"], before["proposal"]) == ("replaced", None)
    assert before["until"]
    assert [p["state"] for p in body["proposals"]] == ["approved"]
    abroad = client_of(other_reviewer).get(f"{API}/models").json()
    assert [(d["model"], d["status"]) for d in abroad["deployments"]] == [
        ("vgg16-pneumonia 1.0.0", "live")
    ]
    assert abroad["proposals"] == []


def test_those_that_wait_come_first(deployed, better, data_scientist, reviewer):
    third = make_model_version(reported=True, version="3.0.0")
    act(data_scientist, better, "propose", why="x")
    act(data_scientist, third, "propose", why="x")
    act(reviewer, third, "decline", reason="No.")
    proposals = client_of(reviewer).get(f"{API}/models").json()["proposals"]
    assert [(p["model_id"], p["state"]) for p in proposals] == [
        (better.pk, "waiting"), (third.pk, "declined"),
    ]  # fmt: skip


def test_paused_and_resumed_by_two_persons(site, deployed, adjudicator, reviewer):
    paused = act(adjudicator, deployed, "pause", reason="False alarms.")
    assert paused.status_code == 200
    assert paused.json()["paused_by"] == "adjudicator"
    assert open_pause(site)
    resumed = act(reviewer, deployed, "resume", note="Updated.")
    assert resumed.status_code == 200
    body = resumed.json()
    assert (body["resumed_by"], body["note"], body["reason"]) == (
        "reviewer", "Updated.", "False alarms.",
    )  # fmt: skip
    assert body["resumed_at"] > body["paused_at"]


def test_the_same_person_is_refused(site, deployed, better, reviewer):
    both = make_user(site, "data_scientist", "site_admin")
    act(both, better, "propose", why="x")
    refused(act(both, better, "approve"), 403, "same_person")
    refused(act(both, better, "decline", reason="x"), 403, "same_person")
    act(reviewer, deployed, "pause", reason="x")
    refused(act(reviewer, deployed, "resume"), 403, "same_person")


def test_what_the_state_does_not_allow_is_a_conflict(
    site, deployed, better, data_scientist, reviewer
):
    refused(act(data_scientist, deployed, "propose", why="x"), 409, "model_already_here")
    refused(act(reviewer, better, "approve"), 409, "nothing_proposed")
    refused(act(reviewer, better, "decline", reason="x"), 409, "nothing_proposed")
    refused(act(data_scientist, better, "withdraw"), 409, "nothing_proposed")
    refused(act(reviewer, better, "pause", reason="x"), 409, "model_not_live")
    refused(act(reviewer, deployed, "resume"), 409, "model_not_paused")
    propose_deployment(version=better, why="x", by=data_scientist)
    refused(act(data_scientist, better, "propose", why="x"), 409, "model_already_here")
    pause_model(version=deployed, reason="x", by=reviewer)
    refused(act(reviewer, deployed, "pause", reason="x"), 409, "model_not_live")
    another = make_user(site, "data_scientist")
    refused(act(another, better, "withdraw"), 403, "may_not_decide_on_models")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_input"),
        ({"reason": ""}, "reason_missing"),
        ({"reason": "  "}, "reason_missing"),
        ({"reason": 7}, "invalid_input"),
        ({"reason": "a\x00b"}, "invalid_input"),
        ({"reason": "x" * 2001}, "invalid_input"),
        ({"reason": "x", "until": "tomorrow"}, "unknown_field"),
    ],
)
def test_a_pause_without_a_reason_is_refused(site, deployed, reviewer, body, code):
    refused(act(reviewer, deployed, "pause", **body), 422, code)
    assert open_pause(site) is None


@pytest.mark.parametrize("name", ["propose", "approve", "decline", "withdraw", "pause", "resume"])
def test_a_model_that_is_not_there_is_not_found(site, name):
    person = make_user(site, "data_scientist", "reviewer")
    body = {"propose": {"why": "x"}, "decline": {"reason": "x"}, "pause": {"reason": "x"}}
    client = client_of(person)
    answer = client.post(f"{API}/models/999/{name}", body.get(name, {}), format="json")
    refused(answer, 404, "no_such_model")
    refused(client.post(f"{API}/models/x/{name}", {}, format="json"), 404, "not_found")


def test_no_body_will_do_where_nothing_has_to_be_said(deployed, better, data_scientist, reviewer):
    act(data_scientist, better, "propose", why="x")
    response = client_of(reviewer).post(f"{API}/models/{better.pk}/approve")
    assert response.status_code == 200, response.content
