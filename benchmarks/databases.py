"""Databases that nobody else uses, for measuring."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from benchmarks.running import ROOT


@contextmanager
def database(url: str, name: str) -> Iterator[dict[str, str]]:
    """Give the environment of an empty database: beside ``url`` if that is PostgreSQL, else SQLite.

    It is dropped at the end, unless ``KEEP`` is set in the environment.
    """
    with tempfile.TemporaryDirectory() as data:
        told = os.environ | {"OVERREAD_DATA": data, "DJANGO_SETTINGS_MODULE": "portal.settings"}
        if not url.startswith("postgres"):
            told.pop("DATABASE_URL", None)
            yield told
            return
        import psycopg2  # noqa: PLC0415

        name = f"overread_bench_{name}"
        admin = psycopg2.connect(url)
        admin.autocommit = True
        with admin.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            cursor.execute(f"CREATE DATABASE {name}")
            try:
                yield told | {"DATABASE_URL": urlunsplit(urlsplit(url)._replace(path=f"/{name}"))}
            finally:
                if not os.environ.get("KEEP"):
                    cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.close()


def migrate(told: Mapping[str, str]) -> None:
    """Make the tables."""
    command = [sys.executable, "manage.py", "migrate", "-v0"]
    subprocess.run(command, cwd=ROOT, env=told, check=True)
