"""What a Celery worker does beside its tasks: the sweep, the heartbeat, loading the model."""

import logging
import threading
from typing import Any

from celery.signals import celeryd_after_setup, setup_logging, worker_ready, worker_shutdown
from django.db import Error, connection

from portal.queue import INFERENCE, app
from worker.leases import beat, leave, start_heartbeat
from worker.model import ModelUnavailable, live_classifiers
from worker.repeating import Repeating
from worker.sweeping import start_sweeping

GENERAL = "general"
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
    """Once the queue is consumed: say so, and load the model while nothing waits for it."""
    if _serves(INFERENCE) and not any(thread.name == "heartbeat" for thread in _running):
        _running.append(start_heartbeat())
        threading.Thread(target=load_live_models, name="warm-up", daemon=True).start()


def end(**_: Any) -> None:
    """Stop the threads and take the worker's row away."""
    for thread in _running:
        thread.stop()
    try:
        leave()
    except Error as error:
        logger.warning("the worker's row stays: %s", type(error).__name__)


def load_live_models() -> None:
    """Load what is live; what cannot be loaded is tried again when there is work for it."""
    try:
        live_classifiers()
        beat()
    except (ModelUnavailable, Error) as error:
        logger.error("no model is loaded: %s", error)  # noqa: TRY400 (the sentence says it all)
    finally:
        connection.close()


def _serves(queue: str) -> bool:
    return queue in app.amqp.queues.consume_from
