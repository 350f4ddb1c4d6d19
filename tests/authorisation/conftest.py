"""One world for the whole matrix: each question is asked in a transaction that is taken back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client, override_settings

from portal.accounts.services import create_token
from tests.airlock_server import running
from tests.authorisation.permissions import ROLES
from tests.authorisation.routes import address_of
from tests.authorisation.rows import PNG, Row
from tests.authorisation.world import things_of
from tests.factories import make_site, make_user

ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class World:
    """Who asks (a browser and a token for each role), and about what, here and abroad."""

    browsers: dict[str, Client]
    tokens: dict[str, str]
    here: dict[str, Any]
    abroad: dict[str, Any]

    def ask(self, who: str, row: Row, verb: str, *, abroad: bool = False) -> Any:
        """Return the answer of a verb; what it changed is taken back."""
        things = self.abroad if abroad else self.here
        things = things | {name: things[which] for name, which in row.about.items()}
        headers = {name: value.format(**things) for name, value in row.headers.items()}
        client = self.browsers[who]
        if row.route.startswith("api:"):
            client = self.browsers[ANONYMOUS]
            headers |= {"Authorization": f"Token {self.tokens[who]}"} if who in self.tokens else {}
        cookies = {name: morsel.value for name, morsel in client.cookies.items()}
        with transaction.atomic():
            answer = client.generic(
                verb, address_of(row.route, things), headers=headers, **_body(client, row, things)
            )
            if answer.streaming:
                answer.getvalue()  # closing it unread would close the database's connection too
            transaction.set_rollback(True)
        client.cookies.clear()
        client.cookies.load(cookies)
        return answer


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[World]:
    with (
        running(tmp_path_factory.mktemp("airlock") / "airlock.sock") as airlock,
        override_settings(OVERREAD_AIRLOCK_SOCKET=str(airlock.socket)),
        django_db_blocker.unblock(),
        transaction.atomic(),
    ):
        yield _made()
        transaction.set_rollback(True)


def _made() -> World:
    site, other = make_site("demo"), make_site("other")
    people = {role: make_user(site, role, username=role) for role in ROLES.values()}
    browsers = {role: Client() for role in [*people, ANONYMOUS]}
    for role, user in people.items():
        browsers[role].force_login(user)
    return World(
        browsers=browsers,
        tokens={r: create_token(user=u, lasts=timedelta(hours=1)) for r, u in people.items()},
        here=things_of(site, people["reviewer"], people["data_scientist"]),
        abroad=things_of(other, make_user(other, "reviewer"), make_user(other, "data_scientist")),
    )


def _body(client: Client, row: Row, things: dict[str, Any]) -> dict[str, Any]:
    sent = {k: v.format(**things) if isinstance(v, str) else v for k, v in row.sent.items()}
    if not row.form:
        encoded = client._encode_json(sent, "application/json")
        return {"data": encoded, "content_type": "application/json"}
    files = {k: SimpleUploadedFile("chest.png", v) for k, v in sent.items() if v is PNG}
    from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

    return {
        "data": encode_multipart(BOUNDARY, sent | files),
        "content_type": MULTIPART_CONTENT,
    }
