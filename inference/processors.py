"""How many processors this process may keep busy: as many as it may run on, or is paid for."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
"""Which groups this process is in, a line a hierarchy: ``number:controllers:path``."""


def cores() -> int:
    """Return how many processors this process may use, at least 1.

    Those it may run on, and no more than its control groups give it time for (``docker --cpus``,
    ``CPUQuota=`` of systemd), rounded up: more threads than that are stopped in the middle of a
    layer, and the others wait for them.
    """
    there = hasattr(os, "sched_getaffinity")
    allowed = len(os.sched_getaffinity(0)) if there else os.cpu_count() or 1
    return max(1, min([allowed, *map(math.ceil, _quotas())]))


def _quotas() -> Iterator[float]:
    """Yield what each group around this process gives, in processors."""
    for folder in _groups():
        with suppress(OSError, ValueError, ZeroDivisionError):
            quota, period = _quota_and_period(folder)
            if quota > 0:  # version 1 says -1 where there is no limit
                yield quota / period


def _quota_and_period(folder: Path) -> tuple[int, int]:
    """Return what one group gives in how long, in microseconds.

    Raises
    ------
    OSError, ValueError
        The group says nothing, or ``max``: it sets no limit.
    """
    both = folder / "cpu.max"
    if both.exists():
        quota, period = both.read_text().split()
        return int(quota), int(period)
    quota, period = ((folder / f"cpu.cfs_{n}_us").read_text() for n in ("quota", "period"))
    return int(quota), int(period)


def _groups() -> Iterator[Path]:
    """Yield the folders of this process's groups and of all around them, of both versions.

    Some are not there: in a container the root of what is mounted is the own group.
    """
    lines = []
    with suppress(OSError):
        lines = OWN.read_text().splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        for root in [CGROUPS / controllers, CGROUPS / "cpu"] if controllers else [CGROUPS]:
            parts = path.strip("/").split("/")
            yield from (root.joinpath(*parts[:depth]) for depth in range(len(parts) + 1))
