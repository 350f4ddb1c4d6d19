from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.predictions.models import Prediction
from portal.predictions.services import Answer
from portal.reviews.selectors import current_review
from portal.reviews.services import Read, amend_review, sign_review
from portal.studies import access_services
from portal.studies.models import Study
from tests.factories import (
    DISCLAIMER,
    PASSWORD,
    failed_study,
    finish,
    make_instance,
    make_prediction,
    make_study,
    not_applicable_study,
    scored_study,
)
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db


def uids(response) -> list[str]:
    assert response.status_code == 200, response.content
    return [row["study_instance_uid"] for row in response.json()["studies"]]


def events(action) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action))


def test_a_reader_lists_the_studies_of_the_site_newest_first(site, other_site, reader):
    older, newer = scored_study(site), not_applicable_study(site)
    scored_study(other_site)
    assert uids(client_of(reader).get(f"{API}/studies")) == [str(newer), str(older)]


def test_an_uploader_lists_only_what_they_sent(site, uploader, reader):
    own = scored_study(site, by=uploader)
    scored_study(site, by=reader)
    assert uids(client_of(uploader).get(f"{API}/studies")) == [str(own)]


def test_an_outsider_lists_nothing(site, other_reviewer):
    scored_study(site)
    assert uids(client_of(other_reviewer).get(f"{API}/studies")) == []


def test_roles_without_patients_list_nothing(site, auditor, data_scientist, site_admin):
    for user in (auditor, data_scientist, site_admin):
        refused(client_of(user).get(f"{API}/studies"), 403, "forbidden")


def test_a_row_shows_its_leading_prediction_with_the_disclaimer(site, reader):
    study = scored_study(site, "absent", 0.2)
    make_prediction(make_instance(study))
    (row,) = client_of(reader).get(f"{API}/studies").json()["studies"]
    assert row["report_status"] == "partial"
    assert row["prediction"]["score"] == 0.2
    assert row["prediction"]["disclaimer"] == DISCLAIMER
    assert (row["read_as"], row["modality"]) == (None, "CR")


def test_a_study_without_a_prediction_has_none(site, reader):
    make_instance(make_study(site))
    (row,) = client_of(reader).get(f"{API}/studies").json()["studies"]
    assert row["prediction"] is None
    assert row["report_status"] == "registered"


def test_the_list_can_be_narrowed(site, reader, reviewer):
    scored, refused_view, waiting = scored_study(site), not_applicable_study(site), make_study(site)
    sign_review(study=scored, read=Read("present"), password=PASSWORD, by=reviewer)
    client = client_of(reader)
    assert uids(client.get(f"{API}/studies?report_status=final")) == [str(scored)]
    unread = uids(client.get(f"{API}/studies?report_status=registered"))
    assert sorted(unread) == sorted([str(waiting), str(refused_view)])
    assert uids(client.get(f"{API}/studies?outcome=not_applicable")) == [str(refused_view)]
    assert uids(client.get(f"{API}/studies?outcome=scored&report_status=partial")) == []


def test_the_list_can_start_after_a_moment(site, reader):
    old, new = scored_study(site), scored_study(site)
    moment = timezone.now() - timedelta(days=2)
    Study.objects.filter(pk=old.pk).update(received_at=moment - timedelta(hours=1))
    found = client_of(reader).get(f"{API}/studies", {"received_after": moment.isoformat()})
    assert uids(found) == [str(new)]


def test_pages_neither_skip_nor_repeat(site, reader):
    expected = [str(make_study(site)) for _ in range(5)][::-1]
    client, cursor, seen = client_of(reader), "", []
    for _ in range(3):
        page = client.get(f"{API}/studies?limit=2{cursor}").json()
        seen += [row["study_instance_uid"] for row in page["studies"]]
        make_study(site)  # what arrives meanwhile is on no later page
        cursor = f"&cursor={page['next']}"
    assert seen == expected
    assert page["next"] is None


