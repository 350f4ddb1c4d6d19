"""A broker that refuses, forgets, or is full: the rows are the work, and it goes on."""

import os
import signal
import time

import pytest
import redis

from tests.chaos.harness import overread, until
from tests.chaos.servers import own_broker
from tests.chaos.test_kills import all_done, send

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]
AT_ONCE = 5.0
"""Seconds that an upload of a few files may take, whatever the broker does."""


@pytest.fixture(scope="module")
def running(bundle, tmp_path_factory):
    """An Overread whose broker is a server of its own, as in a hospital."""
    folder = tmp_path_factory.mktemp("overread")
    with (
        own_broker(folder / "redis") as broker,
        overread(folder, bundle, REDIS_URL=broker.url) as one,
    ):
        one.own_broker = broker
        until(broker.pids, within=10, what="the broker")
        one.start()
        one.tokens = one.people("uploader", "reviewer")
        yield one


def send_at_once(running, count):
    started = time.monotonic()
    ids = send(running, count)
    assert time.monotonic() - started < AT_ONCE
    return ids


def test_a_broker_that_refuses_connections_and_comes_back_empty(running):
    running.own_broker.stays_away.set()
    running.own_broker.kill()
    running.wipe_broker()
    ids = send_at_once(running, 3)
    assert running.said("the doorbell did not ring")
    running.own_broker.stays_away.clear()
    assert {p["attempt"] for p in all_done(running, ids).values()} == {1}


def test_a_broker_that_was_flushed(running):
    worker = running.worker()
    os.kill(worker, signal.SIGSTOP)
    try:
        ids = send_at_once(running, 3)
        with redis.Redis.from_url(running.own_broker.url) as broker:
            broker.flushall()
    finally:
        os.kill(worker, signal.SIGCONT)
    all_done(running, ids)


def test_a_broker_without_memory_holds_nobody_up_and_ends_no_sweep(running):
    with redis.Redis.from_url(running.own_broker.url) as broker:
        broker.config_set("maxmemory", 1)
        broker.config_set("maxmemory-policy", "noeviction")
        try:
            with pytest.raises(redis.OutOfMemoryError):
                broker.lpush("canary", "x")
            ids = send_at_once(running, 3)
            time.sleep(5)  # the sweep rings in vain
        finally:
            broker.config_set("maxmemory", 0)
    all_done(running, ids)
    for name in ("inference", "general", "gunicorn"):
        assert running.children(*(["-m", name] if name == "gunicorn" else ["-Q", name]))
