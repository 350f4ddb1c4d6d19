import json
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from portal.audit.models import AuditEvent
from portal.predictions.models import Prediction
from portal.studies.blobs import store
from portal.studies.models import Instance, Study
from tests.chaos.radiographs import dicom, png
from tests.factories import make_instance, make_prediction, make_study
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db
URL = f"{API}/uploads"
KEYS = [
    "filename", "status", "study_instance_uid", "sop_instance_uid", "prediction", "code", "tag",
    "found", "detail", "remedy",
]  # fmt: skip


def file(content=b"", name="chest.dcm"):
    return SimpleUploadedFile(name, content, "application/octet-stream")


def send(user, *files, headers=None, **fields):
    body = {"files": list(files), **fields}
    return client_of(user).post(URL, body, format="multipart", headers=headers)


def verdicts(response, status=202):
    assert response.status_code == status, response.content
    return response.json()["uploads"]


def refusals():
    return [e.detail["code"] for e in AuditEvent.objects.filter(action="upload.refused")]


def left_over(folder: Path):
    return list((folder / "incoming").iterdir())


@pytest.fixture
def known(site, reader, deployed):
    """Bytes that the site has already: they are answered without the airlock."""
    instance = make_instance(make_study(site, by=reader), content=b"known bytes")
    make_prediction(instance)
    return instance


@pytest.mark.usefixtures("deployed", "portal_airlock")
def test_while_a_cleaner_stands_still_an_upload_is_503(uploader, monkeypatch, own_data_folder):
    monkeypatch.setattr("portal.studies.blobs.HELD_UP_SECONDS", 0.2)
    with store.clearing():
        response = send(uploader, file(png(7)))
    assert refused(response, 503, "storage_unavailable")
    assert response["Retry-After"]
    assert left_over(own_data_folder) == []
    assert not Study.objects.exists()


def test_a_radiograph_as_dicom_and_as_png_is_accepted(portal_airlock, uploader, deployed):
    metadata = [{}, {"age": "4", "sex": "F", "view": "AP", "patient_id": "P-1"}]
    response = send(
        uploader, file(dicom(1)), file(png(2), "chest.png"),
        metadata=json.dumps(metadata), priority="2",
    )  # fmt: skip
    found = verdicts(response)
    assert list(found[0]) == KEYS
    assert [v["status"] for v in found] == ["accepted", "accepted"]
    assert [v["filename"] for v in found] == ["chest.dcm", "chest.png"]
    rows = Prediction.objects.in_bulk([v["prediction"] for v in found])
    assert {(row.state, row.priority) for row in rows.values()} == {("queued", 2)}
    assert Study.objects.get(patient_id="P-1").study_instance_uid == found[1]["study_instance_uid"]
    assert (found[0]["code"], found[0]["remedy"]) == (None, None)


def test_a_study_is_as_urgent_as_its_most_urgent_image(portal_airlock, uploader, deployed):
    study = {"StudyInstanceUID": "2.25.77", "PatientID": "P-1"}
    expected = {"7": 7, "2": 2, "9": 2}
    for seed, (sent, kept) in enumerate(expected.items(), start=50):
        verdicts(send(uploader, file(dicom(seed, **study)), priority=sent))
        assert Study.objects.get().priority == kept


def test_each_file_is_answered_by_itself(portal_airlock, uploader, deployed):
    response = send(uploader, file(dicom(3)), file(b"%PDF-1.7 nonsense", "notes.pdf"))
    accepted, rejected = verdicts(response)
    assert accepted["status"] == "accepted"
    assert (rejected["status"], rejected["prediction"]) == ("refused", None)
    assert rejected["code"]
    assert rejected["detail"]
    assert rejected["remedy"]
    assert Instance.objects.count() == 1
    assert refusals() == [rejected["code"]]


def test_a_prediction_can_be_followed_from_the_answer(portal_airlock, uploader, deployed):
    (verdict,) = verdicts(send(uploader, file(dicom(4))))
    client = client_of(uploader)
    body = client.get(f"{API}/predictions/{verdict['prediction']}").json()
    assert (body["state"], body["place_in_queue"]) == ("queued", 1)
    assert body["study_instance_uid"] == verdict["study_instance_uid"]
    study = client.get(f"{API}/studies/{verdict['study_instance_uid']}").json()
    assert study["instances"][0]["sop_instance_uid"] == verdict["sop_instance_uid"]


