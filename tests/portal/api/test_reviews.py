import pytest

from portal.audit.models import AuditEvent
from portal.reviews.models import Review
from tests.factories import DISCLAIMER, PASSWORD, make_instance, make_study, make_user, scored_study
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db

CONFIRM = {"finding": "present", "password": PASSWORD}
OVERRIDE = {
    "finding": "absent",
    "reason_code": "FP_effusion",
    "comment": "Left effusion.",
    "confidence": 4,
    "password": PASSWORD,
}


@pytest.fixture
def study(site):
    return scored_study(site, "present", 0.87)


def sign(user, study, sent, **headers):
    return client_of(user).post(
        f"{API}/studies/{study}/reviews", sent, format="json", headers=headers
    )


def amend(user, review, sent, **headers):
    return client_of(user).post(
        f"{API}/reviews/{review}/amend", sent, format="json", headers=headers
    )


def signed(user, study, sent=CONFIRM):
    response = sign(user, study, sent)
    assert response.status_code == 201, response.content
    return response


def test_a_reviewer_confirms(study, reviewer):
    body = signed(reviewer, study).json()
    assert (body["finding"], body["shown"], body["is_override"]) == ("present", "present", False)
    assert (body["reviewer"], body["reviewer_name"]) == ("reviewer", "Dr reviewer")
    assert (body["meaning"], body["supersedes"]) == ("reviewed", None)
    assert (body["reason_code"], body["comment"], body["confidence"]) == (None, None, None)
    assert body["disclaimer"] == DISCLAIMER
    assert PASSWORD not in str(body)


def test_an_adjudicator_overrides_with_a_reason(study, adjudicator):
    body = signed(adjudicator, study, OVERRIDE).json()
    assert (body["finding"], body["is_override"], body["confidence"]) == ("absent", True, 4)
    assert (body["reason_code"], body["comment"]) == ("FP_effusion", "Left effusion.")


def test_a_study_is_signed_without_the_machine(site, reviewer):
    study = make_study(site)
    make_instance(study)
    body = signed(reviewer, study, {**CONFIRM, "reason_code": None, "comment": None}).json()
    assert (body["shown"], body["prediction"], body["disclaimer"]) == (None, None, None)


def test_overriding_without_a_reason_is_refused(study, reviewer):
    sent = {"finding": "absent", "password": PASSWORD}
    refused(sign(reviewer, study, sent), 422, "reason_missing")
    assert Review.objects.count() == 0
    event = AuditEvent.objects.get(action="review.refused")
    assert (event.actor, event.detail) == ("reviewer", {"code": "reason_missing"})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reason_code": "FN_subtle"}, "reason_does_not_fit"),
        ({"reason_code": "FP_nonsense"}, "reason_does_not_fit"),
        ({"reason_code": "OTHER", "comment": "short"}, "comment_missing"),
        ({"finding": "maybe"}, "invalid_input"),
        ({"confidence": 6}, "invalid_input"),
        ({"confidence": 0}, "invalid_input"),
        ({"confidence": "4"}, "invalid_input"),
        ({"confidence": True}, "invalid_input"),
        ({"confidence": 2.5}, "invalid_input"),
        ({"finding": None}, "invalid_input"),
        ({"finding": ["absent"]}, "invalid_input"),
        ({"comment": "a\0b"}, "invalid_input"),
        ({"comment": "x" * 4001}, "invalid_input"),
        ({"password": ""}, "invalid_input"),
        ({"score": 0.1}, "unknown_field"),
        ({"reviewer": "somebody"}, "unknown_field"),
    ],
)
def test_what_does_not_fit_is_refused(study, reviewer, changes, code):
    refused(sign(reviewer, study, OVERRIDE | changes), 422, code)
    assert Review.objects.count() == 0


def test_a_second_signature_is_refused(study, reviewer, adjudicator):
    signed(reviewer, study)
    refused(sign(adjudicator, study, OVERRIDE), 409, "already_reviewed")
    assert Review.objects.count() == 1


def test_a_wrong_password_signs_nothing(study, reviewer):
    refused(sign(reviewer, study, CONFIRM | {"password": "guess"}), 403, "password_wrong")
    refused(sign(reviewer, study, CONFIRM | {"password": f"{PASSWORD} "}), 403, "password_wrong")
    assert Review.objects.count() == 0


def test_a_team_mate_of_another_role_may_not_sign(site, study, reader, pacs_admin, uploader):
    own = scored_study(site, by=uploader)
    for user, seen in ((reader, study), (pacs_admin, study), (uploader, own)):
        refused(sign(user, seen, CONFIRM), 403, "may_not_sign")
    assert Review.objects.count() == 0


