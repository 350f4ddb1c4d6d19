"""A process whose clock is a day wrong, before a database whose clock is right."""

import json
import os
import signal
import socket
import time
from urllib.parse import urlsplit

import pytest

from tests.chaos import radiographs
from tests.chaos.harness import LEASE, until
from tests.chaos.test_kills import (
    WITHIN,
    all_done,
    is_running_somewhere,
    new_seed,
    send,
    slow,
)

__all__ = ["slow"]
pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]
DAY = 24 * 3600
WORDS = {"inference": ("-Q", "inference"), "general": ("-Q", "general"), "web": ("-m", "gunicorn")}


@pytest.fixture
def wrong_clock(running):
    """Restart a process with a wrong clock; with the right one afterwards."""
    wrong = running.hooks / "clock"
    struck = []

    def begin(name, seconds):
        wrong.write_text(json.dumps({WORDS[name][1]: seconds}))
        restart(running, name)
        struck.append(name)

    yield begin
    wrong.unlink()
    for name in struck:
        restart(running, name)


def restart(running, name):
    (old,) = until(lambda: running.children(*WORDS[name]), within=20, what=name)
    os.kill(old, signal.SIGKILL)
    new = lambda: [pid for pid in running.children(*WORDS[name]) if pid != old]  # noqa: E731
    until(new, within=20, what=f"another {name}")


def age_of_last_event(running):
    script = "from portal.audit.models import AuditEvent as E; import time\n"
    script += "print(time.time() - E.objects.latest('pk').at.timestamp())"
    return float(running.python(script))


@pytest.mark.parametrize("wrong", [DAY, -DAY])
def test_the_clock_of_the_worker_is_a_day_off(running, wrong_clock, slow, wrong):
    wrong_clock("inference", wrong)
    (one,) = send(running, 1)
    assert all_done(running, [one])[one]["attempt"] == 1
    assert abs(age_of_last_event(running) + wrong) < 60, "the clock was not wrong"
    slow(2 * LEASE)  # longer than a lease: it is renewed, and nobody takes the row away
    (one,) = send(running, 1)
    until(lambda: is_running_somewhere(running, [one]), within=10)
    slow(0)
    assert all_done(running, [one])[one]["attempt"] == 1


@pytest.mark.parametrize("wrong", [DAY, -DAY])
def test_the_clock_of_the_sweep_is_a_day_off(running, wrong_clock, slow, wrong):
    wrong_clock("general", wrong)
    slow(LEASE - 1)
    (one,) = send(running, 1)
    until(lambda: is_running_somewhere(running, [one]), within=10)
    slow(0)
    assert all_done(running, [one])[one]["attempt"] == 1
    running.strike_at("worker.reading.settle.before", signal.SIGKILL, "inference")
    (one,) = send(running, 1)
    assert all_done(running, [one])[one]["attempt"] == 2


@pytest.mark.parametrize("wrong", [DAY, -DAY])
def test_the_clock_of_the_web_server_is_a_day_off(running, wrong_clock, wrong):
    wrong_clock("web", wrong)
    (one,) = send(running, 1)
    found = running.prediction(running.tokens["uploader"], one)
    assert found["wait_seconds"] < WITHIN
    all_done(running, [one])
    running.strike_at("worker.reading.settle.before", signal.SIGKILL, "inference")
    (one,) = send(running, 1)
    assert all_done(running, [one])[one]["attempt"] == 2
    assert "BREACH" not in running.manage("verify_invariants")


def test_a_cleaner_a_day_ahead_leaves_an_upload_alone_that_is_on_its_way(running, wrong_clock):
    content = radiographs.dicom(new_seed())
    half = len(content) // 2
    with SlowUpload(running, content) as upload:
        upload.send(half)
        arrived = lambda: list((running.data / "incoming").iterdir())  # noqa: E731
        until(arrived, within=10, what="half a file")
        wrong_clock("general", DAY)
        swept = "from portal.predictions.models import Worker as W; print(W.objects.filter("
        swept += "queue='general', started_at__gt=__import__('datetime').datetime.fromtimestamp("
        swept += f"{time.time()}, __import__('datetime').UTC)).count())"
        until(lambda: int(running.python(swept)), within=20, every=1, what="the cleaner")
        time.sleep(3)  # it cleans after its first sweep
        upload.send(len(content) - half)
        status = upload.status()
    assert status == 202


class SlowUpload:
    """One upload over a bare connection, sent in as many pieces as one likes."""

    def __init__(self, running, content):
        where = urlsplit(running.origin)
        self._door = socket.create_connection((where.hostname, where.port), timeout=30)
        head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.dcm"\r\n\r\n'
        tail = b"\r\n--b--\r\n"
        self._rest, self._tail = content, tail
        self._door.sendall(
            f"POST /api/v1/uploads HTTP/1.1\r\nHost: {where.netloc}\r\n"
            f"Authorization: Token {running.tokens['uploader']}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\nConnection: close\r\n"
            f"Content-Length: {len(head) + len(content) + len(tail)}\r\n\r\n".encode()
            + head
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._door.close()

    def send(self, count):
        self._door.sendall(self._rest[:count])
        self._rest = self._rest[count:]

    def status(self):
        """Send what is left and return the status of the answer."""
        self._door.sendall(self._tail)
        return int(self._door.recv(4096).split()[1])