def test_a_site_without_a_live_model_is_told_so(portal_airlock, uploader):
    (verdict,) = verdicts(send(uploader, file(dicom(5))))
    assert (verdict["status"], verdict["prediction"]) == ("accepted", None)
    assert verdict["code"] == "no_live_model"


def test_an_airlock_that_does_not_answer_is_worth_another_try(uploader, settings, own_data_folder):
    settings.OVERREAD_AIRLOCK_SOCKET = str(own_data_folder / "run" / "nobody")
    response = send(uploader, file(dicom(6)))
    assert response.status_code == 503
    assert response["Content-Type"] == "application/problem+json"
    assert int(response["Retry-After"]) > 0
    assert Instance.objects.count() == 0
    assert left_over(own_data_folder) == []


def test_the_same_bytes_again_are_a_duplicate(uploader, known):
    (verdict,) = verdicts(send(uploader, file(b"known bytes")))
    assert verdict["status"] == "duplicate"
    assert verdict["sop_instance_uid"] == known.sop_instance_uid
    assert verdict["prediction"] == str(known.predictions.get().pk)
    assert Instance.objects.count() == 1


def test_a_team_mate_and_an_outsider_send_to_their_own_site(
    portal_airlock, reader, pacs_admin, other_reviewer, deployed
):
    content = dicom(7)
    statuses = [
        verdicts(send(user, file(content)))[0]["status"]
        for user in (reader, pacs_admin, other_reviewer)
    ]
    assert statuses == ["accepted", "duplicate", "accepted"]
    assert Instance.objects.filter(site=reader.site).count() == 1
    assert Instance.objects.filter(site=other_reviewer.site).count() == 1


def test_who_may_not_upload_is_refused_on_the_record(auditor, data_scientist, site_admin):
    for user in (auditor, data_scientist, site_admin):
        refused(send(user, file(b"x")), 403, "may_not_upload")
    assert refusals() == ["may_not_upload"] * 3


def test_a_stranger_leaves_nothing_on_the_disk(db, own_data_folder):
    response = APIClient().post(URL, {"files": file(b"x" * 100_000)}, format="multipart")
    refused(response, 401, "not_signed_in")
    assert left_over(own_data_folder) == []


def test_all_refused_is_422_with_the_same_list(uploader, own_data_folder):
    body = refused(send(uploader, file(), file(b"", "two.dcm")), 422, "all_refused")
    assert [v["status"] for v in body["uploads"]] == ["refused", "refused"]
    assert [v["code"] for v in body["uploads"]] == ["empty_file", "empty_file"]
    assert list(body["uploads"][0]) == KEYS
    assert refusals() == ["empty_file", "empty_file"]
    assert left_over(own_data_folder) == []


def test_one_known_file_among_refused_ones_is_202(uploader, known):
    found = verdicts(send(uploader, file(), file(b"known bytes")))
    assert [v["status"] for v in found] == ["refused", "duplicate"]


def test_the_same_key_again_gets_the_same_answer(portal_airlock, uploader, deployed):
    key = {"Idempotency-Key": "abc-123"}
    content = dicom(8)
    first = verdicts(send(uploader, file(content), headers=key))
    again = verdicts(send(uploader, file(content), headers=key))
    assert again == first
    assert Prediction.objects.count() == 1


def test_the_same_key_for_something_else_is_a_conflict(uploader, known, own_data_folder):
    key = {"Idempotency-Key": "abc-123"}
    send(uploader, file(b"known bytes"), headers=key)
    other = send(uploader, file(b"other bytes"), headers=key)
    refused(other, 409, "idempotency_key_reused")
    assert refusals() == ["idempotency_key_reused"]
    assert left_over(own_data_folder) == []


def test_a_key_belongs_to_a_person(uploader, reader, known):
    key = {"Idempotency-Key": "abc-123"}
    send(uploader, file(b"known bytes"), headers=key)
    assert verdicts(send(reader, file(), headers=key), 422)[0]["code"] == "empty_file"


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "é", "a\tb"])
def test_what_cannot_be_a_key_is_refused(uploader, key):
    response = send(uploader, file(b"x"), headers={"Idempotency-Key": key})
    refused(response, 400, "malformed_request")


def test_no_file_is_malformed(uploader):
    response = client_of(uploader).post(URL, {"priority": "5"}, format="multipart")
    refused(response, 400, "malformed_request")
    assert refusals() == ["malformed_request"]