@pytest.mark.parametrize(
    "query",
    [
        "unknown=1", "report_status=done", "report_status=", "outcome=SCORED", "limit=0",
        "limit=201", "limit=x", "limit=1&limit=2", "received_after=yesterday",
        "received_after=0001-01-01T00:00:00%2B23:59", "cursor=1", "cursor=1-2-3", "cursor=%00",
        "cursor=99999999999999999999-1", "cursor=a-b", "outcome=%00", "patient_id=P00001",
        "received_after=%EF%BF%BF", "%00=1", "%ff=%fe", "format=xml", "cursor=%D9%A1-1",
    ],
)  # fmt: skip
def test_a_bad_query_is_refused(reader, query):
    refused(client_of(reader).get(f"{API}/studies?{query}"), 400, "malformed_request")


def test_the_number_of_queries_does_not_grow(site, reader, django_assert_num_queries):
    client = client_of(reader)
    for _ in range(2):
        for _ in range(3):
            scored_study(site)
            make_prediction(make_instance(make_study(site)))
        # token and its siblings, roles, studies, their columns, predictions, leases, site, and
        # the event in 6
        with django_assert_num_queries(14):
            client.get(f"{API}/studies")


@pytest.mark.parametrize("part", ["", "/results", "/history"])
def test_a_study_takes_as_many_queries_however_much_was_said(site, reader, reviewer, part):
    study, client = scored_study(site), client_of(reader)
    sign_review(study=study, read=Read("present"), password=PASSWORD, by=reviewer)
    client.get(f"{API}/studies/{study}{part}")
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            client.get(f"{API}/studies/{study}{part}")
        counts.append(len(captured))
        for _ in range(3):
            make_prediction(make_instance(study))
        review = current_review(study)
        read = Read("absent", reason_code="FP_effusion")
        amend_review(review=review, read=read, amend_reason="Again", password=PASSWORD, by=reviewer)
    assert counts[0] == counts[1]


def test_the_list_is_audited_without_patients(site, reader):
    scored_study(site)
    client_of(reader).get(f"{API}/studies?outcome=scored")
    (event,) = events("studies.searched")
    assert (event.actor, event.detail) == ("reader", {"fields": ["outcome"], "found": 1})


def search(user, **words):
    return client_of(user).post(f"{API}/studies/search", words, format="json")


def test_a_search_finds_by_id_name_and_accession(site, reader):
    study = make_study(site, patient_id="P-77", patient_name="Example^Ada", accession_number="A-1")
    make_study(site, patient_id="P-777", patient_name="Other^Eve", accession_number="A-12")
    for words in (
        {"patient_id": "P-77"},
        {"patient_name": "ada"},
        {"accession_number": "A-1"},
        {"patient_id": "P-77", "patient_name": "Example"},
    ):
        assert uids(search(reader, **words)) == [str(study)], words
    assert uids(search(reader, patient_id="P-77", patient_name="Eve")) == []


def test_a_search_stays_at_the_site(site, uploader, reader, other_reviewer):
    make_study(site, patient_id="P-77", by=reader)
    assert uids(search(other_reviewer, patient_id="P-77")) == []
    assert uids(search(uploader, patient_id="P-77")) == []
    assert len(uids(search(reader, patient_id="P-77"))) == 1


def test_a_search_is_audited_and_logged_without_its_words(site, reader, caplog):
    caplog.set_level("DEBUG")
    make_study(site, patient_id="CANARY-1", patient_name="CANARY^TWO")
    caplog.clear()  # what the test itself stored
    search(reader, patient_id="CANARY-1", patient_name="CANARY")
    refused(search(reader, patient_id="CANARY-1", patient_name=["CANARY"]), 422, "invalid_input")
    assert "CANARY" not in "".join(record.getMessage() for record in caplog.records)
    (event,) = events("studies.searched")
    assert event.detail == {"fields": ["patient_id", "patient_name"], "found": 1}
    assert "CANARY" not in str(event) + str(event.detail) + event.subject


def test_a_search_by_nothing_is_refused(reader):
    refused(search(reader), 422, "nothing_to_search")


def test_a_search_by_an_unknown_field_is_refused(reader):
    body = refused(search(reader, patient="P-77"), 422, "unknown_field")
    assert "'patient'" in body["title"]


@pytest.mark.parametrize(
    "words",
    [
        {"patient_id": 7}, {"patient_id": ["P"]}, {"patient_id": None}, {"patient_id": ""},
        {"patient_id": "x" * 65}, {"patient_name": "a\0b"}, {"patient_name": {}},
    ],
)  # fmt: skip
def test_a_search_for_what_is_no_text_is_refused(reader, words):
    body = refused(search(reader, **words), 422, "invalid_input")
    assert set(body["invalid"]) == set(words)


