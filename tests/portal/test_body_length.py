"""What is too long, or does not say how long it is, is refused unread and on the record."""

import pytest
from django.test import Client

from portal.audit.models import AuditEvent
from tests.portal.api.people import API, client_of, refused
from tests.portal.api.test_authentication import Untouchable

pytestmark = pytest.mark.django_db
MULTIPART = {"CONTENT_TYPE": "multipart/form-data; boundary=x", "wsgi.input": Untouchable()}
TOO_LONG = MULTIPART | {"CONTENT_LENGTH": str(10**12)}
LONGER = MULTIPART | {"CONTENT_LENGTH": "9" * 30}
CHUNKED = MULTIPART | {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
JSON = {"CONTENT_TYPE": "application/json"}
CASES = [
    (TOO_LONG, 413, "too_large"),
    (LONGER, 413, "too_large"),
    (CHUNKED, 411, "length_required"),
]


def refusals() -> list[tuple[str, str]]:
    events = AuditEvent.objects.filter(action="upload.refused", outcome="refused")
    return [(event.actor, event.detail["code"]) for event in events]


@pytest.mark.parametrize(("body", "status", "code"), CASES)
class TestUnread:
    def test_a_token_is_refused_with_one_event(self, uploader, body, status, code):
        refused(client_of(uploader).post(f"{API}/uploads", **body), status, code)
        assert refusals() == [("uploader", code)]

    def test_a_session_at_the_page_is_refused_with_one_event(self, uploader, body, status, code):
        client = Client()
        client.force_login(uploader)
        response = client.post("/upload", **body)
        assert response.status_code == status
        assert response["Content-Type"].startswith("text/html")
        assert refusals() == [("uploader", code)]

    def test_a_stranger_is_told_to_sign_in_and_nothing_is_recorded(
        self, client, body, status, code
    ):
        refused(client.post(f"{API}/uploads", **body), 401, "not_signed_in")
        assert client.post("/upload", **body).status_code == status
        assert refusals() == []

    def test_who_may_not_upload_is_told_that_first(self, auditor, body, status, code):
        refused(client_of(auditor).post(f"{API}/uploads", **body), 403, "may_not_upload")
        assert refusals() == [("auditor", "may_not_upload")]


@pytest.mark.parametrize("path", ["studies/search", "studies/1.2.3/reviews"])
def test_a_chunked_json_body_is_refused_rather_than_taken_for_empty(reader, path):
    response = client_of(reader).post(f"{API}/{path}", **CHUNKED | JSON)
    refused(response, 411, "length_required")


@pytest.mark.parametrize("path", [f"{API}/studies/search", "/worklist"])
def test_what_is_no_upload_is_not_recorded_as_one(reader, path):
    client = Client()
    client.force_login(reader)
    assert client.post(path, **CHUNKED | JSON).status_code == 411
    assert refusals() == []


def test_the_intake_records_what_it_refuses_as_a_whole_once(uploader, deployed):
    from tests.portal.api.test_uploads import file, send

    same = {"headers": {"Idempotency-Key": "k"}}
    send(uploader, file(b"no"), **same)
    refused(send(uploader, file(b"other"), **same), 409, "idempotency_key_reused")
    assert refusals().count(("uploader", "idempotency_key_reused")) == 1
