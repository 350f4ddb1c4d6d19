"""The loop of ``serve``: relay output, restart who dies, stop all in time."""

import selectors
import signal
import socket
import time
from collections.abc import Sequence
from types import FrameType

from worker.supervisor.child import Child, Program
from worker.supervisor.output import relay, say_as

STOP_WITHIN = 9.0
"""Seconds from the signal to the last SIGKILL."""
WORKERS_STOP_WITHIN = 7.0
TICK = 0.25


class Supervisor:
    """Runs programs until it is told to stop. Belongs to the main thread."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.children = [Child(program) for program in programs]
        self.is_stopping = False
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = socket.socketpair()
        for end in (self._woken, self._wake):
            end.settimeout(0)

    def child(self, name: str) -> Child:
        """Return the child of this name."""
        return next(child for child in self.children if child.program.name == name)

    def run(self) -> str:
        """Run until a signal comes; return an empty string, or why it had to end."""
        self._listen_to_signals()
        for child in self.children:
            child.starts_at = time.monotonic() + child.program.starts_after
        try:
            while not self.is_stopping:
                self._start_due()
                self._relay(TICK)
                self._bury_dead()
                if hopeless := next((c for c in self.children if c.is_hopeless), None):
                    name = hopeless.program.name
                    return f"{name} keeps dying right after its start; its last lines say why."
            return ""
        finally:
            self._stop()
            signal.set_wakeup_fd(-1)
            self._selector.close()
            self._woken.close()
            self._wake.close()

    def _stop(self) -> None:
        """Stop all: first who uses others, then who is used; who does not go is killed."""
        self.is_stopping = True
        started = time.monotonic()
        users = [child for child in self.children if not child.program.stops_last]
        used = [child for child in self.children if child.program.stops_last]
        self._end(users, until=started + WORKERS_STOP_WITHIN)
        self._end(used, until=started + STOP_WITHIN)

    def _listen_to_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake the selector
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._woken, selectors.EVENT_READ, None)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.is_stopping = True

    def _start_due(self) -> None:
        for child in self.children:
            if child.process is None and time.monotonic() >= child.starts_at:
                self._start(child)

    def _start(self, child: Child) -> None:
        try:
            child.start()
        except OSError as error:
            say_as("serve", f"{child.program.name} {child.excuse(error)}")
            return
        assert child.process is not None  # noqa: S101 (for the type)
        assert child.process.stdout is not None  # noqa: S101
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _relay(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                self._drain_wakeups()
            elif not relay(key.data):
                self._selector.unregister(key.fileobj)

    def _drain_wakeups(self) -> None:
        try:
            while self._woken.recv(4096):
                pass
        except BlockingIOError:
            return

    def _bury_dead(self) -> None:
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self._close(child)
                say_as("serve", f"{child.program.name} {child.bury()}")

    def _end(self, children: Sequence[Child], *, until: float) -> None:
        for child in children:
            child.send(signal.SIGTERM)
        while any(c.process and c.process.poll() is None for c in children):
            if time.monotonic() > until:
                self._kill(children)
                break
            self._relay(0.05)
        for child in children:
            if child.process is not None:
                self._close(child)
                child.process.wait()
                child.process = None

    def _kill(self, children: Sequence[Child]) -> None:
        for child in children:
            if child.process and child.process.poll() is None:
                say_as("serve", f"{child.program.name} does not stop and is killed")
                child.send(signal.SIGKILL)

    def _close(self, child: Child) -> None:
        """Relay what is left and stop listening. A grandchild may still hold the other end."""
        while relay(child) and self._has_more(child):
            pass
        if child.process and child.process.stdout:
            if child.process.stdout in self._registered():
                self._selector.unregister(child.process.stdout)
            child.process.stdout.close()

    def _has_more(self, child: Child) -> bool:
        return any(key.data is child for key, _ in self._selector.select(0))

    def _registered(self) -> list[object]:
        return [key.fileobj for key in self._selector.get_map().values()]