def test_a_search_is_paged(site, reader):
    studies = [str(make_study(site, patient_id="P-77")) for _ in range(3)][::-1]
    client, url = client_of(reader), f"{API}/studies/search"
    first = client.post(f"{url}?limit=2", {"patient_id": "P-77"}, format="json")
    cursor = first.json()["next"]
    rest = client.post(f"{url}?limit=2&cursor={cursor}", {"patient_id": "P-77"}, format="json")
    assert [uids(first), uids(rest)] == [studies[:2], studies[2:]]
    assert "P-77" not in cursor


def test_no_address_takes_a_patient(reader):
    response = client_of(reader).get(f"{API}/studies/search?patient_id=P-77")
    refused(response, 405, "method_not_allowed")
    response = client_of(reader).post(f"{API}/studies/search?patient_id=P-77")
    refused(response, 400, "malformed_request")


def test_a_study_shows_everything_that_was_said_of_it(site, reader, reviewer):
    study = scored_study(site, "present", 0.87)
    read = Read("absent", reason_code="FP_effusion", comment="Effusion.", confidence=4)
    sign_review(study=study, read=read, password=PASSWORD, by=reviewer)
    response = client_of(reader).get(f"{API}/studies/{study}")
    body = response.json()
    assert body["report_status"] == "final"
    assert body["patient_id"] == study.patient_id
    (prediction,) = body["predictions"]
    assert (prediction["score"], prediction["disclaimer"]) == (0.87, DISCLAIMER)
    (review,) = body["reviews"]
    assert (review["finding"], review["shown"], review["is_override"]) == (
        "absent",
        "present",
        True,
    )
    assert (review["reason_code"], review["reviewer"]) == ("FP_effusion", "reviewer")
    (instance,) = body["instances"]
    assert instance["sop_instance_uid"] == prediction["sop_instance_uid"]
    assert response["ETag"].startswith('"')
    assert response["Cache-Control"] == "no-store"


def test_an_uploader_sees_their_own_images_of_a_shared_study(site, uploader, reader):
    study = scored_study(site, "present", 0.87, by=reader)
    own = make_instance(study, by=uploader)
    make_prediction(own)
    body = client_of(uploader).get(f"{API}/studies/{study}").json()
    uid = own.sop_instance_uid
    assert [row["sop_instance_uid"] for row in body["instances"]] == [uid]
    assert [row["sop_instance_uid"] for row in body["predictions"]] == [uid]
    (row,) = client_of(uploader).get(f"{API}/studies").json()["studies"]
    assert row["prediction"]["sop_instance_uid"] == uid


@pytest.mark.parametrize("part", ["", "/results", "/history"])
def test_an_outsider_finds_no_study(site, uploader, reader, other_reviewer, part):
    study = scored_study(site, by=reader)
    for user in (other_reviewer, uploader):
        response = client_of(user).get(f"{API}/studies/{study}{part}")
        refused(response, 404, "no_such_study")
    assert client_of(reader).get(f"{API}/studies/{study}{part}").status_code == 200


@pytest.mark.parametrize("part", ["", "/results", "/history"])
def test_roles_without_patients_are_refused(site, auditor, data_scientist, part):
    study = scored_study(site)
    for user in (auditor, data_scientist):
        refused(client_of(user).get(f"{API}/studies/{study}{part}"), 403, "forbidden")


@pytest.mark.parametrize("bad", ["1", "1.02", "1.2.3%0A", "%00", "1.2.3'", "..", "a.b", "1.2%002"])
def test_what_is_no_uid_is_not_found(reader, bad):
    refused(client_of(reader).get(f"{API}/studies/{bad}"), 404, "not_found")


def test_opening_is_audited_once_a_quarter_of_an_hour(site, reader, reviewer):
    study = scored_study(site)
    client = client_of(reader)
    for part in ("", "/results", "/history", ""):
        client.get(f"{API}/studies/{study}{part}")
    client_of(reviewer).get(f"{API}/studies/{study}")
    opened = events("study.opened")
    assert [(e.actor, e.subject) for e in opened] == [
        ("reader", f"study:{study}"),
        ("reviewer", f"study:{study}"),
    ]


