"""Cut-offs of a site over REST: looked at, signed by two, taken back, and said beside scores."""

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.predictions.models import OperatingPoint
from portal.predictions.operating_point_selectors import point_in_force
from portal.predictions.services import Answer
from portal.reviews.signed_selectors import signed_scores
from tests.factories import (
    PASSWORD,
    finish,
    make_instance,
    make_prediction,
    make_study,
    make_user,
)
from tests.portal.api.people import API, client_of, refused
from tests.portal.reviews.signed_worlds import choice_of, chosen_point, sign_studies

pytestmark = pytest.mark.django_db
DAYS = {"since": f"{choice_of().since}", "until": f"{choice_of().until}"}
SENT = {"threshold": 0.4, "set_name": "Spring", "why": "Ours.", "password": PASSWORD} | DAYS


@pytest.fixture
def signed(site, deployed, reader):
    sign_studies(site, deployed, reader)
    return deployed


def place(version) -> str:
    return f"{API}/models/{version.pk}/operating-point"


def act(user, what: str, point_id: int, **sent):
    return client_of(user).post(f"{API}/operating-points/{point_id}/{what}", sent, format="json")


def propose(user, version, **changes):
    return client_of(user).post(place(version), SENT | changes, format="json")


def test_from_the_figures_to_the_prediction(site, signed, data_scientist, reviewer, reader):
    seen = client_of(data_scientist).get(place(signed), DAYS).json()
    assert (seen["n_present"], seen["n_absent"], seen["left_out"], seen["saw_ai"]) == (
        12,
        15,
        0,
        27,
    )
    made = propose(data_scientist, signed, set_sha256=seen["set_sha256"])
    assert made.status_code == 201
    body = made.json()
    assert (body["state"], body["threshold"], body["decided_at"]) == ("waiting", 0.4, None)
    assert (body["sensitivity"]["found"], body["sensitivity"]["of"]) == (10, 12)
    approved = act(reviewer, "approve", body["id"], note="Seen.", password=PASSWORD).json()
    assert (approved["state"], approved["decided_name"]) == ("in_force", str(reviewer))
    answer = Answer(outcome="scored", score=0.45, finding="absent")
    row = finish(make_prediction(make_instance(make_study(site))), answer)
    told = client_of(reader).get(f"{API}/predictions/{row.pk}").json()
    assert (told["threshold"], told["finding"]) == (0.4, "present")
    assert told["operating_point"]["id"] == body["id"]
    assert told["operating_point"]["set_name"] == "Spring"
    withdrawn = act(reviewer, "withdraw", body["id"], reason="Alarms.").json()
    assert (withdrawn["state"], withdrawn["end_reason"]) == ("withdrawn", "Alarms.")
    assert client_of(reader).get(f"{API}/predictions/{row.pk}").json() == told


def test_the_digest_can_be_written_by_anybody(site, signed, reviewer):
    seen = client_of(reviewer).get(place(signed)).json()
    lines = sorted(
        f"{row.study_instance_uid} {row.review_id} {row.score!r}\n"
        for row in signed_scores(site, signed)
    )
    assert seen["set_sha256"] == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_each_cut_off_has_its_figures_and_their_interval(signed, reviewer):
    seen = client_of(reviewer).get(place(signed)).json()
    offered = {one["why"]: one for one in seen["cut_offs"]}
    assert offered["The model's own"]["threshold"] == 0.5
    share = offered["Sensitivity of at least 90 %"]["sensitivity"]
    assert share["found"] / share["of"] == share["value"] >= 0.9
    assert share["low"] < share["value"] < share["high"]


def test_where_none_reaches_it_there_is_none(site, deployed, reader, reviewer):
    sign_studies(site, deployed, reader, present=(0.00001,) * 12)
    (first, *_) = client_of(reviewer).get(place(deployed)).json()["cut_offs"]
    assert (first["threshold"], first["sensitivity"], first["specificity"]) == (None, None, None)


