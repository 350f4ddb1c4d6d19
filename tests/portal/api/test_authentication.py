from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from portal.accounts.models import RoleGrant, User
from portal.accounts.services import create_token
from tests.factories import scored_study
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db

PRIVATE = [
    ("get", "studies"),
    ("post", "studies/search"),
    ("get", "studies/1.2.3"),
    ("get", "studies/1.2.3/results"),
    ("get", "studies/1.2.3/history"),
    ("post", "studies/1.2.3/reviews"),
    ("post", "reviews/1/amend"),
    ("get", "predictions/0b6c3c2e-5f0e-4d5b-9a55-0c9a3d3b7a10"),
    ("post", "worklist/next"),
    ("post", "worklist/1.2.3/release"),
    ("get", "changes"),
    ("get", "models"),
    ("get", "audit/events"),
    ("get", "audit/verify"),
    ("post", "uploads"),
]


class Untouchable:
    """A body that must not be read."""

    def read(self, *_):
        raise AssertionError("the body was read")

    readline = read


@pytest.mark.parametrize(("verb", "path"), PRIVATE)
def test_a_stranger_is_told_to_sign_in(verb, path):
    response = getattr(APIClient(), verb)(f"{API}/{path}")
    refused(response, 401, "not_signed_in")
    assert response["WWW-Authenticate"] == "Token"


def with_header(value):
    return APIClient().get(f"{API}/models", headers={"Authorization": value})


@pytest.mark.parametrize(
    "header",
    [
        "Token", "Token x", "Token a b", "Token ovr_" + "0" * 64, "Token \xff\xfe", "Token a\0b",
        "Token ovr_" + "0" * 5000, "Token ovr_0000000000000000\n",
    ],
)  # fmt: skip
def test_what_is_no_token_of_ours_is_refused(header):
    refused(with_header(header), 401, "not_signed_in")


def test_another_scheme_is_refused(reviewer):
    token = create_token(user=reviewer, lasts=timedelta(hours=1))
    refused(with_header(f"Bearer {token}"), 401, "not_signed_in")
    assert with_header(f"Token {token}").status_code == 200


def test_an_expired_token_is_refused(reviewer):
    token = create_token(user=reviewer, lasts=timedelta(seconds=-1))
    refused(with_header(f"Token {token}"), 401, "not_signed_in")


def test_a_closed_account_is_refused(reviewer):
    token = create_token(user=reviewer, lasts=timedelta(hours=1))
    User.objects.filter(pk=reviewer.pk).update(is_active=False)
    refused(with_header(f"Token {token}"), 401, "not_signed_in")


def test_a_role_taken_away_counts_from_the_next_request(site, reader):
    scored_study(site)
    client = client_of(reader)
    assert client.get(f"{API}/studies").status_code == 200
    RoleGrant.objects.filter(user=reader).delete()
    refused(client.get(f"{API}/studies"), 403, "forbidden")


def test_a_session_reads(site, reader):
    client = APIClient()
    client.force_login(reader)
    assert client.get(f"{API}/studies").status_code == 200


def test_a_session_writes_only_with_the_csrf_token(reader):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(reader)
    words = {"patient_id": "P-77"}
    refused(client.post(f"{API}/studies/search", words, format="json"), 403, "forbidden")
    token = client.get(f"{API}/docs/").context["csrf_token"]
    headers = {"X-CSRFToken": str(token)}
    response = client.post(f"{API}/studies/search", words, format="json", headers=headers)
    assert response.status_code == 200


def test_a_token_needs_no_csrf_token(reader):
    client = client_of(reader, enforce_csrf_checks=True)
    words = {"patient_id": "P-77"}
    assert client.post(f"{API}/studies/search", words, format="json").status_code == 200


@pytest.mark.parametrize("path", ["uploads", "studies/search", "studies/1.2.3/reviews"])
def test_the_body_of_a_stranger_is_never_read(path):
    body = {
        "wsgi.input": Untouchable(),
        "CONTENT_LENGTH": "1000000",
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
    }
    refused(APIClient().post(f"{API}/{path}", **body), 401, "not_signed_in")
    wrong = body | {"HTTP_AUTHORIZATION": "Token ovr_" + "0" * 64}
    refused(APIClient().post(f"{API}/{path}", **wrong), 401, "not_signed_in")


def test_the_body_of_somebody_who_may_not_upload_is_never_read(auditor):
    body = {
        "wsgi.input": Untouchable(),
        "CONTENT_LENGTH": "1000000",
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
    }
    refused(client_of(auditor).post(f"{API}/uploads", **body), 403, "may_not_upload")


def test_the_trap_works(uploader):
    body = {
        "wsgi.input": Untouchable(),
        "CONTENT_LENGTH": "1000000",
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
    }
    client = client_of(uploader)
    with pytest.raises(AssertionError, match="the body was read"):
        client.post(f"{API}/uploads", **body)
