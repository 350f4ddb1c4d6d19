"""Shadow, canary, end and rollback over REST: what it answers, and when not."""

from datetime import datetime, timedelta

import pytest

from portal.audit.models import AuditEvent
from portal.predictions.challenger_services import start_shadow
from portal.predictions.deployment_selectors import challenger_at, live_version
from portal.predictions.pause_services import pause_model
from portal.predictions.services import Answer
from portal.predictions.shadow_services import claim_in_shadow, complete_in_shadow, fail_in_shadow
from tests.factories import make_model_version, make_user, scored_study
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db
WHY = "Our own scanners."


@pytest.fixture
def better(deployed):
    return make_model_version(reported=True, version="2.0.0")


@pytest.fixture
def third(deployed):
    return make_model_version(reported=True, version="3.0.0")


@pytest.fixture
def in_shadow(better, data_scientist):
    return start_shadow(version=better, why=WHY, days=1, by=data_scientist)


def act(user, version, name: str, **body):
    return client_of(user).post(f"{API}/models/{version.pk}/{name}", body, format="json")


def listed(user) -> dict:
    return client_of(user).get(f"{API}/models").json()


def told(action: str) -> dict:
    event = AuditEvent.objects.filter(chain="demo", action=action).latest("seq")
    return {"by": event.actor, "subject": event.subject} | event.detail


def test_a_version_is_put_in_shadow_by_one(site, better, data_scientist):
    answer = act(data_scientist, better, "shadow", why=WHY, days=30)
    assert answer.status_code == 201
    body = answer.json()
    since, reads_from = (datetime.fromisoformat(body.pop(at)) for at in ("since", "reads_from"))
    assert since - reads_from == pytest.approx(timedelta(days=30), abs=timedelta(minutes=1))
    assert body | {"id": 0} == {
        "id": 0, "model": str(better), "model_id": better.pk, "status": "shadow", "until": None,
        "share": None, "started_by": "data_scientist", "why": WHY, "proposal": None, "pauses": [],
        "shadow": {"read": 0, "scored": 0, "failed": 0, "due": 0},
    }  # fmt: skip
    assert challenger_at(site).model_version == better
    assert told("model.shadowed") == {
        "by": "data_scientist", "subject": f"model:{better}", "why": WHY, "days": 30,
    }  # fmt: skip


def test_without_days_it_reads_from_now_on(better, data_scientist):
    body = act(data_scientist, better, "shadow", why=WHY).json()
    since, reads_from = (datetime.fromisoformat(body[at]) for at in ("since", "reads_from"))
    assert abs(since - reads_from) < timedelta(minutes=1)


def test_the_list_counts_how_far_the_challenger_is(site, in_shadow, deployed, reader):
    for _ in range(4):
        scored_study(site)
    first, second, third = claim_in_shadow(limit=3, lease=timedelta(minutes=1))
    complete_in_shadow(first, Answer(outcome="scored", score=0.7, finding="present"))
    complete_in_shadow(second, Answer(outcome="not_applicable", code="view_not_frontal"))
    fail_in_shadow(third, "unreadable")
    tried, live = listed(reader)["deployments"]
    assert tried["shadow"] == {"read": 2, "scored": 1, "failed": 1, "due": 1}
    assert (tried["status"], tried["started_by"], tried["why"]) == ("shadow", "data_scientist", WHY)
    assert (live["status"], live["shadow"], live["started_by"], live["why"]) == (
        "live", None, None, None,
    )  # fmt: skip
    assert (live["share"], live["reads_from"]) == (None, None)


def test_only_what_is_tried_now_costs_queries(
    deployed, better, data_scientist, reader, django_assert_num_queries
):
    for _ in range(3):
        assert act(data_scientist, better, "shadow", why=WHY).status_code == 201
        assert act(data_scientist, better, "end", reason="x").status_code == 200
    client = client_of(reader)
    with django_assert_num_queries(8):  # as without a challenger, and the pauses of the rows
        ended = client.get(f"{API}/models").json()["deployments"][:3]
    assert [(row["status"], row["shadow"]) for row in ended] == [("replaced", None)] * 3
    act(data_scientist, better, "shadow", why=WHY)
    with django_assert_num_queries(12):  # four counts of the one that is tried
        assert client.get(f"{API}/models").json()["deployments"][0]["shadow"]["due"] == 0


