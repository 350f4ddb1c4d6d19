"""ETag, If-Match and If-None-Match, and a signature whose answer was lost."""

import pytest

from portal.api.preconditions import etag_of
from portal.audit.models import AuditEvent
from portal.predictions.services import Answer, complete_prediction
from portal.reviews.models import Finding, Review, ReviewAnswer
from tests.factories import (
    PASSWORD,
    make_instance,
    make_prediction,
    make_study,
    make_user,
    scored_study,
    start,
)
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db
SIGN = {"finding": "present", "password": PASSWORD}
AMEND = {
    "finding": "absent", "reason_code": "FP_device", "amend_reason": "x", "password": PASSWORD,
}  # fmt: skip


def at(study, part: str = "") -> str:
    return f"{API}/studies/{study}{part}"


def sign(user, study, body=SIGN, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return client_of(user).post(at(study, "/reviews"), body, format="json", headers=headers)


def amend(user, review_id, body=AMEND, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    path = f"{API}/reviews/{review_id}/amend"
    return client_of(user).post(path, body, format="json", headers=headers)


class TestVersions:
    def test_every_image_answer_and_review_makes_a_new_version(self, site, reviewer, deployed):
        study = make_study(site)
        seen = [etag_of(study)]
        instance = make_instance(study)
        seen.append(etag_of(study))
        prediction = make_prediction(instance)
        seen.append(etag_of(study))
        running = start(prediction)
        assert etag_of(study) == seen[-1]  # that it runs is no news to a reader
        complete_prediction(running, Answer(outcome="scored", score=0.9, finding="present"))
        seen.append(etag_of(study))
        first = sign(reviewer, study)
        seen.append(etag_of(study))
        assert first["ETag"] == seen[-1]
        amended = amend(reviewer, first.json()["id"], If_Match=first["ETag"])
        assert amended.status_code == 201
        seen.append(etag_of(study))
        assert len(set(seen)) == len(seen)


class TestIfNoneMatch:
    @pytest.mark.parametrize("part", ["", "/results"])
    @pytest.mark.parametrize("wanted", ["{0}", "W/{0}", '"x", {0}', "*", '{0}, "x"'])
    def test_what_the_client_has_is_not_sent_again(self, site, reader, part, wanted):
        study, client = scored_study(site), client_of(reader)
        etag = client.get(at(study, part))["ETag"]
        response = client.get(at(study, part), headers={"If-None-Match": wanted.format(etag)})
        assert (response.status_code, response.content) == (304, b"")
        assert response["ETag"] == etag

    @pytest.mark.parametrize("wanted", ['"x"', "", "nonsense", 'W/"x"', '"*"'])
    def test_anything_else_is_sent(self, site, reader, wanted):
        study = scored_study(site)
        response = client_of(reader).get(at(study), headers={"If-None-Match": wanted})
        assert response.status_code == 200

    def test_a_prediction_that_waits_is_always_sent(self, site, reader):
        study = make_study(site)
        make_prediction(make_instance(study))
        client = client_of(reader)
        etag = client.get(at(study))["ETag"]
        assert client.get(at(study), headers={"If-None-Match": etag}).status_code == 200

    def test_that_nothing_has_changed_is_told_to_those_who_may_see_it(self, site, other_reviewer):
        study = scored_study(site)
        headers = {"If-None-Match": etag_of(study)}
        refused(client_of(other_reviewer).get(at(study), headers=headers), 404, "no_such_study")

    def test_that_somebody_looked_is_recorded_nevertheless(self, site, reader):
        study = scored_study(site)
        client_of(reader).get(at(study), headers={"If-None-Match": "*"})
        assert AuditEvent.objects.filter(action="study.opened").count() == 1


class TestIfMatch:
    @pytest.mark.parametrize("given", ["{0}", '"x", {0}', "*", '{0} , "y"'])
    def test_a_first_review_may_say_what_was_read(self, site, reviewer, given):
        study = scored_study(site)
        response = sign(reviewer, study, If_Match=given.format(etag_of(study)))
        assert response.status_code == 201

    @pytest.mark.parametrize("given", ['"x"', "W/{0}", "nonsense", '"x", "y"', '"*"'])
    def test_another_version_is_stale_and_a_weak_tag_never_matches(self, site, reviewer, given):
        study = scored_study(site)
        refused(sign(reviewer, study, If_Match=given.format(etag_of(study))), 412, "stale")
        assert not Finding.objects.exists()
        (event,) = AuditEvent.objects.filter(action="review.refused")
        assert event.detail["code"] == "stale"

    def test_an_image_that_came_meanwhile_makes_it_stale(self, site, reviewer):
        study = scored_study(site)
        etag = client_of(reviewer).get(at(study))["ETag"]
        make_instance(study)
        refused(sign(reviewer, study, If_Match=etag), 412, "stale")

    def test_without_it_a_study_that_was_reviewed_is_a_conflict(self, site, reviewer):
        study = scored_study(site)
        sign(make_user(site, "reviewer"), study)
        refused(sign(reviewer, study), 409, "already_reviewed")

    @pytest.mark.parametrize("headers", [{}, {"If_Match": "*"}, {"If_Match": ""}])
    def test_an_amendment_must_say_what_was_read(self, site, reviewer, headers):
        first = sign(reviewer, scored_study(site)).json()["id"]
        refused(amend(reviewer, first, **headers), 428, "precondition_required")

    @pytest.mark.parametrize("given", ['"x"', "W/{0}", "nonsense"])
    def test_an_amendment_of_another_version_is_stale(self, site, reviewer, given):
        first = sign(reviewer, scored_study(site))
        given = given.format(first["ETag"])
        refused(amend(reviewer, first.json()["id"], If_Match=given), 412, "stale")


class TestIdempotency:
    def test_a_signature_whose_answer_was_lost_gets_it_again(self, site, reviewer):
        study = scored_study(site)
        headers = {"If_Match": etag_of(study), "Idempotency_Key": "k1"}
        answers = [sign(reviewer, study, **headers) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201] * 3
        assert answers[0].json() == answers[1].json() == answers[2].json()
        assert (Review.objects.count(), Finding.objects.count()) == (1, 1)
        assert AuditEvent.objects.filter(action="review.signed").count() == 1
        assert AuditEvent.objects.filter(action="review.repeated").count() == 2

    def test_an_amendment_too(self, site, reviewer):
        first = sign(reviewer, scored_study(site))
        headers = {"If_Match": first["ETag"], "Idempotency_Key": "k1"}
        answers = [amend(reviewer, first.json()["id"], **headers) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].json() == answers[1].json()
        assert Review.objects.count() == 2

    def test_the_same_key_for_another_review_is_a_conflict(self, site, reviewer):
        study = scored_study(site)
        sign(reviewer, study, Idempotency_Key="k1")
        other = sign(reviewer, scored_study(site), Idempotency_Key="k1")
        refused(other, 409, "idempotency_key_reused")
        changed = sign(reviewer, study, SIGN | {"confidence": 2}, Idempotency_Key="k1")
        refused(changed, 409, "idempotency_key_reused")
        assert Review.objects.count() == 1

    def test_a_key_does_not_open_what_a_password_closes(self, site, reviewer):
        study = scored_study(site)
        sign(reviewer, study, Idempotency_Key="k1")
        wrong = sign(reviewer, study, SIGN | {"password": "not mine"}, Idempotency_Key="k1")
        refused(wrong, 403, "password_wrong")

    def test_keys_of_two_people_are_two_keys(self, site, reviewer):
        sign(reviewer, scored_study(site), Idempotency_Key="k1")
        other = sign(make_user(site, "reviewer"), scored_study(site), Idempotency_Key="k1")
        assert other.status_code == 201

    def test_what_was_refused_may_be_mended_under_the_same_key(self, site, reviewer):
        study = scored_study(site)
        absent = SIGN | {"finding": "absent"}
        refused(sign(reviewer, study, absent, Idempotency_Key="k1"), 422, "reason_missing")
        assert not ReviewAnswer.objects.exists()
        mended = absent | {"reason_code": "FP_device"}
        assert sign(reviewer, study, mended, Idempotency_Key="k1").status_code == 201

    @pytest.mark.parametrize("key", ["", "a b", "x" * 201, "ü"])
    def test_what_is_no_key_is_refused(self, site, reviewer, key):
        study = scored_study(site)
        refused(sign(reviewer, study, Idempotency_Key=key), 400, "malformed_request")
