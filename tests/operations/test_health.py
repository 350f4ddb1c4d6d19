"""`/healthz` and `/readyz` of a running Overread, with parts that are gone or frozen."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests

from tests.bundles import golden_bundle
from tests.chaos.harness import overread, until
from tests.databases import own_database
from tests.operations.relay import relay
from tests.operations.two_roles import ROOT

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]
TOKEN = "a-token-of-the-tests-0123456789"
EVERY_PART = {"database", "worker", "sweep", "model", "broker", "airlock"}
TAKES = 2.0
"""Seconds: one of patience, one for a machine that has other things to do."""


@pytest.fixture(scope="module")
def running(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("health")
    with overread(folder, bundle, OVERREAD_METRICS_TOKEN=TOKEN) as one:
        one.start()
        one.people("uploader")  # a site, so that a model is live
        until(lambda: readyz(one).ok, within=60, what="readiness")
        yield one


def readyz(one, token=""):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    started = time.monotonic()
    answer = requests.get(f"{one.origin}/readyz", headers=headers, timeout=10)
    answer.took = time.monotonic() - started
    return answer


def healthz(one):
    return requests.get(f"{one.origin}/healthz", timeout=TAKES)


@contextmanager
def frozen(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def down(one):
    """Return the parts that are down, asked anew."""
    time.sleep(1.1)  # an answer is repeated for a second
    answer = readyz(one, TOKEN)
    assert answer.took < TAKES
    body = answer.json()
    found = {name for name, state in body["parts"].items() if state != "up"}
    assert answer.status_code == (503 if found else 200)
    assert set(body["reasons"]) == found
    return found


def test_all_is_up_and_a_stranger_learns_the_names_of_parts_alone(running):
    answer = readyz(running)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "parts": dict.fromkeys(EVERY_PART, "up")}
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_a_worker_that_drifts_is_said_with_the_reason(airlock, tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_ALLOW_TEST_BUNDLE", "1")
    bundle = golden_bundle(tmp_path / "tiny-0.0.1", airlock, score=0.123)
    with overread(tmp_path / "run", bundle, OVERREAD_METRICS_TOKEN=TOKEN) as one:
        one.start()
        one.people("uploader")

        def drifts():
            return "drifts" in readyz(one, TOKEN).json()["reasons"].get("model", "")

        until(drifts, within=60, what="the drift")
        answer = readyz(one, TOKEN)
        assert answer.status_code == 503
        assert "it was 0.123000" in answer.json()["reasons"]["model"]


def test_a_stranger_is_told_no_reason(running):
    with frozen(running.broker()):
        time.sleep(1.1)
        answer = readyz(running, "a wrong token")
        assert answer.status_code == 503
        assert set(answer.json()) == {"status", "parts"}
    until(lambda: readyz(running).ok, within=10)


@pytest.mark.parametrize("part", ["broker", "airlock"])
def test_a_frozen_part_is_down_and_holds_nobody_up(running, part):
    pid = running.broker() if part == "broker" else airlock_of(running)
    with frozen(pid):
        assert part in down(running)
        assert part in down(running)  # the check that hangs is not started a second time
        assert healthz(running).text == "ok\n"
    until(lambda: readyz(running).ok, within=10, what="recovery")


def test_a_worker_that_says_nothing_is_down_and_so_is_its_model(running):
    with frozen(running.worker()):
        until(lambda: {"worker", "model"} <= down(running), within=15, what="the silence")
    until(lambda: readyz(running).ok, within=30, what="recovery")


def test_a_sweep_that_stands_still_is_down(running):
    with frozen(running.child("-Q", "general")):
        until(lambda: down(running) == {"sweep"}, within=15, what="the silence")
    until(lambda: readyz(running).ok, within=30, what="recovery")


def test_nothing_of_it_is_audited(running):
    before = running.python(EVENTS)
    assert readyz(running).ok
    assert healthz(running).ok
    assert requests.get(f"{running.origin}/metrics", timeout=5).status_code == 401
    assert running.python(EVENTS) == before


def test_a_frozen_database_is_down_and_healthz_answers(bundle, tmp_path):
    with own_database(migrated=True) as url:
        if not url:
            pytest.skip("SQLite is a file: it cannot be frozen; set DATABASE_URL to run this")
        parts = urlsplit(url)
        with relay(parts.hostname, parts.port or 5432) as between:
            through = urlunsplit(
                parts._replace(netloc=f"{parts.username}@127.0.0.1:{between.port}")
            )
            token = {"OVERREAD_METRICS_TOKEN": TOKEN}
            with overread(tmp_path, bundle, database_url=through, **token) as one:
                one.start()
                until(lambda: readyz(one).ok, within=60, what="readiness")
                between.freeze()
                try:
                    assert down(one) >= {"database", "worker", "sweep", "model"}
                    assert down(one) >= {"database"}
                    assert healthz(one).text == "ok\n"
                finally:
                    between.thaw()
                until(lambda: readyz(one).ok, within=60, what="recovery")


def test_the_probe_of_a_container_tells_by_its_exit_code(running):
    port = str(urlsplit(running.origin).port)
    assert probe("/healthz", port) == (0, "200 ok")
    assert probe("/nowhere", port)[0] == 1
    assert probe("/healthz", "1")[0] == 1


def probe(path, port):
    done = subprocess.run(
        [sys.executable, "-m", "portal.operations.probe", path, "--port", port],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.strip()


def airlock_of(one):
    return one.child("-m", "inference.airlock")


EVENTS = "from portal.audit.models import AuditEvent; print(AuditEvent.objects.count())"
