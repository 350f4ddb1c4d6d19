"""What the domain refuses, as HTTP says it."""

import json

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import RequestFactory

from portal import errors
from portal.http.refusals import RefusalMiddleware, status_of

EXPECTED = {
    errors.InvalidInput: 422,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Stale: 412,
    errors.PreconditionRequired: 428,
    errors.LengthRequired: 411,
    errors.TooLarge: 413,
    errors.TooManyRequests: 429,
    errors.Unavailable: 503,
}


def answer(path, error):
    request = RequestFactory().get(path)
    request.user = AnonymousUser()
    return RefusalMiddleware(lambda r: HttpResponse()).process_exception(request, error)


@pytest.mark.parametrize(("kind", "status"), EXPECTED.items())
def test_every_kind_of_refusal_has_its_status(kind, status):
    assert status_of(kind("no")) == status


def test_every_kind_of_refusal_is_mapped():
    kinds = {k for k in errors.PortalError.__subclasses__() if k.__module__ == errors.__name__}
    assert kinds == set(EXPECTED)


@pytest.mark.parametrize(("kind", "status"), EXPECTED.items())
def test_the_api_answers_with_a_problem_document(kind, status):
    response = answer("/api/v1/anything", kind("Say it otherwise."))
    body = json.loads(response.content)
    assert response.status_code == body["status"] == status
    assert response["Content-Type"] == "application/problem+json"
    assert body["title"] == "Say it otherwise."
    assert body["type"] == f"urn:overread:problem:{kind.code}"


def test_a_page_answers_in_words_and_escapes_them():
    response = answer("/studies/1.2.3/", errors.NotFound("<script>alert(1)</script>"))
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")
    assert b"<script>alert(1)" not in response.content


def test_an_outage_says_when_to_come_back():
    assert answer("/api/v1/uploads", errors.Unavailable("no airlock"))["Retry-After"] == "10"


def test_a_bug_is_not_dressed_up_as_a_refusal():
    assert answer("/api/v1/uploads", ValueError("bug")) is None
