"""The version of the interface, as a media type."""

import json

import pytest

from tests.factories import scored_study
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db
V1 = "application/vnd.overread.v1+json"
SEARCH = f"{API}/studies/search"


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        (V1, V1),
        (f"{V1};q=0.9", V1),
        (f"text/html, {V1}", V1),
        (f"{V1}, application/problem+json", V1),
    ],
)
def test_who_asks_for_a_version_is_told_that_it_is_what_they_got(reader, accept, answered):
    headers = {"Accept": accept} if accept else {}
    response = client_of(reader).get(f"{API}/models", headers=headers)
    assert response.status_code == 200
    assert response["Content-Type"].split(";")[0] == answered
    assert "models" in response.json()


@pytest.mark.parametrize(
    "accept", ["application/vnd.overread.v2+json", "application/vnd.overread+json", "text/csv"]
)
def test_another_version_is_not_acceptable(reader, accept):
    response = client_of(reader).get(f"{API}/models", headers={"Accept": accept})
    refused(response, 406, "not_acceptable")


def test_a_refusal_is_a_problem_whatever_version_was_asked_for(reader):
    response = client_of(reader).get(f"{API}/studies/1.2.3", headers={"Accept": V1})
    refused(response, 404, "no_such_study")


def test_a_body_may_be_called_by_the_version_too(site, reader):
    study = scored_study(site)
    words = json.dumps({"patient_id": study.patient_id})
    response = client_of(reader).post(SEARCH, words, content_type=V1)
    assert len(response.json()["studies"]) == 1
    other = "application/vnd.overread.v2+json"
    refused(
        client_of(reader).post(SEARCH, words, content_type=other), 415, "unsupported_media_type"
    )
    strict = client_of(reader).post(SEARCH, '{"patient_id": NaN}', content_type=V1)
    refused(strict, 400, "malformed_request")


def test_the_document_names_both(client):
    document = client.get(f"{API}/openapi.json").json()
    for verbs in document["paths"].values():
        for operation in verbs.values():
            for code, response in operation["responses"].items():
                if code < "300" and "content" in response:
                    assert list(response["content"]) == ["application/json", V1]
