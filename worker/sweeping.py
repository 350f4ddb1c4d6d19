"""What the general worker does by the clock, with or without a broker."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings

from portal.audit.services import export_heads
from portal.predictions.services import sweep
from portal.predictions.worker_services import forget_workers, say_alive
from portal.reviews.answer_services import forget_review_answers
from portal.studies.services import forget_upload_answers, remove_orphans
from worker.identity import worker_name
from worker.repeating import Repeating

CHORES_EVERY = timedelta(minutes=1)


def start_sweeping() -> Repeating:
    """Return the running sweep of this process. Several may run at once."""
    thread = Repeating(_Round(), every=settings.OVERREAD_SWEEP_SECONDS, name="sweep")
    thread.start()
    return thread


def chores() -> None:
    """Do what may wait a minute: heads out of the database; and forget what nobody asks for."""
    export_heads()
    remove_orphans()
    forget_workers()
    forget_upload_answers()
    forget_review_answers()


class _Round:
    """One sweep a call, and once a minute the chores."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._chores_due = clock()

    def __call__(self) -> None:
        sweep()
        say_alive(name=worker_name(), queue_name="general")
        if self._clock() >= self._chores_due:
            self._chores_due = self._clock() + CHORES_EVERY.total_seconds()
            chores()
