"""How many requests one token, and one person, may send.

Counted in this process alone, so that no request waits for a broker or a database; the limits
are divided by the number of web processes (decision record 0010).
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from django.conf import settings
from knox.models import AuthToken
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from portal.accounts.models import User
from portal.audit.services import Action, Outcome, record_once

if TYPE_CHECKING:  # the views read the name of this class from the settings
    from rest_framework.views import APIView

PERSON = 2
"""A person with several tokens may send twice what one token may."""
TOLD_ONCE = timedelta(minutes=1)
_MINUTE = 60.0  # seconds
_MANY = 10_000  # buckets


class Scope(StrEnum):
    """What is counted apart."""

    READS = "reads"
    WRITES = "writes"
    UPLOADS = "uploads"


class Buckets:
    """A bucket of permits for each key: full at first, filled again at an even pace."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._levels: dict[str, tuple[float, float]] = {}  # permits that were left, and when

    def take(self, limits: Mapping[str, float]) -> float:
        """Take one permit from each bucket and return 0, or none and the seconds to wait.

        Parameters
        ----------
        limits : mapping of str to float
            Permits a minute by key.
        """
        with self._lock:
            now = self._clock()
            levels = {key: self._level(key, limit, now) for key, limit in limits.items()}
            wait = max((1 - levels[key]) * _MINUTE / limits[key] for key in levels)
            if wait > 0:
                return wait
            self._forget(now)
            self._levels |= {key: (level - 1, now) for key, level in levels.items()}
            return 0.0

    def clear(self) -> None:
        """Forget every sender."""
        with self._lock:
            self._levels.clear()

    def __len__(self) -> int:
        return len(self._levels)

    def _level(self, key: str, limit: float, now: float) -> float:
        level, at = self._levels.get(key, (limit, now))
        return min(limit, level + (now - at) * limit / _MINUTE)

    def _forget(self, now: float) -> None:
        """Drop buckets that are full again: memory stays small."""
        if len(self._levels) >= _MANY:
            self._levels = {k: v for k, v in self._levels.items() if now - v[1] < _MINUTE}


BUCKETS = Buckets()


class RateLimit(BaseThrottle):
    """Refuse (429) what comes too fast; the trail says so once a minute."""

    _wait = 0.0

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Return whether the request may go on."""
        scope = _scope(request, view)
        limit = getattr(settings, f"OVERREAD_{scope.upper()}_A_MINUTE")
        user = request.user
        if not limit or not isinstance(user, User):
            return True
        share = max(1.0, limit / settings.OVERREAD_WEB_WORKERS)
        sender = f"token:{request.auth.pk}" if isinstance(request.auth, AuthToken) else "session"
        limits = {f"{scope}:{user.pk}:{sender}": share, f"{scope}:{user.pk}": PERSON * share}
        self._wait = BUCKETS.take(limits)
        if self._wait:
            _record(user)
        return not self._wait

    def wait(self) -> float:
        """Return after how many whole seconds the request may be sent again."""
        return math.ceil(self._wait)


def _scope(request: Request, view: "APIView") -> Scope:
    by_verb = Scope.READS if request.method in {"GET", "HEAD", "OPTIONS"} else Scope.WRITES
    return getattr(view, "throttle_scope", by_verb)


def _record(user: User) -> None:
    record_once(
        Action.REQUEST_LIMITED,
        chain=user.site.slug,
        subject=f"user:{user.username}",
        by=user,
        within=TOLD_ONCE,
        outcome=Outcome.REFUSED,
    )
