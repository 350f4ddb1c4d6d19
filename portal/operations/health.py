"""Which parts of Overread do their work, found out within a second whatever hangs."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import Error, connection
from redis import Redis, RedisError

from portal import airlock
from portal.operations.database_roles import standing
from portal.predictions.selectors import live_versions, seen_within, workers_seen

PATIENCE = 1.0
"""Seconds that a part has to answer."""
KEPT_FOR = 1.0
"""Seconds for which an answer is repeated, so that asking often costs nothing."""
DATABASE_PARTS = ("database", "worker", "sweep", "model")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """One part and whether it is up. ``reason`` is for whoever runs Overread."""

    name: str
    is_up: bool
    reason: str = ""


@dataclass(slots=True)
class Watch:
    """One check, in a thread of its own: while it hangs nobody else does, and no second one starts.

    Parameters
    ----------
    names : tuple of str
        The parts that it tells of.
    check : callable
        Returns a `Part` for each.
    """

    names: tuple[str, ...]
    check: Callable[[], Iterable[Part]]
    thread: threading.Thread | None = None
    found: list[Part] = field(default_factory=list)

    def start(self) -> None:
        """Begin, unless the last check is still at it."""
        if self.thread and self.thread.is_alive():
            return
        self.found = []
        self.thread = threading.Thread(target=self._run, name=f"{self.names[0]} check", daemon=True)
        self.thread.start()

    def parts(self, until: float) -> list[Part]:
        """Return what was found; that nobody answered, if nothing was by then."""
        if self.thread:
            self.thread.join(max(0.0, until - time.monotonic()))
        late = f"no answer within {PATIENCE:g} s"
        return self.found or [Part(name, is_up=False, reason=late) for name in self.names]

    def _run(self) -> None:
        try:
            self.found = list(self.check())
        except (Error, OSError, RedisError) as error:
            reason = type(error).__name__
            self.found = [Part(name, is_up=False, reason=reason) for name in self.names]


def database_parts() -> list[Part]:
    """Return whether the database answers, and what it tells of the workers."""
    try:
        high = standing().is_too_high
        seen = workers_seen(within=seen_within())
        live = {str(version) for version in live_versions()}
    finally:
        connection.close()
    loaded = {name for worker in seen for name in worker.model.split(", ")}
    missing = ", ".join(sorted(live - loaded))
    said = sorted({worker.trouble for worker in seen} - {""})
    reasons = [f"no worker has loaded {missing}", *said] if missing else said
    return [
        Part("database", not high, "this process is the owner of the tables" if high else ""),
        _seen("worker", any(worker.queue == "inference" for worker in seen)),
        _seen("sweep", any(worker.queue == "general" for worker in seen)),
        # A worker loads only weights whose hash is the registered one. What one cannot run and
        # another can is no outage, but it is said.
        Part("model", not missing, "; ".join(reasons)),
    ]


def broker_parts() -> list[Part]:
    """Return whether the broker answers."""
    url = str(settings.REDIS_URL).replace("redis+socket://", "unix://", 1)
    broker = Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
    with broker:
        return [Part("broker", bool(broker.ping()))]


def airlock_parts() -> list[Part]:
    """Return whether the airlock opens files: it refuses an empty one, which is an answer."""
    airlock.header(b"")
    return [Part("airlock", is_up=True)]


def report() -> list[Part]:
    """Return every part, after a second at most."""
    with _guard:
        if time.monotonic() > _last.ends:
            _last.parts = _ask()
            _last.ends = time.monotonic() + KEPT_FOR
        return _last.parts


def _ask() -> list[Part]:
    until = time.monotonic() + PATIENCE
    for watch in WATCHES:
        watch.start()
    found = [part for watch in WATCHES for part in watch.parts(until)]
    for part in found:
        if not part.is_up:
            logger.warning("%s is down: %s", part.name, part.reason)
    return found


def _seen(name: str, present: bool) -> Part:  # noqa: FBT001 (the word before it says what)
    reason = "" if present else f"none seen within {seen_within().total_seconds():g} s"
    return Part(name, present, reason)


@dataclass(slots=True)
class _Kept:
    parts: list[Part] = field(default_factory=list)
    ends: float = 0.0


WATCHES = (
    Watch(DATABASE_PARTS, database_parts),
    Watch(("broker",), broker_parts),
    Watch(("airlock",), airlock_parts),
)
_guard = threading.Lock()
_last = _Kept()
