"""Whom to strike, how, and when: all from a seed."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.chaos.harness import Overread, children_of, is_running, until
from tests.chaos.runner.ledger import Ledger

TARGETS = (
    *("web", "web worker", "worker", "worker", "airlock", "airlock child", "broker", "general"),
    "all",
)
SIGNALS = {"kill": signal.SIGKILL, "end": signal.SIGTERM, "reload": signal.SIGHUP}
FREEZABLE = ("web worker", "worker", "airlock", "broker", "general")


@dataclass(frozen=True, slots=True)
class Blow:
    """One fault to come: what, to whom, at which second after the start, for how long."""

    at: float
    what: str
    target: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        words = [self.what, self.target, f"for {self.seconds:.1f} s" if self.seconds else ""]
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class Faults:
    """How many of each kind."""

    kills: int = 12
    freezes: int = 3
    memory_losses: int = 1
    full_stops: int = 1
    targets: tuple[str, ...] = TARGETS


def plan(seed: int, faults: Faults, *, spread: float, longest_freeze: float) -> list[Blow]:
    """Return the blows in their order; the same ``seed`` gives the same plan.

    Each target is struck before any is struck again.
    """
    rng = random.Random(f"killer {seed}")
    blows = [("kill", target, 0.0) for target in _dealt(rng, faults.targets, faults.kills)]
    frozen = _dealt(rng, FREEZABLE, faults.freezes)
    blows += [("freeze", target, rng.uniform(0.5, longest_freeze)) for target in frozen]
    blows += [("lose the memory of", "broker", 0.0)] * faults.memory_losses
    blows += [("stop", "all", 0.0)] * faults.full_stops
    rng.shuffle(blows)
    step = spread / max(1, len(blows))
    moments = [step * (n + rng.uniform(0.2, 0.8)) for n in range(len(blows))]
    return [Blow(at, *blow) for at, blow in zip(moments, blows, strict=True)]


class Killer(threading.Thread):
    """Strikes the blows and writes each into the ledger once it is over.

    What it could not do is an error of the run, kept in ``failure``.
    """

    def __init__(self, system: Overread, blows: Sequence[Blow], ledger: Ledger) -> None:
        super().__init__(name="killer", daemon=True)
        self._system, self._blows, self._ledger = system, blows, ledger
        self.failure = ""

    def run(self) -> None:
        started = time.monotonic()
        for blow in self._blows:
            if self._ledger.called_off.is_set():
                return
            time.sleep(max(0.0, blow.at - (time.monotonic() - started)))
            at = time.time()
            try:
                self._strike(blow)
            except (AssertionError, OSError) as error:
                self.failure = f"{blow}: {error}"
                self._ledger.called_off.set()
                return
            self._ledger.fault(str(blow), at)

    def _strike(self, blow: Blow) -> None:
        if blow.what == "stop":
            self._system.stop()
            self._system.restart()
        elif blow.target == "all":
            self._system.kill_all()
            self._system.restart()
        elif blow.what.startswith("lose"):
            self._system.wipe_broker()
            hit(self._system, "broker", signal.SIGKILL)
        elif blow.what == "freeze":
            freeze(hit(self._system, blow.target, signal.SIGSTOP), blow.seconds)
        elif blow.target == "database":
            self._system.crash_database()
        else:
            hit(self._system, blow.target, SIGNALS[blow.what])


def hit(system: Overread, target: str, number: int) -> int:
    """Send a signal and return whom it met; one that ended before it was met is not counted."""
    while True:
        pid = pid_of(system, target)
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        return pid


def freeze(pid: int, seconds: float) -> None:
    """Let a stopped process go on after a while, if it still lives."""
    time.sleep(seconds)
    if is_running(pid):
        os.kill(pid, signal.SIGCONT)


def pid_of(system: Overread, target: str) -> int:
    """Return the process id of a target, as soon as there is one."""
    find: dict[str, Callable[[], list[int]]] = {
        "web": lambda: system.children("-m", "gunicorn"),
        "web worker": lambda: below(system.children("-m", "gunicorn")),
        "worker": lambda: system.children("-Q", "inference"),
        "general": lambda: system.children("-Q", "general"),
        "airlock": lambda: system.children("-m", "inference.airlock"),
        "airlock child": lambda: below(system.children("-m", "inference.airlock")),
        "broker": system.brokers,
    }
    found = until(find[target], within=40, every=0.003, what=target)
    return int(found[0])


def _dealt(rng: random.Random, targets: Sequence[str], count: int) -> list[str]:
    """Return ``count`` targets, each before any comes again, in no order."""
    rounds = -(-count // len(targets))
    return [one for _ in range(rounds) for one in rng.sample(targets, len(targets))][:count]


def below(parents: list[int]) -> list[int]:
    """Return the children of all ``parents``."""
    return [child for parent in parents for child in children_of(parent)]
