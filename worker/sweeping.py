"""What the general worker does by the clock, with or without a broker."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings

from portal.accounts.session_services import end_expired_sessions
from portal.accounts.throttle_services import forget_empty_buckets
from portal.audit.services import export_heads
from portal.predictions.cancel_services import cancel_paused_predictions
from portal.predictions.services import sweep
from portal.predictions.worker_services import forget_workers, say_alive
from portal.reviews.answer_services import forget_review_answers
from portal.studies.services import forget_upload_answers, remove_orphans
from portal.watch.services import raise_alerts
from worker.identity import worker_name
from worker.repeating import Repeating
from worker.shadow import ring_for_shadow

CHORES_EVERY = timedelta(minutes=1)
ALERTS_EVERY = timedelta(minutes=15)
HEAVY_CHORES_EVERY = timedelta(minutes=30)


def start_sweeping() -> Repeating:
    """Return the running sweep of this process. Several may run at once."""
    thread = Repeating(_Round(), every=settings.OVERREAD_SWEEP_SECONDS, name="sweep")
    thread.start()
    return thread


def chores() -> None:
    """Do what may wait a minute: old rows go, heads are copied, challengers go on."""
    end_expired_sessions()
    forget_empty_buckets()
    export_heads()
    forget_workers()
    forget_upload_answers()
    forget_review_answers()
    ring_for_shadow()


def heavy_chores() -> None:
    """Do what looks at every file, and may wait longer: lost blobs."""
    remove_orphans()


def alerts() -> None:
    """Look at what the models in use do, and raise what is new."""
    raise_alerts()


class _Round:
    """One sweep a call, and the chores when they are due."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = {work: clock() for work in (chores, alerts, heavy_chores)}

    def __call__(self) -> None:
        sweep()
        say_alive(name=worker_name(), queue_name="general")
        self._cancel_paused()
        works = (
            (chores, CHORES_EVERY),
            (alerts, ALERTS_EVERY),
            (heavy_chores, HEAVY_CHORES_EVERY),
        )
        for work, every in works:
            if self._clock() >= self._due[work]:
                self._due[work] = self._clock() + every.total_seconds()
                work()

    def _cancel_paused(self) -> None:
        """Cancel what waits for paused models, also what the sweep has just taken back.

        Until nothing is left, or the next sweep is due: a long queue must not hold that up.
        """
        ends = self._clock() + settings.OVERREAD_SWEEP_SECONDS
        while cancel_paused_predictions() and self._clock() < ends:
            pass
