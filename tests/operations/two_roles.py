"""A database with its two roles, made by the script that ships for that."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy/postgres/create-roles.sh"


@dataclass(frozen=True)
class TwoRoles:
    """The three addresses of one database."""

    superuser: str
    owner: str
    runtime: str

    @property
    def env(self) -> dict[str, str]:
        return {"DATABASE_URL": self.runtime, "OVERREAD_OWNER_DATABASE_URL": self.owner}


def create(roles: TwoRoles) -> subprocess.CompletedProcess[str]:
    """Run the script as the server's superuser."""
    server = urlsplit(roles.superuser)
    connection = {"PGHOST": server.hostname, "PGPORT": str(server.port or 5432)}
    connection |= {"PGUSER": server.username, "PGPASSWORD": server.password or ""}
    return subprocess.run(
        [SCRIPT],
        env={"PATH": os.environ["PATH"], **connection, **roles.env},
        capture_output=True,
        text=True,
        check=False,
    )


def run(url: str, statement: str) -> list[tuple]:
    """Run one statement in a transaction of its own and return its rows."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


@contextmanager
def two_roles(server: str) -> Iterator[TwoRoles]:
    """Give a new database with two roles on ``server``; afterwards all three are gone."""
    tag, parts = secrets.token_hex(5), urlsplit(server)
    name = f"overread_roles_{tag}"
    address = f"{parts.hostname}:{parts.port or 5432}"

    def url(role: str) -> str:
        return f"postgresql://{role}_{tag}:{secrets.token_hex(8)}@{address}/{name}"

    superuser = urlunsplit(parts._replace(path=f"/{name}"))
    roles = TwoRoles(superuser, url("owner"), url("runtime"))
    made = create(roles)
    assert made.returncode == 0, made.stderr
    try:
        yield roles
    finally:
        postgres = urlunsplit(parts._replace(path="/postgres"))
        for statement in (
            f'DROP DATABASE "{name}" WITH (FORCE)',
            f"DROP ROLE owner_{tag}",
            f"DROP ROLE runtime_{tag}",
        ):
            run(postgres, statement)
