"""Processes that die at an exact point: between the blob and its row, the row and its bell ..."""

import hashlib
import json
import os
import signal
import time
import uuid
from contextlib import suppress

import pytest
import requests

from tests.chaos import radiographs
from tests.chaos.harness import LEASE, until
from tests.chaos.test_kills import (
    WITHIN,
    all_done,
    is_running_somewhere,
    new_seed,
    send,
    told_once,
    worker_is_up,
)

__all__ = ["worker_is_up"]
pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]


def post(running, content, key):
    """Send one file; return the answer, or None if the connection broke."""
    try:
        return running.request(
            "POST",
            "/api/v1/uploads",
            running.tokens["uploader"],
            files=[("files", ("a.dcm", content))],
            headers={"Idempotency-Key": key},
        )
    except requests.ConnectionError:
        return None


def stored(running, content):
    """Return how many instances and blobs of these bytes there are."""
    script = """
import sys
from portal.studies.blobs import store
from portal.studies.models import Instance
print(Instance.objects.filter(sha256=sys.argv[1]).count(), int(store.exists(sys.argv[1])))
"""
    rows, blobs = running.python(script, hashlib.sha256(content).hexdigest()).split()
    return int(rows), int(blobs)


@pytest.mark.parametrize(
    ("point", "left"),
    [
        ("portal.studies.blobs.FileBlobStore.keep.before", (0, 0)),
        ("portal.studies.blobs.FileBlobStore.keep.after", (0, 1)),  # renamed, no row
        ("portal.queue.ring.before", (1, 1)),  # committed, not rung for
        ("portal.queue.ring.after", (1, 1)),  # rung for, not answered
        ("portal.studies.services.finish_answer.after", (1, 1)),  # the answer is stored, not sent
    ],
)
def test_the_web_server_killed_at_a_point_of_an_upload_that_is_sent_again(
    running, worker_is_up, point, left
):
    content, key = radiographs.dicom(new_seed()), str(uuid.uuid4())
    order = running.strike_at(point, signal.SIGKILL, "gunicorn")
    assert post(running, content, key) is None
    assert not order.exists()
    assert stored(running, content) == left
    answer = until(lambda: post(running, content, key), within=15, every=0.3)
    assert answer.status_code == 202, answer.text
    (verdict,) = answer.json()["uploads"]
    assert post(running, content, key).json()["uploads"] == [verdict]
    all_done(running, [verdict["prediction"]])
    assert stored(running, content) == (1, 1)


@pytest.mark.parametrize(
    ("point", "attempts"),
    [
        ("worker.tasks.claim.before", 1),
        ("worker.tasks.claim.after", 2),
        ("worker.reading.read.before", 2),
        ("worker.reading.read.after", 2),
        ("worker.reading.settle.before", 2),
        ("worker.reading.settle.after", 1),  # the result is stored, the message not acknowledged
    ],
)
def test_the_worker_killed_at_a_point_of_its_work(running, worker_is_up, point, attempts):
    order = running.strike_at(point, signal.SIGKILL, "inference")
    (one,) = send(running, 1)
    until(lambda: not order.exists(), within=10, what="the blow")
    assert all_done(running, [one])[one]["attempt"] == attempts


def test_a_worker_stopped_between_result_and_storage_past_its_lease_is_refused(
    running, worker_is_up
):
    order = running.strike_at("worker.reading.settle.before", signal.SIGSTOP, "inference")
    (one,) = send(running, 1)
    worker = running.worker()
    until(lambda: not order.exists(), within=10, what="the stop")
    waits = lambda: not is_running_somewhere(running, [one])  # noqa: E731
    until(waits, within=WITHIN, what="the sweep")
    late = sum("came too late" in line for line in running.lines)
    os.kill(worker, signal.SIGCONT)
    assert all_done(running, [one])[one]["attempt"] == 2
    assert sum("came too late" in line for line in running.lines) == late + 1


def test_the_same_message_delivered_ten_times_is_one_prediction(running, worker_is_up):
    import redis

    worker = running.worker()
    os.kill(worker, signal.SIGSTOP)
    try:
        ids = send(running, 2)  # the worker has one message on its way already
        where = "from worker.supervisor.programs import queue_socket; print(queue_socket())"
        with redis.Redis(unix_socket_path=running.python(where)) as broker:
            (message,) = broker.lrange("inference", 0, -1)
            broker.rpush("inference", *[message] * 9)
    finally:
        os.kill(worker, signal.SIGCONT)
    assert json.loads(message)["headers"]["task"] == "worker.drain"
    assert {p["attempt"] for p in all_done(running, ids).values()} == {1}


@pytest.mark.parametrize("said", ["nan", "inf", "-inf", "-1", "2"])
def test_what_is_no_probability_is_a_failure_and_never_a_number(running, worker_is_up, said):
    answer = running.hooks / "probability"
    answer.write_text(said)
    try:
        (one,) = send(running, 1)
        ended = running.settled(running.tokens["uploader"], [one], within=WITHIN)[one]
    finally:
        answer.unlink()
    assert (ended["state"], ended["code"]) == ("failed", "model_output_invalid")
    assert ended["score"] is None
    assert ended["attempt"] == 1
    assert told_once(running, [one])


def test_two_sweeps_beside_the_one_that_runs_take_nothing_back_twice(running, worker_is_up):
    ids = send(running, 1)
    order = running.strike_at("worker.reading.read.before", signal.SIGKILL, "inference")
    ids += send(running, 5)
    until(lambda: not order.exists(), within=10, what="the blow")
    script = """
import threading, time
from django.db import connection
from portal.predictions.services import sweep
def again():
    ends = time.monotonic() + 5
    while time.monotonic() < ends:
        sweep()
    connection.close()
threads = [threading.Thread(target=again) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    started = time.monotonic()
    running.python(script)
    assert time.monotonic() - started >= 5
    assert max(p["attempt"] for p in all_done(running, ids).values()) == 2


def test_while_nobody_sweeps_what_was_lost_waits_and_the_next_sweep_takes_it_back(
    running, worker_is_up
):
    (sweeper,) = running.children("-Q", "general")
    # outside of a transaction: a frozen process may hold the lock of SQLite
    stop = running.strike_at(
        "portal.predictions.worker_services.say_alive.before", signal.SIGSTOP, "general"
    )
    until(lambda: not stop.exists(), within=10, what="the stop of the sweep")
    try:
        order = running.strike_at("worker.reading.settle.before", signal.SIGKILL, "inference")
        (one,) = send(running, 1)
        until(lambda: not order.exists(), within=10, what="the blow")
        time.sleep(LEASE + 1)
        assert is_running_somewhere(running, [one])
        ids = send(running, 2)  # what is new is read meanwhile
        assert {p["attempt"] for p in all_done(running, ids).values()} == {1}
    finally:
        os.kill(sweeper, signal.SIGCONT)
    assert all_done(running, [one])[one]["attempt"] == 2


def test_everything_killed_at_once_in_mid_work(running, worker_is_up):
    order = running.strike_at("worker.reading.settle.before", signal.SIGSTOP, "inference")
    ids = send(running, 4)
    until(lambda: not order.exists(), within=10, what="a worker in mid work")
    for pid in [*running.family(), running.process.pid]:
        with suppress(ProcessLookupError):  # who opened a file ends with it
            os.kill(pid, signal.SIGKILL)
    running.process.wait(timeout=10)
    running.restart()
    all_done(running, ids)
    assert "BREACH" not in running.manage("verify_invariants")
