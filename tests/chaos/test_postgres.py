"""A PostgreSQL of the test's own that stops, is killed, or has no room."""

import os
import signal
import tempfile
import time
from pathlib import Path

import pytest
import requests

from tests.chaos import radiographs
from tests.chaos.harness import overread, own_database, until
from tests.chaos.runner.killer import Blow
from tests.chaos.runner.run import Tier, run
from tests.chaos.servers import own_postgres, small_disk
from tests.chaos.test_disk_full import LATER, filled, goes_on, post
from tests.chaos.test_kills import all_done, new_seed, send

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def server():
    with own_postgres() as one:
        yield one


@pytest.fixture
def on_postgres(server, bundle, tmp_path):
    with (
        own_database(server.url) as url,
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
