"""What one child may use."""

import os
import resource
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ELEMENT_LIMIT = 20_000
"""Elements, items and fragments of one file, nested ones included."""
NESTING_LIMIT = 32
TEXT_LIMIT = 4_000_000
"""Characters of all texts of one header."""
PIXEL_LIMIT = 100_000_000
"""Pixels of one frame: five times the largest flat-panel detector."""
SIDE_MINIMUM = 56
"""Pixels of the shorter side. Below a quarter of the network's 224, more than three quarters of
what it would see were made up by interpolation."""
INFLATED_LIMIT = 512 * 1024 * 1024
"""Bytes of an inflated data set."""
INFLATED_UNSUSPICIOUS = 16 * 1024 * 1024
INFLATE_RATIO_LIMIT = 100
"""A radiograph deflates 2 to 5 times. Above 16 MiB a ratio of 100 is a bomb or an empty picture."""

_PREFIX = "OVERREAD_AIRLOCK_"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one child.

    Parameters
    ----------
    memory_mb : int
        Address space, MiB. The preloaded libraries take 190 of them.
    cpu_seconds : int
        Processor time, seconds.
    wall_seconds : float
        Seconds from connection to answer; the parent keeps this one.
    children : int
        How many children may live at once; others wait in the queue of the socket.
    """

    memory_mb: int = 1024
    cpu_seconds: int = 10
    wall_seconds: float = 20.0
    children: int = 4

    @classmethod
    def from_environment(cls, environment: "Mapping[str, str]") -> "Limits":
        """Return the limits that ``OVERREAD_AIRLOCK_*`` say.

        Raises
        ------
        ValueError
            If one is not a positive number.
        """
        limits = cls(
            memory_mb=int(environment.get(f"{_PREFIX}MEMORY_MB", 1024)),
            cpu_seconds=int(environment.get(f"{_PREFIX}CPU_SECONDS", 10)),
            wall_seconds=float(environment.get(f"{_PREFIX}WALL_SECONDS", 20)),
            children=int(environment.get(f"{_PREFIX}CHILDREN", 2 * (os.cpu_count() or 1))),
        )
        if min(limits.memory_mb, limits.cpu_seconds, limits.wall_seconds, limits.children) <= 0:
            raise ValueError(f"{_PREFIX}* must be positive, got {limits}")
        return limits

    def apply(self) -> None:
        """Limit this process, for good."""
        memory = self.memory_mb * 1024 * 1024
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        # The soft limit kills by SIGXCPU, which the parent recognises; the hard one is a backstop.
        resource.setrlimit(resource.RLIMIT_CPU, (self.cpu_seconds, self.cpu_seconds + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
