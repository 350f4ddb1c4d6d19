"""Clients of the API, and what every refusal must look like."""

from datetime import timedelta
from typing import Any

from rest_framework.test import APIClient

from portal.accounts.models import User
from portal.accounts.services import create_token

API = "/api/v1"


def client_of(user: User, **options: Any) -> APIClient:
    """Return a client that sends a token of ``user``."""
    client = APIClient(**options)
    token = create_token(user=user, lasts=timedelta(hours=1))
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


def refused(response: Any, status: int, code: str) -> dict[str, Any]:
    """Return the problem document of a refusal, checked against its status and code."""
    assert response.status_code == status, response.content[:500]
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert (body["status"], body["code"]) == (status, code), body
    assert body["type"] == f"urn:overread:problem:{code}"
    assert body["title"]
    return body
