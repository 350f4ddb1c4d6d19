"""One consistent copy of the database while work goes on, and the way back."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from django.db import connection, transaction

from portal.studies.models import Instance

_CHANGES_UNSEEN = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

_MAY_STAND_STILL = "SET LOCAL idle_in_transaction_session_timeout = 0"
"""This transaction waits for pg_dump, however long that takes."""


class DumpFailed(Exception):
    """The database could not be copied or put back. The message is a sentence."""


def dump(file: Path) -> set[str]:
    """Copy the database into ``file`` and return the SHA-256 of every blob that the copy names.

    Raises
    ------
    DumpFailed
    """
    return _dump_postgresql(file) if is_postgresql() else _dump_sqlite(file)


def load(file: Path) -> None:
    """Put the copy in ``file`` in the place of the database.

    Raises
    ------
    DumpFailed
    """
    if is_postgresql():
        _load_postgresql(file)
    else:
        _load_sqlite(file)


def is_postgresql() -> bool:
    """Return which of the two databases this is."""
    return connection.vendor == "postgresql"


def _dump_postgresql(file: Path) -> set[str]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CHANGES_UNSEEN)
        cursor.execute(_MAY_STAND_STILL)
        cursor.execute("SELECT pg_export_snapshot()")
        (snapshot,) = cursor.fetchone()
        hashes = set(Instance.objects.values_list("sha256", flat=True).iterator())
        options = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
        _run("pg_dump", *options, f"--file={file}")
    return hashes


def _dump_sqlite(file: Path) -> set[str]:
    connection.ensure_connection()
    with closing(sqlite3.connect(file)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, whole without a log beside it
        rows = copy.execute(f"SELECT sha256 FROM {Instance._meta.db_table}")  # noqa: S608 (our own name)
        return {sha256 for (sha256,) in rows}


def _load_postgresql(file: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    connection.close()
    options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
    _run("pg_restore", *options, f"--dbname={connection.settings_dict['NAME']}", str(file))


def _load_sqlite(file: Path) -> None:
    connection.close()
    place = Path(str(connection.settings_dict["NAME"]))
    for log in ("-wal", "-shm"):
        place.with_name(place.name + log).unlink(missing_ok=True)
    fresh = place.with_name(f"{place.name}.restored")
    shutil.copyfile(file, fresh)
    fresh.rename(place)


def _run(program: str, *arguments: str) -> None:
    """Run a tool of PostgreSQL on this connection's database; its password is no argument."""
    if shutil.which(program) is None:
        raise DumpFailed(f"{program} is not installed; it is part of PostgreSQL's client tools.")
    command: Sequence[str] = (program, "--no-password", *arguments)
    done = subprocess.run(
        command, env={**os.environ, **_told()}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DumpFailed(f"{program} failed: {done.stderr.strip().splitlines()[-1:]}")


def _told() -> Mapping[str, str]:
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD"}
    names["PGDATABASE"] = "NAME"
    given = connection.settings_dict
    return {name: str(given[key]) for name, key in names.items() if given.get(key)}