def test_roles_without_patients_are_refused(study, auditor, data_scientist):
    for user in (auditor, data_scientist):
        refused(sign(user, study, CONFIRM), 403, "forbidden")


def test_an_outsider_finds_nothing_to_sign(study, other_reviewer):
    refused(sign(other_reviewer, study, CONFIRM), 404, "no_such_study")


def test_signing_on_what_was_read_is_accepted(study, reviewer):
    tag = client_of(reviewer).get(f"{API}/studies/{study}")["ETag"]
    assert sign(reviewer, study, CONFIRM, if_match=tag).status_code == 201


@pytest.mark.parametrize("tag", ['"something else"', 'W/"weak"', "nonsense", '""'])
def test_signing_on_another_version_is_refused(study, reviewer, tag):
    refused(sign(reviewer, study, CONFIRM, if_match=tag), 412, "stale")
    assert Review.objects.count() == 0
    event = AuditEvent.objects.get(action="review.refused")
    assert (event.actor, event.detail, event.outcome) == ("reviewer", {"code": "stale"}, "refused")


def test_an_amendment_takes_the_place_of_ones_own_review(study, reviewer):
    first = signed(reviewer, study)
    sent = OVERRIDE | {"amend_reason": "Seen again."}
    response = amend(reviewer, first.json()["id"], sent, if_match=first["ETag"])
    assert response.status_code == 201, response.content
    body = response.json()
    assert (body["meaning"], body["supersedes"]) == ("amended", first.json()["id"])
    assert (body["finding"], body["amend_reason"]) == ("absent", "Seen again.")
    study_now = client_of(reviewer).get(f"{API}/studies/{study}")
    assert study_now.json()["report_status"] == "amended"
    assert [row["finding"] for row in study_now.json()["reviews"]] == ["present", "absent"]
    assert study_now["ETag"] == response["ETag"] != first["ETag"]


def test_an_amendment_says_which_version_it_amends(study, reviewer):
    review = signed(reviewer, study).json()["id"]
    sent = OVERRIDE | {"amend_reason": "Seen again."}
    refused(amend(reviewer, review, sent), 428, "precondition_required")
    refused(amend(reviewer, review, sent, if_match="*"), 428, "precondition_required")
    refused(amend(reviewer, review, sent, if_match='"old"'), 412, "stale")
    assert Review.objects.count() == 1


def test_a_review_is_amended_once(study, reviewer):
    first = signed(reviewer, study)
    sent = OVERRIDE | {"amend_reason": "Seen again."}
    second = amend(reviewer, first.json()["id"], sent, if_match=first["ETag"])
    old_tag = amend(reviewer, first.json()["id"], sent, if_match=first["ETag"])
    refused(old_tag, 412, "stale")
    old_review = amend(reviewer, first.json()["id"], sent, if_match=second["ETag"])
    refused(old_review, 412, "review_changed")
    assert Review.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amend_reason": " "}, "amend_reason_missing"),
        ({"amend_reason": 7}, "invalid_input"),
        ({"reason_code": ""}, "reason_missing"),
        ({"supersedes": 1}, "unknown_field"),
    ],
)
def test_an_amendment_that_does_not_fit_is_refused(study, reviewer, changes, code):
    first = signed(reviewer, study)
    sent = OVERRIDE | {"amend_reason": "Seen again."} | changes
    refused(amend(reviewer, first.json()["id"], sent, if_match=first["ETag"]), 422, code)
    assert Review.objects.count() == 1


def test_only_the_signer_amends(site, study, reviewer, reader, adjudicator, other_reviewer):
    first = signed(reviewer, study)
    review, tag = first.json()["id"], {"if_match": first["ETag"]}
    sent = OVERRIDE | {"amend_reason": "Seen again."}
    second_reviewer = make_user(site, "reviewer")
    for colleague in (adjudicator, second_reviewer):
        refused(amend(colleague, review, sent, **tag), 403, "not_your_review")
    refused(amend(reader, review, sent, **tag), 403, "may_not_sign")
    refused(amend(other_reviewer, review, sent, **tag), 404, "no_such_review")
    wrong = sent | {"password": "guess"}
    refused(amend(reviewer, review, wrong, **tag), 403, "password_wrong")
    assert Review.objects.count() == 1


@pytest.mark.parametrize("bad", ["0", "9" * 30, "-1", "x", "1.0", "%00", "9" * 5000])
def test_a_review_that_is_not_there_is_not_found(reviewer, bad):
    response = amend(reviewer, bad, OVERRIDE | {"amend_reason": "x"}, if_match='"x"')
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