def test_opening_again_later_is_audited_again(site, reader, monkeypatch):
    study = scored_study(site)
    client = client_of(reader)
    client.get(f"{API}/studies/{study}")
    monkeypatch.setattr(access_services, "A_LOOK", timedelta(0))
    client.get(f"{API}/studies/{study}")
    assert len(events("study.opened")) == 2


def test_a_refused_look_is_not_an_opening(site, other_reviewer):
    client_of(other_reviewer).get(f"{API}/studies/{scored_study(site)}")
    assert events("study.opened") == []


def test_the_results_are_the_standing_review_and_the_predictions(site, reader, reviewer):
    study = scored_study(site, "present", 0.87)
    client = client_of(reader)
    before = client.get(f"{API}/studies/{study}/results").json()
    assert (before["report_status"], before["review"]) == ("partial", None)
    sign_review(study=study, read=Read("present"), password=PASSWORD, by=reviewer)
    after = client.get(f"{API}/studies/{study}/results").json()
    assert (after["report_status"], after["review"]["finding"]) == ("final", "present")
    assert after["predictions"][0]["disclaimer"] == DISCLAIMER


def test_the_history_tells_what_happened_in_order(site, uploader, reviewer):
    study = scored_study(site, by=uploader)
    sign_review(study=study, read=Read("present"), password=PASSWORD, by=reviewer)
    body = client_of(reviewer).get(f"{API}/studies/{study}/history").json()
    assert sorted((entry["event"], entry["by"]) for entry in body["history"]) == [
        ("instance.received", "uploader"),
        ("prediction.completed", None),
        ("prediction.requested", "uploader"),
        ("review.signed", "reviewer"),
    ]
    moments = [entry["at"] for entry in body["history"]]
    assert moments == sorted(moments)
    assert body["history"][-1]["what"] == "present"


def test_the_etag_changes_with_the_prediction_and_the_review(site, reader, reviewer):
    study = make_study(site)
    client = client_of(reader)

    def tag() -> str:
        return client.get(f"{API}/studies/{study}")["ETag"]

    tags = [tag(), tag()]
    prediction = make_prediction(make_instance(study))
    finish(prediction, Answer(outcome="scored", score=0.9, finding="present"))
    tags.append(tag())
    sign_review(study=study, read=Read("present"), password=PASSWORD, by=reviewer)
    tags.append(tag())
    assert tags[0] == tags[1]
    assert len(set(tags)) == 3
    assert Prediction.objects.count() == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=done", 2), ("state=failed", 1), ("state=queued", 1), ("state=cancelled", 0),
        ("modality=CR", 5), ("modality=DX", 0), ("modality=cr", 0),
        ("received_after=2001-01-01T00:00:00Z", 5), ("received_before=2001-01-01T00:00:00Z", 0),
        ("received_before=2999-01-01", 5), ("state=done&outcome=scored", 1),
        ("outcome=not_applicable&report_status=registered&modality=CR", 1),
    ],
)  # fmt: skip
def test_a_list_is_narrowed(site, reader, query, found):
    scored_study(site)
    not_applicable_study(site)
    failed_study(site)
    make_prediction(make_instance(make_study(site)))
    make_instance(make_study(site))
    response = client_of(reader).get(f"{API}/studies?{query}")
    assert len(response.json()["studies"]) == found
    (event,) = AuditEvent.objects.filter(action="studies.searched")
    assert event.detail["fields"] == sorted(part.split("=")[0] for part in query.split("&"))


def test_narrowed_pages_neither_skip_nor_repeat(site, reader):
    kept = [str(scored_study(site)) for _ in range(5)]
    for _ in range(3):
        failed_study(site)
    client, cursor, found = client_of(reader), "", []
    while cursor is not None:
        page = client.get(f"{API}/studies?limit=2&outcome=scored{cursor}").json()
        found += [study["study_instance_uid"] for study in page["studies"]]
        scored_study(site)  # newer than where the page began: no part of what is left
        cursor = f"&cursor={page['next']}" if page["next"] else None
    assert found == kept[::-1]
