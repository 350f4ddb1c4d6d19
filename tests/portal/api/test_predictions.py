import uuid

import pytest

from portal.predictions.models import Prediction
from portal.predictions.prevalence_selectors import probability_at
from portal.predictions.prevalence_services import enter_prevalence
from portal.predictions.services import Answer, fail_prediction
from portal.predictions.widening_services import approve_widening, propose_widening
from portal.predictions.wider import Wider
from tests.factories import (
    DISCLAIMER,
    PASSWORD,
    finish,
    make_instance,
    make_prediction,
    make_study,
    make_user,
    not_applicable_study,
    scored_study,
    start,
)
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db


def prediction_in(study) -> Prediction:
    return Prediction.objects.get(instance__series__study=study)


def read(user, prediction):
    return client_of(user).get(f"{API}/predictions/{prediction.pk}")


def test_a_scored_prediction_says_everything(site, uploader, deployed):
    prediction = prediction_in(scored_study(site, "present", 0.87, by=uploader))
    response = read(uploader, prediction)
    assert response.status_code == 200
    body = response.json()
    assert body["id"] == str(prediction.pk)
    assert (body["state"], body["outcome"]) == ("done", "scored")
    assert (body["score"], body["threshold"], body["finding"]) == (0.87, 0.5, "present")
    assert body["model"] == str(deployed)
    assert body["disclaimer"] == DISCLAIMER
    assert (body["attempt"], body["code"], body["prevalence"]) == (1, None, 0.74)
    assert body["place_in_queue"] is None
    assert body["wait_seconds"] >= 0
    assert body["run_seconds"] >= 0


def test_a_waiting_prediction_says_its_place_and_nothing_more(site, uploader, deployed):
    first, second = (
        make_prediction(make_instance(make_study(site, by=uploader))) for _ in range(2)
    )
    places = [read(uploader, row).json()["place_in_queue"] for row in (first, second)]
    assert places == [1, 2]
    body = read(uploader, second).json()
    assert body["state"] == "queued"
    unknown = ("outcome", "score", "threshold", "finding", "run_seconds", "code", "prevalence")
    assert [body[name] for name in unknown] == [None] * 7
    assert body["disclaimer"] == DISCLAIMER


def test_no_number_exists_unless_it_was_scored(site, reader):
    body = read(reader, prediction_in(not_applicable_study(site, code="view"))).json()
    assert (body["state"], body["outcome"], body["code"]) == ("done", "not_applicable", "view")
    assert (body["score"], body["threshold"], body["finding"]) == (None, None, None)
    assert body["detail"] == "Not so."
    assert body["remedy"] == "None."


def test_a_failed_prediction_has_a_code_and_no_outcome(site, reader):
    prediction = start(make_prediction(make_instance(make_study(site))))
    fail_prediction(prediction, Answer(outcome="failed", code="gave_up", detail="Lost."))
    body = read(reader, prediction).json()
    assert (body["state"], body["outcome"], body["code"]) == ("failed", None, "gave_up")


def test_a_team_mate_may_read_it(site, uploader, reader, pacs_admin):
    prediction = prediction_in(scored_study(site, by=uploader))
    assert read(reader, prediction).status_code == 200
    assert read(pacs_admin, prediction).status_code == 200


def test_an_outsider_finds_nothing(site, other_reviewer):
    prediction = prediction_in(scored_study(site))
    refused(read(other_reviewer, prediction), 404, "no_such_prediction")


def test_an_uploader_does_not_see_what_others_sent(site, uploader, reader):
    prediction = prediction_in(scored_study(site, by=reader))
    refused(read(uploader, prediction), 404, "no_such_prediction")


def test_roles_without_patients_are_refused(site, auditor, data_scientist, site_admin):
    prediction = prediction_in(scored_study(site))
    for user in (auditor, data_scientist, site_admin):
        refused(read(user, prediction), 403, "forbidden")


def test_polling_leaves_no_trace(site, reader):
    from portal.audit.models import AuditEvent

    prediction = prediction_in(scored_study(site))
    client = client_of(reader)
    before = AuditEvent.objects.count()
    client.get(f"{API}/predictions/{prediction.pk}")
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize("bad", ["7", "not-a-uuid", "%00", "..%2f..", "0" * 36, "'", "%ff%fe"])
def test_what_is_no_uuid_is_not_found(reader, bad):
    refused(client_of(reader).get(f"{API}/predictions/{bad}"), 404, "not_found")