def test_a_file_in_another_field_is_malformed(uploader, own_data_folder):
    response = client_of(uploader).post(
        URL, {"files": file(b"x"), "metadata": file(b"[]")}, format="multipart"
    )
    refused(response, 400, "malformed_request")
    assert left_over(own_data_folder) == []


@pytest.mark.parametrize("kind", ["application/json", "application/dicom", "text/plain"])
def test_what_is_not_multipart_is_refused(uploader, kind):
    response = client_of(uploader).post(URL, b'{"files": []}', content_type=kind)
    refused(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=" + "x" * 201, b"x"),
        ("multipart/form-data; boundary=b", b"nonsense"),
        ("multipart/form-data; boundary=\xff", b"x"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="files"'),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nhalf',
        ),
    ],
)
def test_a_broken_multipart_body_is_malformed(uploader, kind, body, own_data_folder):
    refused(client_of(uploader).post(URL, body, content_type=kind), 400, "malformed_request")
    assert left_over(own_data_folder) == []


def test_too_large_a_request_is_refused_unread(uploader, settings, own_data_folder):
    settings.OVERREAD_MAX_UPLOAD_BYTES = 10_000
    refused(send(uploader, file(b"x" * 20_000)), 413, "too_large")
    assert left_over(own_data_folder) == []


def test_too_many_files_are_refused(uploader, settings, own_data_folder):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    refused(send(uploader, *[file(b"x", f"{n}.dcm") for n in range(3)]), 413, "too_large")
    assert left_over(own_data_folder) == []


@pytest.mark.parametrize(
    ("metadata", "status", "code"),
    [
        ("{", 422, "metadata_invalid"),
        ("{}", 422, "metadata_invalid"),
        ("[]", 422, "metadata_invalid"),
        ("[{}, {}]", 422, "metadata_invalid"),
        ("[NaN]", 422, "metadata_invalid"),
        ('[{"age": "4", "age": "5"}]', 422, "metadata_invalid"),
        ('[{"age": "\\ud800"}]', 422, "metadata_invalid"),
        ("[" * 100_000, 422, "metadata_invalid"),
        ("[7]", 422, "invalid_input"),
        ("[null]", 422, "invalid_input"),
        ('[{"age": 4}]', 422, "invalid_input"),
        ('[{"patient_id": "a\\u0000b"}]', 422, "invalid_input"),
        ('[{"patientid": "P-1"}]', 422, "unknown_field"),
        ('[{"site": "other"}]', 422, "unknown_field"),
    ],
)
def test_metadata_that_cannot_be_meant_is_refused(uploader, metadata, status, code):
    refused(send(uploader, file(b"x"), metadata=metadata), status, code)
    assert refusals() == [code]


def test_a_value_that_is_no_age_is_refused_with_the_file(uploader):
    body = refused(send(uploader, file(b"x"), metadata='[{"age": "old"}]'), 422, "all_refused")
    (verdict,) = body["uploads"]
    assert (verdict["code"], verdict["tag"]) == ("metadata_invalid", "age")


@pytest.mark.parametrize("priority", ["-1", "10", "x", "", "1.5", "9" * 5000])
def test_a_priority_is_0_to_9(uploader, priority):
    refused(send(uploader, file(b"x"), priority=priority), 422, "invalid_input")


def test_an_unknown_field_is_refused(uploader):
    body = refused(send(uploader, file(b"x"), urgency="high"), 422, "unknown_field")
    assert "'urgency'" in body["title"]


def test_a_field_given_twice_is_refused(uploader):
    response = send(uploader, file(b"x"), priority=["1", "2"])
    refused(response, 400, "malformed_request")


def test_a_session_uploads_with_the_csrf_token(uploader, known, own_data_folder):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(uploader)
    body = {"files": file(b"known bytes")}
    refused(client.post(URL, body, format="multipart"), 403, "forbidden")
    assert left_over(own_data_folder) == []
    token = str(client.get(f"{API}/docs/").context["csrf_token"])
    for send_token in ({"headers": {"X-CSRFToken": token}}, {}):
        fields = {"files": file(b"known bytes")}
        if not send_token:
            fields["csrfmiddlewaretoken"] = token
        response = client.post(URL, fields, format="multipart", **send_token)
        assert verdicts(response)[0]["status"] == "duplicate"
