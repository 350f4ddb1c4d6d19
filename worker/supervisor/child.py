"""One child process: started, listened to, restarted with back-off, stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from worker.supervisor import tether

_TETHER = str(Path(tether.__file__))
AT_ONCE = 3.0
SOON = 30.0
"""Seconds. Who is dead at once, or ends by itself so soon, never worked. An image that kills its
reader does so by a signal and takes longer: that is no reason to give up."""
TOO_OFTEN = 5
LONGEST_PAUSE = 15.0


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Parameters
    ----------
    name : str
        As it stands before each of its log lines.
    command : sequence of str
        The first is the path of a binary.
    environment : mapping
        The whole of it.
    inherits : tuple of int
        Open file descriptors.
    starts_after : float
        Seconds to leave the processor to those that people wait for.
    stops_last : bool
        Others need it until they have stopped.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    inherits: tuple[int, ...] = ()
    starts_after: float = 0.0
    stops_last: bool = False


@dataclass(slots=True)
class Child:
    """A program as it runs, or is about to run again."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    starts_at: float = 0.0
    quick_deaths: int = 0
    unread: bytes = field(default=b"", repr=False)

    @property
    def pid(self) -> int | None:
        """The process id, while there is one."""
        return self.process.pid if self.process else None

    @property
    def is_hopeless(self) -> bool:
        """Whether it died right after its start time after time."""
        return self.quick_deaths >= TOO_OFTEN

    def start(self) -> None:
        """Run the program. Only ever from the main thread: its end is what the kernel watches.

        Raises
        ------
        OSError
            There is no room for a process at the moment.
        """
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-IS", _TETHER, str(os.getpid()), *self.program.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(self.program.environment),
            pass_fds=self.program.inherits,
            start_new_session=True,  # Ctrl-C goes to the supervisor alone
        )
        assert self.process.stdout is not None  # noqa: S101 (for the type)
        os.set_blocking(self.process.stdout.fileno(), False)

    def bury(self) -> str:
        """Return how the dead process ended, and plan the next start."""
        assert self.process is not None  # noqa: S101 (for the type)
        code = self.process.wait()
        lived = time.monotonic() - self.started_at
        pause = self._put_off(never_worked=lived < (AT_ONCE if code < 0 else SOON))
        self.process = None
        ended = f"was killed by {_name_of(-code)}" if code < 0 else f"ended with {code}"
        return f"{ended} after {lived:.1f} s; starting it again in {pause:.1f} s"

    def excuse(self, error: OSError) -> str:
        """Return why the program could not be started, and plan the next try."""
        pause = self._put_off(never_worked=True)
        return f"cannot be started: {error.strerror}; trying again in {pause:.1f} s"

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def _put_off(self, *, never_worked: bool) -> float:
        """Return how many seconds to wait before the next start."""
        self.quick_deaths = self.quick_deaths + 1 if never_worked else 0
        pause: float = min(0.5 * 2**self.quick_deaths, LONGEST_PAUSE)
        self.starts_at = time.monotonic() + pause
        return pause


def _name_of(number: int) -> str:
    """Return the name of a signal; the real-time ones have none."""
    names = {one.value: one.name for one in signal.Signals}
    return names.get(number, f"signal {number}")
