"""What a Celery worker does beside its tasks: the sweep, the heartbeat, loading the model."""

import logging
import time
from typing import Any

from celery.signals import celeryd_after_setup, setup_logging, worker_ready, worker_shutdown
from django.conf import settings
from django.db import Error, connection

from portal.queue import INFERENCE, app
from worker.leases import beat, leave, start_heartbeat
from worker.model import check_loaded, live_classifiers, loaded_models, trouble
from worker.repeating import Repeating
from worker.sweeping import start_sweeping

GENERAL = "general"
LAST_TURNS = 2.0
"""Seconds for what the threads are at; who stops everything waits for 7."""
logger = logging.getLogger(__name__)
_running: list[Repeating] = []


def connect() -> None:
    """Have Celery call what follows."""
    setup_logging.connect(keep_logging)
    celeryd_after_setup.connect(begin)
    worker_ready.connect(serve)
    worker_shutdown.connect(end)


def keep_logging(**_: Any) -> None:
    """Leave the log as Django's settings made it: Celery does nothing once somebody listens."""


def begin(**_: Any) -> None:
    """Before the broker is there: the sweep does not need it."""
    if _serves(GENERAL):
        _running.append(start_sweeping())


def serve(**_: Any) -> None:
    """Once the queue is consumed: say so, and load models while nothing waits for them."""
    if _serves(INFERENCE) and not any(thread.name == "heartbeat" for thread in _running):
        _running.append(start_heartbeat())
        every = settings.OVERREAD_LEASE_SECONDS / 2
        warm_up = Repeating(load_live_models, every=every, name="warm-up")
        warm_up.start()
        _running.append(warm_up)


def end(**_: Any) -> None:
    """Stop the threads and take the worker's row away."""
    for thread in _running:
        thread.stop()
    ends = time.monotonic() + LAST_TURNS
    for thread in _running:  # a last beat must not write the row again
        thread.join(max(0.0, ends - time.monotonic()))
    try:
        leave()
    except Error as error:
        logger.warning("the worker's row stays: %s", type(error).__name__)


def load_live_models() -> None:
    """Load what has become live, and check what is loaded where that is due.

    What cannot be loaded is tried again the next time.
    """
    before = loaded_models(), trouble()
    try:
        live_classifiers()
        check_loaded()
        if (loaded_models(), trouble()) != before:
            beat()
    except Error as error:
        logger.error("no model is loaded: %s", error)  # noqa: TRY400 (the sentence says it all)
    finally:
        connection.close()


def _serves(queue: str) -> bool:
    return queue in app.amqp.queues.consume_from
