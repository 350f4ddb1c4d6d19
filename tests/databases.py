"""Databases of a test's own. A migrated one is a copy: to migrate takes half of a start."""

import atexit
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).parents[1]
FILE = "overread.sqlite3"
MAINTENANCE = "postgres"
"""The database of a server from which others are made and dropped."""


@contextmanager
def own_database(server: str = "", *, migrated: bool = False) -> Iterator[str]:
    """Give the URL of a new database of ``server``, or of that which the tests run on.

    An empty string where they do not run on PostgreSQL.
    """
    given = server or os.environ.get("DATABASE_URL", "")
    if not given.startswith("postgres"):
        yield ""
        return
    name = f"overread_test_{secrets.token_hex(6)}"
    like = f' TEMPLATE "{_migrated_on(given)}"' if migrated else ""
    execute(_at(given, MAINTENANCE), f'CREATE DATABASE "{name}"{like}')
    try:
        yield _at(given, name)
    finally:
        execute(_at(given, MAINTENANCE), f'DROP DATABASE "{name}" WITH (FORCE)')


def copy_migrated(data: Path) -> str:
    """Put a migrated SQLite database where the product keeps its own, and return its URL."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return f"sqlite:///{shutil.copy(_migrated_file(), data)}"


@cache
def _migrated_on(server: str) -> str:
    """Return the name of a migrated database, which is there until this process ends."""
    name = f"overread_migrated_{secrets.token_hex(6)}"
    execute(_at(server, MAINTENANCE), f'CREATE DATABASE "{name}"')
    atexit.register(_forget, server, name)
    with tempfile.TemporaryDirectory() as data:
        _migrate(data, DATABASE_URL=_at(server, name))
    return name


@cache
def _migrated_file() -> Path:
    """Return a migrated database, which is there until this process ends."""
    folder = tempfile.mkdtemp(prefix="overread-migrated-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _migrate(folder)
    return Path(folder) / FILE


def _migrate(data: str, **where: str) -> None:
    env = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env=env | {"OVERREAD_DATA": data} | where,
        check=True,
    )


def _forget(server: str, name: str) -> None:
    import psycopg2

    with suppress(psycopg2.OperationalError):  # a server of a test's own has gone by then
        execute(_at(server, MAINTENANCE), f'DROP DATABASE "{name}" WITH (FORCE)')


def _at(server: str, name: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def execute(url: str, statement: str) -> None:
    """Run one statement outside of any transaction."""
    import psycopg2

    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
