"""A PostgreSQL of the test's own that stops, is killed, or has no room."""

import os
import signal
import tempfile
import time
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
import requests

from tests.chaos import radiographs
from tests.chaos.harness import overread, until
from tests.chaos.runner.killer import Blow
from tests.chaos.runner.run import Tier, run
from tests.chaos.servers import own_postgres, small_disk
from tests.chaos.test_disk_full import LATER, filled, goes_on, post
from tests.chaos.test_kills import all_done, new_seed, send
from tests.databases import own_database
from tests.operations.relay import relay

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def server():
    with own_postgres() as one:
        yield one


@pytest.fixture
def on_postgres(server, bundle, tmp_path):
    with (
        own_database(server.url, migrated=True) as url,
        overread(tmp_path, bundle, database_url=url) as one,
    ):
        one.own_postgres = server
        yield one.start()
        one.end()


def test_postgresql_stopped_at_the_moment_of_the_result(on_postgres):
    on_postgres.tokens = on_postgres.people("uploader", "reviewer")
    order = on_postgres.strike_at("worker.reading.settle.before", signal.SIGSTOP, "inference")
    (one,) = send(on_postgres, 1)
    worker = on_postgres.worker()
    until(lambda: not order.exists(), within=20, what="the result")
    on_postgres.own_postgres.stop("immediate")
    os.kill(worker, signal.SIGCONT)
    content = radiographs.dicom(new_seed())
    answer = post(on_postgres, content)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    session = {"session": "x" * 32}  # whose it is has to be looked up
    page = requests.get(f"{on_postgres.origin}/worklist", cookies=session, timeout=9)
    assert page.status_code == 503
    assert "The database does not answer" in page.text
    assert list((on_postgres.data / "incoming").iterdir()) == []
    time.sleep(2)
    on_postgres.own_postgres.start()
    assert all_done(on_postgres, [one])[one]["attempt"] == 2
    goes_on(on_postgres, content)


def test_a_worker_frozen_with_locks_in_hand_holds_nobody_up_for_long(server, bundle, tmp_path):
    """Within a transaction it holds the head of the site's trail, which every upload needs."""
    patience = "-c lock_timeout=2s -c idle_in_transaction_session_timeout=8s"
    with (
        own_database(server.url, migrated=True) as url,
        overread(tmp_path, bundle, database_url=f"{url}?options={quote(patience)}") as one,
    ):
        one.start()
        one.tokens = one.people("uploader", "reviewer")
        point = "portal.predictions.tally_services.count_ended.before"
        order = one.strike_at(point, signal.SIGSTOP, "inference")
        (held,) = send(one, 1)
        worker = one.worker()
        until(lambda: not order.exists(), within=20, what="the stop")
        content, started = radiographs.dicom(new_seed()), time.monotonic()
        answer = post(one, content)
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert time.monotonic() - started < 6
        until(lambda: post(one, content).status_code == 202, within=20, every=0.5, what="an answer")
        os.kill(worker, signal.SIGCONT)
        assert all_done(one, [held])[held]["attempt"] == 2
        goes_on(one, content)


def test_a_postgresql_that_takes_no_writes_is_an_outage(on_postgres):
    """As after a switch to the standby, until somebody promotes it."""
    on_postgres.tokens = on_postgres.people("uploader", "reviewer")
    name = urlsplit(on_postgres.env["DATABASE_URL"]).path[1:]
    on_postgres.own_postgres.sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    on_postgres.own_postgres.end_connections(name)
    content = radiographs.dicom(new_seed())
    answer = post(on_postgres, content)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert list((on_postgres.data / "incoming").iterdir()) == []
    on_postgres.own_postgres.sql(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    on_postgres.own_postgres.end_connections(name)
    goes_on(on_postgres, content)


def test_a_postgresql_that_takes_connections_and_says_nothing_is_an_outage(
    server, bundle, tmp_path
):
    with own_database(server.url, migrated=True) as url, relay("127.0.0.1", server.port) as between:
        parts = urlsplit(url)
        through = urlunsplit(parts._replace(netloc=f"postgres@127.0.0.1:{between.port}"))
        with overread(tmp_path, bundle, database_url=through) as one:
            one.start()
            one.tokens = one.people("uploader", "reviewer")
            content = radiographs.dicom(new_seed())
            server.end_connections(parts.path[1:])
            between.freeze()
            try:
                started = time.monotonic()
                answer = post(one, content)
                assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
                assert time.monotonic() - started < 12
            finally:
                between.thaw()
            goes_on(one, content)


def test_postgresql_killed_twice_under_load_loses_nothing(on_postgres, tmp_path):
    blows = (Blow(4, "kill", "database"), Blow(9, "kill", "database"))
    tier = Tier(uploads=60, spread=14)
    report = run(on_postgres, tmp_path / "ledger.jsonl", 2, tier, blows)
    print(report)
    assert report.breaches == [], f"{report}\n{on_postgres.output()[-20_000:]}"
    assert report.numbers["faults"] == 2


def test_postgresql_without_room_is_an_outage_and_goes_on_once_there_is_some(bundle, tmp_path):
    with (
        # not below tmp_path, which is closed to the unprivileged user of the server
        tempfile.TemporaryDirectory(prefix="overread-full-") as folder,
        small_disk(Path(folder), 160) as disk,
        own_postgres(disk) as server,
        overread(tmp_path, bundle, database_url=server.url) as one,
    ):
        one.start()
        one.tokens = one.people("uploader", "reviewer")
        content = radiographs.dicom(new_seed())
        with filled(disk):
            seen = [post(one, radiographs.dicom(new_seed())) for _ in range(30)]
            refused = [answer for answer in seen if answer.status_code != 202]
            assert refused, "the disk was not full"
            assert {answer.status_code for answer in refused} == {503}
            assert {answer.json()["code"] for answer in refused} <= LATER
        if not server.is_up():
            server.start()
        goes_on(one, content)
