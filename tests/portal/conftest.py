"""What every test of the portal may ask for: two sites, a person per role, a live model."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from portal.predictions.version_services import deploy_model
from tests.airlock_server import running
from tests.databases import copy_migrated, own_database
from tests.factories import make_model_version, make_site, make_user
from tests.portal.processes import Portal, environment_of

APPEND_ONLY = (
    "audit_auditevent",
    "predictions_modelreport",
    "predictions_reportpicture",
    "reviews_finding",
    "reviews_review",
    "watch_alert",
    "watch_acknowledgement",
)


@pytest.fixture(autouse=True)
def own_data_folder(settings, tmp_path) -> Path:
    """Give each test its own blobs, keys and exported heads."""
    folder = tmp_path / "overread"
    for name in ("keys", "run", "blobs", "incoming"):
        (folder / name).mkdir(mode=0o700, parents=True)
    settings.OVERREAD_DATA = folder
    return folder


@pytest.fixture(autouse=True)
def emptied_after_real_transactions(request):
    """Let Django empty the append-only tables after a test with real transactions.

    On SQLite it does so with DELETE, which their triggers refuse. PostgreSQL is truncated.
    """
    marker = request.node.get_closest_marker("django_db")
    real = {"transactional_db", "live_server"} & set(request.fixturenames)
    if not real and not (marker and marker.kwargs.get("transaction")):
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            triggers = drop_triggers(cursor)
            for table in reversed(APPEND_ONLY):
                cursor.execute(f"DELETE FROM {table}")
            for trigger in triggers:
                cursor.execute(trigger)


def drop_triggers(cursor) -> list[str]:
    """Drop the triggers of the append-only tables on SQLite and return how to make them again."""
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    triggers = cursor.fetchall()
    for name, _ in triggers:
        cursor.execute(f"DROP TRIGGER {name}")
    return [sql for _, sql in triggers]


@pytest.fixture
def own_portal(tmp_path) -> Iterator[Portal]:
    """Return an installation of its own, for tests with several real processes."""
    data = tmp_path / "own"
    data.mkdir()
    with own_database(migrated=True) as url:
        portal = Portal(environment_of(data, url or copy_migrated(data)))
        yield portal
        portal.close()


@pytest.fixture(scope="session")
def _airlock_socket(tmp_path_factory):
    with running(tmp_path_factory.mktemp("portal-airlock") / "airlock.sock") as server:
        yield server.socket


@pytest.fixture
def portal_airlock(_airlock_socket, settings) -> Path:
    """Return the socket of a real airlock, which the portal asks too."""
    settings.OVERREAD_AIRLOCK_SOCKET = str(_airlock_socket)
    return _airlock_socket


@pytest.fixture
def site(db):
    return make_site("demo")


@pytest.fixture
def other_site(db):
    return make_site("other")


@pytest.fixture
def uploader(site):
    return make_user(site, "uploader", username="uploader")


@pytest.fixture
def reader(site):
    return make_user(site, "reader", username="reader")


@pytest.fixture
def reviewer(site):
    return make_user(site, "reviewer", username="reviewer")


@pytest.fixture
def adjudicator(site):
    return make_user(site, "adjudicator", username="adjudicator")


@pytest.fixture
def pacs_admin(site):
    return make_user(site, "pacs_admin", username="pacs_admin")


@pytest.fixture
def data_scientist(site):
    return make_user(site, "data_scientist", username="data_scientist")


@pytest.fixture
def auditor(site):
    return make_user(site, "auditor", username="auditor")


@pytest.fixture
def site_admin(site):
    return make_user(site, "site_admin", username="site_admin")


@pytest.fixture
def other_reviewer(other_site):
    return make_user(other_site, "reviewer", username="other_reviewer")


@pytest.fixture
def model_version(db):
    return make_model_version()


@pytest.fixture
def deployed(site, other_site, model_version):
    """Return the model version, live at both sites."""
    deploy_model(site=site, version=model_version)
    deploy_model(site=other_site, version=model_version)
    return model_version