def test_the_list_of_models_says_what_counts_here(site, other_reviewer, signed, reader):
    (before,) = client_of(reader).get(f"{API}/models").json()["models"]
    assert (before["threshold"], before["operating_point"]) == (0.5, None)
    point = chosen_point(site, signed)
    body = client_of(reader).get(f"{API}/models").json()
    assert body["models"][0]["threshold"] == 0.5
    assert body["models"][0]["operating_point"]["threshold"] == 0.4
    assert [(one["id"], one["state"]) for one in body["operating_points"]] == [
        (point.pk, "in_force")
    ]
    abroad = client_of(other_reviewer).get(f"{API}/models").json()
    assert (abroad["models"][0]["operating_point"], abroad["operating_points"]) == (None, [])


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"password": "wrong"}, 403, "password_wrong"),
        ({"why": " "}, 422, "reason_missing"),
        ({"threshold": 1}, 422, "invalid_input"),
        ({"threshold": "0.4"}, 422, "invalid_input"),
        ({"threshold": True}, 422, "invalid_input"),
        ({"threshold": 0.41235}, 422, "invalid_input"),
        ({"set_name": ""}, 422, "invalid_input"),
        ({"since": "2031-01-01"}, 422, "invalid_input"),
        ({"until": "soon"}, 422, "invalid_input"),
        ({"until": DAYS["since"]}, 422, "set_too_small"),
        ({"set_sha256": "0" * 64}, 412, "set_changed"),
        ({"more": 1}, 422, "unknown_field"),
    ],
)
def test_what_cannot_be_signed_is_refused(signed, data_scientist, changes, status, code):
    refused(propose(data_scientist, signed, **changes), status, code)
    assert not OperatingPoint.objects.exists()


def test_who_decides_may_look_but_not_propose(signed, reviewer, adjudicator, auditor):
    for person in (reviewer, adjudicator):
        refused(propose(person, signed), 403, "may_not_decide_on_models")
        assert client_of(person).get(place(signed)).status_code == 200
    refused(client_of(auditor).get(place(signed)), 403, "forbidden")


def test_the_second_signature_is_of_a_person_who_signs_studies(site, signed, site_admin):
    point = chosen_point(site, signed, approved=False)
    refused(act(site_admin, "approve", point.pk, password=PASSWORD), 403, "forbidden")
    refused(act(site_admin, "decline", point.pk, reason="No."), 403, "forbidden")
    signing = make_user(site, "adjudicator")
    assert act(signing, "approve", point.pk, password=PASSWORD).status_code == 200


def test_the_days_are_the_last_365_unless_others_are_asked_for(site, signed, data_scientist):
    told = client_of(data_scientist).get(place(signed)).json()
    today = timezone.now().date()
    assert (told["since"], told["until"]) == (f"{today - timedelta(days=365)}", f"{today}")
    assert told["n_present"] == 12
    before = timezone.now() - timedelta(days=400)
    sign_studies(site, signed, data_scientist, present=(0.9,), absent=(), signed_at=before)
    assert client_of(data_scientist).get(place(signed)).json()["n_present"] == 12
    told = client_of(data_scientist).get(place(signed), {"since": "2020-01-01"}).json()
    assert (told["since"], told["n_present"]) == ("2020-01-01", 13)


def test_a_second_one_waits_and_the_first_is_decided_on_once(
    site, signed, data_scientist, reviewer
):
    point = chosen_point(site, signed, by=data_scientist, approved=False)
    refused(propose(data_scientist, signed), 409, "operating_point_waits")
    assert act(reviewer, "decline", point.pk, reason="Too few.").json()["state"] == "declined"
    again = act(reviewer, "approve", point.pk, password=PASSWORD)
    refused(again, 409, "operating_point_over")


def test_the_same_person_is_refused(site, signed):
    both = make_user(site, "data_scientist", "reviewer")
    made = propose(both, signed).json()
    refused(act(both, "approve", made["id"], password=PASSWORD), 403, "same_person")


def test_another_sites_is_not_there(site, signed, other_reviewer):
    point = chosen_point(site, signed)
    refused(act(other_reviewer, "withdraw", point.pk, reason="x"), 404, "no_such_operating_point")
    assert point_in_force(site, signed) == point


def test_a_version_without_a_score_has_nothing_to_choose_on(deployed, data_scientist):
    refused(propose(data_scientist, deployed), 409, "nothing_scored")
