"""What Django answers by itself is a problem document below /api/ and a page elsewhere."""

import json

import pytest
from django.urls import path

from portal import urls


def broken(_request):
    raise RuntimeError("secret of the inside")


broken.login_required = False


@pytest.fixture
def with_a_bug(monkeypatch, settings):
    """Two routes that break, in a copy of the real ones."""
    routes = [path("api/v1/broken", broken), path("broken/", broken), *urls.urlpatterns]
    monkeypatch.setattr(urls, "urlpatterns", routes)
    from django.urls import clear_url_caches

    clear_url_caches()
    yield
    clear_url_caches()


@pytest.fixture
def quiet(client):
    client.raise_request_exception = False
    return client


@pytest.mark.django_db
@pytest.mark.usefixtures("with_a_bug")
def test_a_bug_below_the_api_is_a_problem_document_that_gives_nothing_away(quiet):
    response = quiet.get("/api/v1/broken")
    assert response.status_code == 500
    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["code"] == "internal_error"
    assert b"secret" not in response.content


@pytest.mark.django_db
@pytest.mark.usefixtures("with_a_bug")
def test_a_bug_in_a_page_is_a_page_that_gives_nothing_away(quiet):
    response = quiet.get("/broken/")
    assert response.status_code == 500
    assert response["Content-Type"].startswith("text/html")
    assert b"secret" not in response.content


@pytest.mark.parametrize("url", ["/api/v1/studies", "/sign-in/"])
def test_a_foreign_host_is_refused_in_the_form_of_the_door(quiet, url, db):
    response = quiet.get(url, headers={"host": "evil.example"})
    assert response.status_code == 400
    kind = "application/problem+json" if url.startswith("/api/") else "text/html"
    assert response["Content-Type"].startswith(kind)


def test_an_api_path_that_leads_nowhere_is_a_problem_document(client, reviewer):
    client.force_login(reviewer)
    response = client.get("/api/v1/nowhere")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
