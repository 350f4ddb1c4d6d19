import pytest
from django.test import Client


@pytest.fixture
def as_(db):
    """Return a function that gives a browser in which somebody is signed in."""

    def signed_in(user) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in
