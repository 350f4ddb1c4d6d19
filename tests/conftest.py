"""What every test may ask for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.airlock.client import Airlock
from tests.airlock_server import running
from tests.programs import missing


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder with the external data, which is no part of the project.

    Without it a test is skipped; where ``CI`` is true it fails instead.
    """
    folder = os.environ.get("OVERREAD_TEST_DATA", "")
    if folder and Path(folder).is_dir():
        return Path(folder)
    return missing(f"OVERREAD_TEST_DATA is no folder: {folder!r}")


@pytest.fixture(scope="session")
def airlock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airlock]:
    """Return the client of a real airlock."""
    with running(tmp_path_factory.mktemp("airlock") / "airlock.sock") as server:
        yield Airlock(server.socket)
