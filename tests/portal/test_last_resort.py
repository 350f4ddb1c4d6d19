"""What Django answers by itself is a problem document below /api/ and a page elsewhere."""

import errno
import json
import sqlite3

import psycopg2
import pytest
from django.db import DatabaseError, InterfaceError, InternalError, ProgrammingError
from django.urls import clear_url_caches, path

from portal import urls


def broken(_request):
    raise RuntimeError("secret of the inside")


broken.login_required = False


@pytest.fixture
def with_a_bug(monkeypatch, settings):
    """Two routes that break, in a copy of the real ones."""
    routes = [path("api/v1/broken", broken), path("broken/", broken), *urls.urlpatterns]
    monkeypatch.setattr(urls, "urlpatterns", routes)
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


def outage(cause: Exception) -> Exception:
    """Return what Django makes of an error of a database driver."""
    from django.db import OperationalError

    error = OperationalError("secret of the inside")
    error.__cause__ = cause
    return error


def sqlite_error(code: int) -> Exception:
    error = sqlite3.OperationalError("secret of the inside")
    error.sqlite_errorcode = code
    return error


def postgresql_error(
    code: str | None, kind: type[Exception] = psycopg2.OperationalError
) -> Exception:
    return type("Failed", (kind,), {"pgcode": code})("secret of the inside")


def wrapped(kind: type[Exception], cause: Exception) -> Exception:
    error = kind("secret of the inside")
    error.__cause__ = cause
    return error


AWAY = "database_unavailable"
OUTAGES = [
    (outage(sqlite_error(sqlite3.SQLITE_FULL)), "storage_full"),
    (outage(sqlite_error(sqlite3.SQLITE_BUSY)), AWAY),
    (outage(sqlite_error(sqlite3.SQLITE_IOERR_WRITE)), AWAY),
    (outage(sqlite_error(sqlite3.SQLITE_CANTOPEN)), AWAY),
    (outage(postgresql_error("53100")), "storage_full"),
    (outage(postgresql_error("57P01")), AWAY),
    (outage(postgresql_error(None)), AWAY),
    (InterfaceError("connection already closed"), AWAY),
    # a standby, or a server that was told to take no more writes
    (wrapped(InternalError, postgresql_error("25006", psycopg2.InternalError)), AWAY),
    # the server ended a transaction that stood still for too long
    (wrapped(InternalError, postgresql_error("25P03", psycopg2.InternalError)), AWAY),
    # an answer that broke off: libpq has no code for it
    (wrapped(DatabaseError, psycopg2.DatabaseError("lost synchronization with server")), AWAY),
    (OSError(errno.ENOSPC, "No space left on device"), "storage_full"),
    (OSError(errno.EDQUOT, "Disk quota exceeded"), "storage_full"),
    (OSError(errno.EROFS, "Read-only file system"), "storage_unavailable"),
    (OSError(errno.ESTALE, "Stale file handle"), "storage_unavailable"),
]
BUGS = [
    outage(sqlite_error(sqlite3.SQLITE_ERROR)),  # no such table
    ProgrammingError("no such column"),
    wrapped(InternalError, postgresql_error("25P02", psycopg2.InternalError)),
    DatabaseError("Forced update did not affect any rows."),
    wrapped(DatabaseError, sqlite3.DatabaseError("database disk image is malformed")),
    OSError(errno.EIO, "Input/output error"),
]


@pytest.fixture
def failing(monkeypatch, with_a_bug):
    """Have the two routes raise what is asked for."""

    def fail(error):
        def view(_request):
            raise error

        view.login_required = False
        routes = [path("api/v1/broken", view), path("broken/", view)]
        monkeypatch.setattr(urls, "urlpatterns", [*routes, *urls.urlpatterns[2:]])
        clear_url_caches()

    return fail


@pytest.mark.django_db
@pytest.mark.parametrize(("error", "code"), OUTAGES)
def test_an_outage_of_database_or_disk_is_said_below_the_api(quiet, failing, error, code):
    failing(error)
    response = quiet.get("/api/v1/broken")
    assert response.status_code == 503
    assert response["Retry-After"] == "10"
    assert response["Content-Type"] == "application/problem+json"
    body = json.loads(response.content)
    assert (body["code"], body["status"]) == (code, 503)
    assert b"secret" not in response.content


@pytest.mark.django_db
@pytest.mark.parametrize(("error", "code"), OUTAGES)
def test_an_outage_of_database_or_disk_is_a_page(
    quiet, failing, error, code, django_assert_num_queries
):
    failing(error)
    with django_assert_num_queries(0):
        response = quiet.get("/broken/")
    assert response.status_code == 503
    assert response["Retry-After"] == "10"
    assert ("disk is full" in response.content.decode()) == (code == "storage_full")
    assert b"secret" not in response.content


@pytest.mark.django_db
@pytest.mark.parametrize("error", BUGS)
def test_what_is_a_bug_is_not_called_an_outage(quiet, failing, error):
    failing(error)
    assert quiet.get("/api/v1/broken").status_code == 500
    assert quiet.get("/broken/").status_code == 500