def test_an_unknown_uuid_is_not_found(reader):
    response = client_of(reader).get(f"{API}/predictions/{uuid.uuid4()}")
    refused(response, 404, "no_such_prediction")


def test_it_cannot_be_written(site, reader):
    prediction = prediction_in(scored_study(site))
    client = client_of(reader)
    for verb in ("post", "put", "patch", "delete"):
        response = getattr(client, verb)(f"{API}/predictions/{prediction.pk}")
        refused(response, 405, "method_not_allowed")


def test_an_unknown_parameter_is_refused(site, reader):
    prediction = prediction_in(scored_study(site))
    response = client_of(reader).get(f"{API}/predictions/{prediction.pk}?threshold=0.1")
    refused(response, 400, "malformed_request")


def test_reading_takes_few_queries(site, reader, django_assert_max_num_queries):
    prediction = prediction_in(scored_study(site))
    client = client_of(reader)
    with django_assert_max_num_queries(5):  # token, its siblings, roles, the row
        client.get(f"{API}/predictions/{prediction.pk}")


def test_what_was_not_known_is_said(site, reader):
    answer = Answer(outcome="scored", score=0.2, finding="absent", unknown=("age", "view"))
    prediction = finish(make_prediction(make_instance(make_study(site))), answer)
    assert read(reader, prediction).json()["unknown"] == ["age", "view"]


def test_it_says_what_a_score_means_and_means_here(site, reader, data_scientist):
    prediction = prediction_in(scored_study(site, "present", 0.87))
    assert read(reader, prediction).json()["score_meaning"] == {"of_100": 87.0, "site": None}
    enter_prevalence(share=0.125, basis="2025.", by=data_scientist)
    there = probability_at(0.87, of=0.74, at=0.125)
    meaning = read(reader, prediction).json()["score_meaning"]
    assert meaning["of_100"] == 87.0
    assert meaning["site"] == {
        "prevalence": 0.125, "probability": pytest.approx(there),
        "of_100": pytest.approx(100 * there, abs=0.05),
    }  # fmt: skip
    enter_prevalence(share=None, basis="Wrong.", by=data_scientist)
    assert read(reader, prediction).json()["score_meaning"]["site"] is None


def test_what_has_no_score_has_no_meaning_either(site, reader, data_scientist):
    enter_prevalence(share=0.125, basis="2025.", by=data_scientist)
    body = read(reader, prediction_in(not_applicable_study(site))).json()
    assert (body["score_meaning"], body["outside_use"], body["widening"]) == (None, [], None)


def test_another_sites_prevalence_changes_nothing(site, other_site, reader):
    enter_prevalence(share=0.01, basis="x", by=make_user(other_site, "data_scientist"))
    assert read(reader, prediction_in(scored_study(site))).json()["score_meaning"]["site"] is None


def test_lists_and_studies_say_the_same_meaning(site, reader, data_scientist):
    enter_prevalence(share=0.125, basis="2025.", by=data_scientist)
    study = scored_study(site)
    said = read(reader, prediction_in(study)).json()["score_meaning"]
    client, uid = client_of(reader), study.study_instance_uid
    assert client.get(f"{API}/studies").json()["studies"][0]["prediction"]["score_meaning"] == said
    for place in (f"studies/{uid}", f"studies/{uid}/results"):
        assert client.get(f"{API}/{place}").json()["predictions"][0]["score_meaning"] == said


def test_a_score_that_came_of_a_widening_says_so(site, deployed, reader, data_scientist, reviewer):
    row = propose_widening(
        version=deployed, wider=Wider(age_years=(0, 17)), why="Ours.", password=PASSWORD,
        by=data_scientist,
    )  # fmt: skip
    row = approve_widening(widening=row, note="Seen.", password=PASSWORD, by=reviewer)
    answer = Answer(
        "scored", score=0.2, finding="absent", widening=row.pk,
        provenance={"outside_use": ["age_outside_range"]},
    )  # fmt: skip
    prediction = finish(make_prediction(make_instance(make_study(site))), answer)
    body = read(reader, prediction).json()
    assert body["outside_use"] == ["age_outside_range"]
    said = body["widening"]
    assert (said["id"], said["youngest"], said["oldest"], said["views"]) == (row.pk, 0, 17, [])
    assert (said["proposed_name"], said["decided_name"]) == (str(data_scientist), str(reviewer))
    assert (said["why"], said["note"]) == ("Ours.", "Seen.")
    assert said["decided_at"].startswith(f"{row.decided_at:%Y-%m-%dT%H:%M}")
