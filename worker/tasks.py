"""The tasks. A message only says that there is something to do; the rows say what."""

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta

from celery.worker import state
from django.conf import settings

from inference import Refusal, Score
from portal import logs, queue
from portal.predictions.models import Prediction
from portal.predictions.selectors import queued_rows_exist
from portal.predictions.services import claim_predictions, named
from portal.predictions.shadow_selectors import shadow_work_exists
from portal.queue import app
from worker import golden
from worker.airlock import airlock_listens
from worker.identity import worker_name
from worker.leases import empty_hands_at_the_end, let_go, take_in_hand
from worker.model import device_in_use, live_classifiers
from worker.reading import Reading, open_files, settle_all
from worker.shadow import read_in_shadow

BOUND_SECONDS = 30.0
"""How long one task may go on: a solo worker hears nothing while a task runs."""
NOTHING: tuple[list[Prediction], Reading] = [], list
logger = logging.getLogger(__name__)


@app.task(name=queue.DRAIN, acks_late=True, ignore_result=True)
def drain() -> None:
    """Classify waiting predictions in batches, until none is left or the time is up.

    While it can claim nothing for a reader, what challengers have not read, a batch at a time.
    """
    ends = time.monotonic() + BOUND_SECONDS
    with empty_hands_at_the_end(), ThreadPoolExecutor(1, "read") as reader:
        while True:
            for batch, answers in batches_read(reader, ends):
                settle_all(batch, answers)
                let_go(batch)
            if is_over(ends) or not read_in_shadow():
                break
    if is_over(ends):
        ring_for_the_rest()


def batches_read(
    reader: Executor, ends: float
) -> Iterator[tuple[list[Prediction], list[Score | Refusal]]]:
    """Yield each batch with its answers; of the two in hand neither waits for the other.

    While one is in the network the files of the next are opened, and while it is settled the next
    is in the network.
    """
    batch = claim()
    reading = reader.submit(open_files(batch))
    while batch:
        following, read = claim_and_open(ends, ahead=True) if are_fresh(batch) else NOTHING
        answers = reading.result()
        if not following:
            following, read = claim_and_open(ends)
        reading = reader.submit(read)
        yield batch, answers
        batch = following


def are_fresh(batch: Sequence[Prediction]) -> bool:
    """Return whether none was tried before, so that the network may well live through them."""
    return all(row.attempt == 1 for row in batch)


def claim_and_open(ends: float, *, ahead: bool = False) -> tuple[list[Prediction], Reading]:
    """Return the rows that are now ours, none once it is over, and what reads them."""
    batch = [] if is_over(ends) else claim(ahead=ahead)
    return batch, open_files(batch)


def claim(*, ahead: bool = False) -> list[Prediction]:
    """Return the rows that are now ours; none that this worker could not read anyway.

    An attempt that was bound to fail would bring a row nearer to being given up. ``ahead`` is said
    while another batch is in the network.
    """
    if not airlock_listens():
        logger.error("nothing is claimed: the airlock does not answer")
        return []
    classifiers, missing = live_classifiers()
    if golden.drift():
        return []
    batch = claim_predictions(
        limit=max((c.batch_size for c in classifiers), default=1),
        worker=worker_name(),
        lease=timedelta(seconds=settings.OVERREAD_LEASE_SECONDS),
        claim_after=timedelta(seconds=claim_after_seconds()),
        without=missing,
        ahead=ahead,
    )
    take_in_hand(batch)
    for row in batch:
        logger.info("prediction claimed", extra=logs.fields(**named(row), attempt=row.attempt))
    return batch


def claim_after_seconds() -> int:
    """Return for how many seconds this worker leaves a new row to faster ones."""
    return 0 if device_in_use() == "gpu" else int(settings.OVERREAD_CLAIM_AFTER)


def ring_for_the_rest() -> None:
    """Pass the bell on, to this worker or another, if anything still waits."""
    if queued_rows_exist() or shadow_work_exists():
        queue.ring()


def is_over(ends: float) -> bool:
    """Return whether no new batch should be begun."""
    return is_stopping() or time.monotonic() > ends


def is_stopping() -> bool:
    """Return whether Celery was told to stop (SIGTERM sets its flag at once, even in a task)."""
    return state.should_stop is not None or state.should_terminate is not None
