"""The forkserver: one limited child per connection.

Single-threaded, so that a fork is safe and cheap; everything heavy is loaded before the first one.
The parent never reads a byte of a file. It keeps the clock, and answers for a child that died.
"""

import gc
import logging
import os
import select
import signal
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from inference.airlock import child
from inference.airlock.cage import leave_network
from inference.airlock.preload import preload
from inference.airlock.refused import limit_refusal
from inference.airlock.wire import encode_answer

if TYPE_CHECKING:
    from inference.airlock.limits import Limits

logger = logging.getLogger("overread.airlock")

_NOTES_LIMIT = 4096
_FOREVER = None


@dataclass(slots=True)
class Working:
    """A child at work.

    Parameters
    ----------
    pid : int
        Process id.
    connection : socket
        Its client.
    notes : int
        Where it writes its notes; the end of them is its end.
    deadline : float
        By the monotonic clock, seconds.
    heard : bytearray
        Its notes so far.
    verdict : str
        Why the parent ended it, if it did.
    """

    pid: int
    connection: socket.socket
    notes: int
    deadline: float
    heard: bytearray = field(default_factory=bytearray)
    verdict: str = ""

    @property
    def lines(self) -> list[str]:
        """Its notes, a line each."""
        return self.heard.decode(errors="replace").splitlines()

    @property
    def op(self) -> str:
        """What it was asked to do, as far as it said."""
        return next((line[3:] for line in self.lines if line.startswith("op ")), "header")


class Forkserver:
    """Serves a listening socket until it is told to stop.

    Parameters
    ----------
    listener : socket
        A listening unix socket.
    limits : Limits
        Of each child.
    owner : int, optional
        A descriptor whose end of file means that the owner is gone: then the server stops.
    """

    def __init__(self, listener: socket.socket, limits: "Limits", owner: int | None = None) -> None:
        self._listener = listener
        self._limits = limits
        self._owner = owner
        self._poll = select.poll()
        self._by_notes: dict[int, Working] = {}
        self._by_connection: dict[int, Working] = {}
        self._listening = False
        self._stopping = False

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or the end of the owner; then leave no child behind."""
        kept = leave_network()  # while there is one thread
        preload()
        gc.freeze()  # what is shared with the children stays shared
        self._listener.settimeout(0)
        awake, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        stops = {awake} | ({self._owner} if self._owner is not None else set())
        for descriptor in stops:
            self._poll.register(descriptor, select.POLLIN)
        self._listen()
        network = f"with the network: {kept}" if kept else "without a network"
        logger.info("airlock ready on %s, %s", self._listener.getsockname(), network)
        while not self._stopping:
            self._turn(stops)
        self._end_all()

    def _turn(self, stops: set[int]) -> None:
        ready = [descriptor for descriptor, _ in self._poll.poll(self._patience())]
        for descriptor in ready:
            if descriptor in stops:
                self._stopping = True
            elif descriptor in self._by_notes:
                self._hear(self._by_notes[descriptor])
            elif descriptor in self._by_connection:
                self._end(self._by_connection[descriptor], "gone")
        self._keep_time()
        # Last: a new connection may get the number of one that has just been closed.
        if self._listener.fileno() in ready:
            self._accept()

    def _patience(self) -> float | None:
        """Return how long to wait, in milliseconds: until the next child has used up its time."""
        running = [w.deadline for w in self._by_notes.values() if not w.verdict]
        return max(0.0, min(running) - time.monotonic()) * 1000 + 1 if running else _FOREVER

    def _listen(self) -> None:
        """Take connections only while there is room for a child: others wait in the queue."""
        room = len(self._by_notes) < self._limits.children
        if room and not self._listening:
            self._poll.register(self._listener, select.POLLIN)
        elif self._listening and not room:
            self._poll.unregister(self._listener)
        self._listening = room

    def _accept(self) -> None:
        with suppress(BlockingIOError, ConnectionError):
            connection, _ = self._listener.accept()
            self._fork(connection)
            self._listen()

    def _fork(self, connection: socket.socket) -> None:
        heard, notes = os.pipe()
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:  # no room at the moment: the client hears of an outage
            logger.warning("cannot fork: %s", error.strerror)
            os.close(heard)
            os.close(notes)
            connection.close()
            return
        if pid == 0:
            with child.LastWords(notes):
                child.isolate((connection.fileno(), notes), parent)
                child.serve(connection, notes, self._limits)
        os.close(notes)
        deadline = time.monotonic() + self._limits.wall_seconds
        working = Working(pid, connection, heard, deadline)
        self._by_notes[heard] = working
        self._by_connection[connection.fileno()] = working
        self._poll.register(heard, select.POLLIN)
        self._poll.register(connection, 0)  # tells of a client that leaves, and of nothing else

    def _hear(self, working: Working) -> None:
        """Read notes; at the end of them the child is at its end."""
        note = os.read(working.notes, _NOTES_LIMIT)
        if note:
            working.heard += note[: _NOTES_LIMIT - len(working.heard)]
            return
        self._bury(working)

    def _end(self, working: Working, verdict: str) -> None:
        if working.verdict:
            return
        working.verdict = verdict
        self._unwatch(working)
        with suppress(ProcessLookupError):
            os.kill(working.pid, signal.SIGKILL)

    def _unwatch(self, working: Working) -> None:
        if self._by_connection.pop(working.connection.fileno(), None):
            self._poll.unregister(working.connection)

    def _keep_time(self) -> None:
        now = time.monotonic()
        for working in list(self._by_notes.values()):
            if working.deadline <= now:
                self._end(working, "airlock_time_limit")

    def _bury(self, working: Working) -> None:
        """Forget a child that has ended, and answer for it if it did not."""
        _, status = os.waitpid(working.pid, 0)
        self._poll.unregister(working.notes)
        del self._by_notes[working.notes]
        os.close(working.notes)
        self._unwatch(working)
        if code := cause_of(working, os.waitstatus_to_exitcode(status)):
            logger.warning("child %d: %s %s", working.pid, code, working.lines[-1:])
            answer_for(working, code)
        working.connection.close()
        self._listen()

    def _end_all(self) -> None:
        for working in list(self._by_notes.values()):
            self._end(working, "gone")
            os.waitpid(working.pid, 0)


def cause_of(working: Working, status: int) -> str:
    """Return the code of what ended a child; empty if it has answered or nobody waits."""
    if status == 0 or working.verdict == "gone" or "answering" in working.lines:
        return ""
    if working.verdict:
        return working.verdict
    return "airlock_cpu_limit" if status == -signal.SIGXCPU else "airlock_crashed"


def answer_for(working: Working, code: str) -> None:
    """Answer in place of a dead child."""
    working.connection.settimeout(0)
    with suppress(OSError):
        working.connection.send(encode_answer({"refusal": asdict(limit_refusal(code, working.op))}))