@pytest.mark.parametrize("role", ["data_scientist", "reviewer", "adjudicator", "site_admin"])
def test_a_trial_is_ended_by_whoever_decides_on_models(site, in_shadow, role):
    by = make_user(site, role, username=f"a-{role}")
    answer = act(by, in_shadow.model_version, "end", reason="No better.")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["id"], body["status"], body["shadow"]) == (in_shadow.pk, "replaced", None)
    assert body["until"] > body["since"]
    assert challenger_at(site) is None
    assert told("model.ended") == {
        "by": by.username, "subject": f"model:{in_shadow.model_version}", "was": "shadow",
        "reason": "No better.",
    }  # fmt: skip


def test_a_canary_takes_two_persons(site, deployed, better, data_scientist, reviewer):
    proposed = act(data_scientist, better, "propose", why=WHY, share=20)
    assert proposed.status_code == 201
    assert (proposed.json()["kind"], proposed.json()["share"]) == ("canary", 20)
    assert challenger_at(site) is None
    body = act(reviewer, better, "approve").json()
    assert (body["status"], body["share"], body["proposal"]["share"]) == ("canary", 20, 20)
    assert (body["started_by"], body["why"]) == (None, None)
    assert body["reads_from"]
    assert body["shadow"] == {"read": 0, "scored": 0, "failed": 0, "due": 0}
    assert live_version(site) == deployed
    ended = act(reviewer, better, "end", reason="Alarms.").json()
    assert (ended["status"], ended["share"]) == ("replaced", 20)


def test_null_is_no_share(site, better, data_scientist):
    body = act(data_scientist, better, "propose", why=WHY, share=None).json()
    assert (body["kind"], body["share"]) == ("live", None)


@pytest.fixture
def promoted(better, data_scientist, reviewer):
    """The better version, live in the place of the first."""
    act(data_scientist, better, "propose", why=WHY)
    act(reviewer, better, "approve")
    return better


def test_rolled_back_by_two_persons(site, deployed, promoted, site_admin, adjudicator):
    proposed = act(adjudicator, promoted, "rollback", why="Missed two.")
    assert proposed.status_code == 201
    body = proposed.json()
    assert (body["model_id"], body["kind"], body["share"], body["state"]) == (
        deployed.pk, "rollback", None, "waiting",
    )  # fmt: skip
    assert told("model.proposed") == {
        "by": "adjudicator", "subject": f"model:{deployed}", "why": "Missed two.",
        "kind": "rollback", "compared": body["compared"],
    }  # fmt: skip
    assert live_version(site) == promoted
    refused(act(adjudicator, promoted, "rollback", why="x"), 409, "model_already_here")
    assert act(site_admin, deployed, "approve").status_code == 200
    assert live_version(site) == deployed


def test_the_same_person_does_not_roll_back_alone(deployed, promoted, reviewer, site_admin):
    act(site_admin, promoted, "rollback", why="Missed two.")
    refused(act(site_admin, deployed, "approve"), 403, "same_person")
    refused(act(reviewer, deployed, "withdraw"), 403, "may_not_decide_on_models")
    withdrawn = act(site_admin, deployed, "withdraw")
    assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "withdrawn")


