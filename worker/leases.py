"""The heartbeat: leases of what this worker has in hand are renewed, and it says it is alive."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.conf import settings

from portal.predictions.models import Prediction
from portal.predictions.services import renew_leases
from portal.predictions.worker_services import forget_workers, say_alive
from worker.identity import worker_name
from worker.model import device_in_use, loaded_models, trouble
from worker.repeating import Repeating

logger = logging.getLogger(__name__)
_held: set[UUID] = set()
_guard = threading.Lock()


def take_in_hand(batch: Sequence[Prediction]) -> None:
    """Keep the leases of ``batch`` alive from now on."""
    with _guard:
        _held.update(_tokens(batch))


def let_go(batch: Sequence[Prediction]) -> None:
    """Let the leases of ``batch`` run out where its rows are not settled."""
    with _guard:
        _held.difference_update(_tokens(batch))


@contextmanager
def empty_hands_at_the_end() -> Iterator[None]:
    """Let go of everything at the end of the block.

    What an error leaves unsettled is not renewed, so that the sweep takes it back.
    """
    try:
        yield
    finally:
        with _guard:
            _held.clear()


def beat() -> None:
    """Renew the leases in hand, then write this worker's row."""
    with _guard:
        tokens = frozenset(_held)
    if tokens:
        renew_leases(tokens=tokens, lease=timedelta(seconds=settings.OVERREAD_LEASE_SECONDS))
    say_alive(
        name=worker_name(),
        queue_name="inference",
        device=device_in_use(),
        model=loaded_models(),
        trouble=trouble(),
    )


def start_heartbeat() -> Repeating:
    """Return the running heartbeat of this process, four beats a lease."""
    heart = Repeating(beat, every=settings.OVERREAD_LEASE_SECONDS / 4, name="heartbeat")
    heart.start()
    return heart


def leave() -> None:
    """Take this worker's row away: it ends in order."""
    forget_workers(names=[worker_name()])


def _tokens(batch: Sequence[Prediction]) -> set[UUID]:
    return {row.lease_token for row in batch if row.lease_token}
