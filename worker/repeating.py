"""A thread that does one thing again and again, through outages."""

import logging
import threading
from collections.abc import Callable

from django.db import Error, connection

logger = logging.getLogger(__name__)


class Repeating(threading.Thread):
    """Calls ``act`` at once and then every ``every`` seconds, until `stop`.

    It has a database connection of its own. While the database, the disk or the broker is away
    it says so and tries on; after a bug too, with the stack: the process would live on without
    its sweep or its heartbeat, and nobody would start it anew (decision 15).
    """

    def __init__(self, act: Callable[[], object], *, every: float, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._act = act
        self._every = every
        self._stopped = threading.Event()

    def run(self) -> None:
        """Repeat until stopped."""
        while True:
            try:
                self._act()
            except (Error, OSError) as error:
                logger.warning("%s: %s; trying again", self.name, type(error).__name__)
                connection.close()
            except Exception:
                logger.exception("%s failed; trying again", self.name)
                connection.close()
            if self._stopped.wait(self._every):
                break
        connection.close()

    def stop(self) -> None:
        """Ask the thread to end; what it is doing is finished first."""
        self._stopped.set()