def test_what_the_state_does_not_allow_is_a_conflict(
    site, deployed, better, third, data_scientist, reviewer
):
    refused(act(data_scientist, deployed, "shadow", why=WHY), 409, "model_already_here")
    unreported = make_model_version(version="4.0.0")
    refused(act(data_scientist, unreported, "shadow", why=WHY), 409, "model_without_report")
    refused(act(reviewer, better, "end", reason="x"), 409, "model_not_a_challenger")
    refused(act(reviewer, deployed, "end", reason="x"), 409, "model_not_a_challenger")
    refused(act(reviewer, better, "rollback", why="x"), 409, "model_not_live")
    refused(act(reviewer, deployed, "rollback", why="x"), 409, "no_version_before")
    act(data_scientist, better, "shadow", why=WHY)
    refused(act(data_scientist, better, "shadow", why=WHY), 409, "model_already_here")
    refused(act(data_scientist, third, "shadow", why=WHY), 409, "challenger_already_here")
    canary = act(data_scientist, third, "propose", why=WHY, share=5)
    refused(canary, 409, "challenger_already_here")
    act(reviewer, better, "end", reason="x")
    pause_model(version=deployed, reason="x", by=reviewer)
    refused(act(data_scientist, better, "shadow", why=WHY), 409, "model_not_live")
    events = AuditEvent.objects.filter(chain="demo", action="model.refused", actor="data_scientist")
    assert {event.detail["act"] for event in events} == {"shadow", "propose"}
    assert challenger_at(site) is None


def test_another_sites_challenger_is_not_tried_here(site, in_shadow, other_reviewer):
    answer = act(other_reviewer, in_shadow.model_version, "end", reason="x")
    refused(answer, 409, "model_not_a_challenger")
    assert challenger_at(site) == in_shadow


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("shadow", ("uploader", "reader", "reviewer", "adjudicator", "pacs_admin", "site_admin")),
        ("end", ("uploader", "reader", "pacs_admin", "auditor")),
        ("rollback", ("uploader", "reader", "pacs_admin", "auditor")),
    ],
)
def test_whoever_does_not_decide_on_models_is_refused(site, in_shadow, name, roles):
    for role in roles:
        answer = act(make_user(site, role), in_shadow.model_version, name, why="x", reason="x")
        refused(answer, 403, "forbidden")
    assert challenger_at(site) == in_shadow


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("shadow", {}, "invalid_input"),
        ("shadow", {"why": " "}, "reason_missing"),
        ("shadow", {"why": WHY, "days": -1}, "invalid_input"),
        ("shadow", {"why": WHY, "days": 366}, "invalid_input"),
        ("shadow", {"why": WHY, "days": "7"}, "invalid_input"),
        ("shadow", {"why": WHY, "days": None}, "invalid_input"),
        ("shadow", {"why": WHY, "share": 5}, "unknown_field"),
        ("propose", {"why": WHY, "share": 0}, "invalid_input"),
        ("propose", {"why": WHY, "share": 51}, "invalid_input"),
        ("propose", {"why": WHY, "share": 12.5}, "invalid_input"),
        ("propose", {"why": WHY, "share": True}, "invalid_input"),
        ("propose", {"why": WHY, "days": 5}, "unknown_field"),
        ("end", {}, "invalid_input"),
        ("end", {"reason": ""}, "reason_missing"),
        ("end", {"why": "x"}, "unknown_field"),
        ("rollback", {}, "invalid_input"),
        ("rollback", {"why": ""}, "reason_missing"),
        ("rollback", {"why": "x", "to": 1}, "unknown_field"),
    ],
)
def test_what_is_wrong_in_the_body_is_refused(site, better, data_scientist, name, body, code):
    refused(act(data_scientist, better, name, **body), 422, code)
    assert challenger_at(site) is None
    assert listed(data_scientist)["proposals"] == []


@pytest.mark.parametrize("name", ["shadow", "end", "rollback"])
def test_a_model_that_is_not_there_is_not_found(data_scientist, name):
    client = client_of(data_scientist)
    body = {"reason": "x"} if name == "end" else {"why": "x"}
    answer = client.post(f"{API}/models/999/{name}", body, format="json")
    refused(answer, 404, "no_such_model")
    refused(client.get(f"{API}/models/999/{name}"), 405, "method_not_allowed")
