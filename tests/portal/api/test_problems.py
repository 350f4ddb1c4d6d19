"""What no door should ever answer with a stack trace."""

import pytest
from rest_framework.test import APIClient

from portal.api.problems import handle
from portal.errors import Unavailable
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db
SEARCH = f"{API}/studies/search"


def send(user, body, content_type="application/json"):
    return client_of(user).post(SEARCH, body, content_type=content_type)


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"nonsense", b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"patient_id": NaN}',
        b'{"patient_id": Infinity}', b'{"patient_id": -Infinity}', b'{"patient_id": 1e999}',
        b'{"patient_id": "P", "patient_id": "Q"}', b'{"patient_id": "\\ud800"}',
        b'{"\\udfff": "P"}', b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000, b"{} {}",
        b'{"patient_id": "a\tb"}',
    ],
)  # fmt: skip
def test_what_is_not_json_is_malformed(reader, body):
    refused(send(reader, body), 400, "malformed_request")


@pytest.mark.parametrize("body", [b"[]", b'"P-77"', b"7", b"null", b"true"])
def test_json_that_is_no_object_is_refused(reader, body):
    response = send(reader, body)
    assert response.status_code == 422, response.content
    assert response["Content-Type"] == "application/problem+json"


def test_nested_lists_where_text_belongs_are_refused(reader):
    refused(send(reader, b'{"patient_id": ' + b"[" * 500 + b"]" * 500 + b"}"), 422, "invalid_input")


def test_a_large_body_is_refused_before_it_is_parsed(reader, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    refused(send(reader, b'{"patient_id": "' + b"x" * 100 + b'"}'), 413, "too_large")
    assert send(reader, b'{"patient_id": "x"}').status_code == 200


def test_another_media_type_is_refused(reader):
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded", "nonsense"):
        refused(send(reader, b"patient_id=P", kind), 415, "unsupported_media_type")


def test_an_unknown_field_is_named_and_defused(reader):
    body = refused(send(reader, b'{"<script>\\u0000\\u202e": 1}'), 422, "unknown_field")
    assert "\\x00\\u202e" in body["title"]


def test_a_client_that_accepts_no_json_is_told_so(reader):
    response = client_of(reader).get(f"{API}/models", headers={"Accept": "text/csv"})
    refused(response, 406, "not_acceptable")


def test_an_unknown_verb_is_refused(reader):
    response = client_of(reader).generic("BREW", f"{API}/models")
    refused(response, 405, "method_not_allowed")
    assert "GET" in response["Allow"]


@pytest.mark.parametrize("path", ["nothing", "studies/", "uploads/7", "%00", "%ff", "predictions"])
def test_an_unknown_address_is_a_problem_too(reader, path):
    for verb in ("get", "post", "delete", "options"):
        refused(getattr(client_of(reader), verb)(f"{API}/{path}"), 404, "not_found")
    refused(APIClient().get(f"{API}/{path}"), 404, "not_found")


def test_what_is_away_for_a_while_says_when_to_come_again():
    response = handle(Unavailable("The airlock does not answer."), {})
    assert response is not None
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert response.data["code"] == "unavailable"


def test_a_bug_is_not_dressed_up():
    assert handle(ZeroDivisionError(), {}) is None


def test_what_a_person_is_signed_in_to_see_is_not_cached(reader):
    client = client_of(reader)
    assert client.get(f"{API}/studies")["Cache-Control"] == "no-store"
    assert client.get(f"{API}/studies/1.2.3")["Cache-Control"] == "no-store"
