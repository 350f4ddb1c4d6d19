"""`serve` itself: starts, says so once, stops all, survives being killed, refuses in a sentence."""

import re
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.chaos.harness import (
    READY,
    children_of,
    is_running,
    overread,
    resident_megabytes,
    until,
)

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]


@pytest.fixture
def fresh(bundle, tmp_path):
    """An Overread of this test alone, not yet started, its database not there yet."""
    with overread(tmp_path, bundle, empty=True) as one:
        yield one


def refused(one, *arguments, port=0):
    """Return the sentence with which ``serve`` refuses to start."""
    one.launch(*arguments, port=port)
    assert one.wait() == 2, one.output()
    assert "Traceback" not in one.output()
    assert not [line for line in one.lines if READY.match(line)]
    return one.lines[-1]


def web_workers(one):
    master = one.child("-m", "gunicorn")
    return children_of(master)


def test_a_demo_shows_every_ending_and_a_stop_leaves_nobody(fresh):
    fresh.start("--demo")
    password = printed_password(fresh)
    until(lambda: fresh.said(r"demo +\| letter\.png: refused"), within=60, what="the samples")
    assert fresh.said(r"demo +\| child-frontal\.dcm: accepted")
    assert fresh.said(r"demo +\| ct-slice\.dcm: refused")
    token = fresh.manage("create_token", "reviewer", "--days", "1")
    outcomes = until(lambda: all_settled(fresh, token), within=60, what="the end of the samples")
    assert set(outcomes) >= {"scored", "not_applicable"}
    # the samples may all be settled before the general worker is due
    until(lambda: len(fresh.family()) >= 6, within=30, what="every child")
    family = fresh.family()
    started = time.monotonic()
    assert fresh.stop() == 0
    assert time.monotonic() - started < 10
    assert [pid for pid in family if is_running(pid)] == []
    assert sum(bool(READY.match(line)) for line in fresh.lines) == 1

    fresh.start("--demo")
    assert printed_password(fresh) == password
    assert not fresh.said("sending samples")
    assert (fresh.data / "keys" / "demo_password").stat().st_mode & 0o777 == 0o600


def test_killed_it_leaves_no_orphan_and_starts_again_at_once(fresh):
    fresh.start()
    family = fresh.family()
    fresh.kill()
    until(lambda: not any(map(is_running, family)), within=3, what="the end of all children")
    fresh.start()
    assert fresh.stop() == 0


def test_a_second_one_on_the_same_data_is_refused_and_the_first_goes_on(running, bundle, tmp_path):
    with overread(tmp_path, bundle, database_url=running.env.get("DATABASE_URL", "")) as second:
        sentence = refused(second, "--data", str(running.data))
        assert sentence == (
            f"overread: Overread already runs on {running.data} (process {running.process.pid})."
        )
    assert running.request("GET", "/api/v1/studies", running.tokens["reviewer"]).ok


def test_a_port_that_is_taken_is_refused(fresh):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} on 127.0.0.1 is taken" in refused(fresh, port=port)


def test_a_folder_that_cannot_be_written_is_refused(fresh):
    sentence = refused(fresh, "--data", "/dev/null/overread")
    assert sentence.startswith("overread: The data folder /dev/null/overread cannot be written")


def test_a_broken_bundle_is_refused(fresh, tmp_path, bundle):
    import shutil

    broken = shutil.copytree(bundle, tmp_path / "broken")
    (broken / "head.npz").write_bytes(b"not weights")
    fresh.env["OVERREAD_BUNDLE"] = str(broken)
    assert re.search(r"head\.npz .* is not the file that was released", refused(fresh))


@pytest.mark.parametrize("arguments", [("--host", "0.0.0.0"), ("--host", "0.0.0.0", "--demo")])
def test_the_world_is_refused(fresh, arguments):
    assert refused(fresh, *arguments).startswith("overread: ")


def test_the_web_workers_are_small_and_know_no_tensorflow(running):
    workers = web_workers(running)
    assert workers
    running.request("GET", "/api/v1/studies", running.tokens["reviewer"])
    for pid in workers:
        assert "tensorflow" not in Path(f"/proc/{pid}/maps").read_text()
        assert resident_megabytes(pid) < 200


def test_a_web_server_that_is_killed_is_started_again_on_the_same_port(running):
    master = running.child("-m", "gunicorn")
    family = [master, *children_of(master)]
    import os

    os.kill(master, signal.SIGKILL)
    until(lambda: not any(map(is_running, family)), within=3, what="the end of its workers")
    answer = running.request("GET", "/api/v1/studies", running.tokens["reviewer"])
    assert answer.status_code == 200  # it waited in the queue of the port, and was not refused


def test_the_queue_listens_on_no_port(running):
    broker = running.broker()
    inodes = {p.readlink().name for p in map(Path, [f"/proc/{broker}/fd"]) for p in p.iterdir()}
    listening = [
        line.split()[9]
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{broker}/net/{name}").read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    assert not [inode for inode in listening if f"socket:[{inode}]" in inodes]


def printed_password(one):
    found = [line.removeprefix("password: ") for line in one.lines if line.startswith("password: ")]
    assert len(found) == 1
    assert len(found[0]) >= 12
    return found[0]


def all_settled(one, token):
    """Return the outcomes of every prediction of the site, once none is open."""
    script = """
import json
from portal.predictions.models import Prediction
rows = Prediction.objects.values_list("state", "outcome")
print(json.dumps([outcome for state, outcome in rows] if rows and all(
    state not in ("queued", "running") for state, outcome in rows) else []))
"""
    import json

    return json.loads(one.python(script))
