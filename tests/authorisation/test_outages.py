"""Every verb of every route, and the database away at each of its queries: 503, and no other way.

A single query fails, not all from there on: what is swallowed on the way shows up by that.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.urls import reverse

from tests.authorisation.conftest import ANONYMOUS
from tests.authorisation.permissions import ROLES
from tests.authorisation.rows import ROWS, Row
from tests.authorisation.test_matrix import expected
from tests.factories import PASSWORD

_NO_QUERIES = ("SAVEPOINT", "RELEASE", "ROLLBACK")
"""Only there because the test itself is a transaction."""
_CHECK = ' AS "_check"'
"""Django asks whether a constraint holds, and goes on if it hears nothing: INSERT asks again."""


class Fault:
    """Lets one query of a request fail as a lost connection does, and counts them all."""

    def __init__(self, fails_at: int = 0) -> None:
        self._fails_at = fails_at
        self.asked = 0

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if not sql.startswith(_NO_QUERIES) and _CHECK not in sql:
            self.asked += 1
            if self.asked == self._fails_at:
                gone = connection.Database.OperationalError("server closed the connection")
                gone.sqlite_errorcode = sqlite3.SQLITE_IOERR  # what PostgreSQL has no use for
                raise OperationalError("server closed the connection") from gone
        return execute(sql, *rest)


@pytest.fixture
def faulty(world, monkeypatch):
    """Return a function that asks as the matrix does while one query fails."""
    for browser in world.browsers.values():
        monkeypatch.setattr(browser, "raise_request_exception", False)

    def ask(row: Row, who: str, fault: Fault) -> Any:
        client = world.browsers[ANONYMOUS if row.route.startswith("api:") else who]
        honest = client.generic

        def generic(*args: Any, **options: Any) -> Any:
            with connection.execute_wrapper(fault):
                return honest(*args, **options)

        with monkeypatch.context() as patch:
            patch.setattr(client, "generic", generic)
            return world.ask(who, row, row.verb)

    return ask


def who_may(row: Row) -> str:
    """Return the first role that succeeds."""
    return next(who for who in ROLES.values() if expected(row, who, abroad=False) == row.ok)


def unlike_an_outage(answer: Any, route: str) -> str:
    """Return what is wrong with an answer; empty if it says that the database is away."""
    kind = "application/problem+json" if route.startswith("api:") else "text/html"
    if answer.status_code != 503:
        return f"{answer.status_code}"
    if not answer["Content-Type"].startswith(kind):
        return answer["Content-Type"]
    return "" if answer.get("Retry-After") else "without Retry-After"


def check(faulty: Callable[[Row, str, Fault], Any], row: Row, who: str) -> None:
    count = Fault()
    faulty(row, who, count)
    wrong = {}
    for query in range(1, count.asked + 1):
        if found := unlike_an_outage(faulty(row, who, Fault(query)), row.route):
            wrong[f"query {query} of {count.asked}"] = found
    assert wrong == {}, wrong


@pytest.mark.django_db
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.verb} {row.route}")
def test_a_query_that_fails_is_an_outage_at_every_door(row, faulty):
    check(faulty, row, who_may(row))


@pytest.mark.django_db
@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_a_query_that_fails_is_an_outage_for_who_signs_in(password, faulty):
    sent = {"username": "reader", "password": password}
    check(faulty, Row("sign-in", "POST", 302, sent=sent), ANONYMOUS)


@pytest.mark.django_db
@pytest.mark.parametrize("route", ["healthz", "readyz"])
def test_health_asks_for_nobodys_session(route, world, django_assert_num_queries):
    """A browser's cookie must not make the process look dead while the database is."""
    with django_assert_num_queries(0):
        world.browsers["reader"].get(reverse(route))
