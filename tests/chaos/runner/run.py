"""One run: start, upload and strike, wait for the end, judge."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.harness import LEASE, Overread, until
from tests.chaos.runner import clients, judge, killer, ledger, state

QUIET_WITHIN = 240.0
"""Seconds after the last fault in which every prediction must have ended."""


@dataclass(frozen=True, slots=True)
class Tier:
    """How much."""

    uploads: int = 300
    spread: float = 110.0
    clients: int = 4
    faults: killer.Faults = field(default_factory=killer.Faults)
    lease: float = LEASE
    patience: float = 30.0
    """Seconds beyond the lease for a prediction to end: a start of a worker, and its work."""


@dataclass(slots=True)
class Report:
    """How it went. ``breaches`` is empty if all is well."""

    seed: int
    blows: list[str]
    breaches: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"seed {self.seed}: {len(self.breaches)} breaches"]
        lines += [f"  {name}: {value:g}" for name, value in self.numbers.items()]
        lines += [f"  answered {name}: {value}" for name, value in sorted(self.answers.items())]
        lines += [f"  blow: {blow}" for blow in self.blows]
        return "\n".join([*lines, *[f"  BREACH {breach}" for breach in self.breaches]])


def run(
    system: Overread, path: Path, seed: int, tier: Tier, blows: Sequence[killer.Blow] = ()
) -> Report:
    """Return how a started ``system`` came through; the ledger is written to ``path``.

    ``blows`` replace those that the seed would choose.
    """
    tokens = system.people("uploader1", "uploader2", "reader")
    started = time.monotonic()
    book = ledger.Ledger(path)
    blows = blows or killer.plan(
        seed, tier.faults, spread=tier.spread, longest_freeze=tier.lease + 3
    )
    work = clients.plan(seed, uploads=tier.uploads, spread=tier.spread, clients=tier.clients)
    senders = [
        clients.Client(system, tokens[f"uploader{n % 2 + 1}"], tasks, book)
        for n, tasks in enumerate(work)
    ]
    striker = killer.Killer(system, blows, book)
    for thread in (*senders, striker):
        thread.start()
    for thread in (*senders, striker):
        thread.join()
    book.close()
    sending = time.monotonic() - started
    unfinished = _wait_until_quiet(system)
    report = _judged(system, path, Report(seed, [str(blow) for blow in blows]), tier)
    report.breaches += [striker.failure] if striker.failure else []
    report.numbers |= {
        "seconds of sending": round(sending, 1),
        "seconds until all had ended": round(time.monotonic() - started - sending, 1),
        "unfinished at the end": unfinished,
    }
    return report


def _wait_until_quiet(system: Overread) -> int:
    """Return how many predictions have not ended although there was time."""
    count = "from portal.predictions.models import Prediction as P;"
    count += "print(P.objects.filter(state__in=('queued', 'running')).count())"
    open_rows = lambda: int(system.python(count))  # noqa: E731
    try:
        until(lambda: open_rows() == 0, within=QUIET_WITHIN, every=1)
    except AssertionError:
        return open_rows()
    return 0


def _judged(system: Overread, path: Path, report: Report, tier: Tier) -> Report:
    sent, faults = ledger.read(path)
    found = state.load(system.python("from tests.chaos.runner.state import dump; dump()"))
    report.breaches = judge.judge(sent, faults, found, within=tier.lease + tier.patience)
    report.breaches += [line for line in _verified(system) if "BREACH" in line or "BROKEN" in line]
    report.numbers = {
        "requests": len(sent),
        "promises": sum(one.is_promise for one in sent),
        "faults": len(faults),
        "instances": len(found.instances),
        "predictions": len(found.predictions),
        "given up": sum(one.state == "failed" for one in found.predictions),
        "tried more than once": sum(one.attempt > 1 for one in found.predictions),
        "slowest end with nothing in its way, s": round(judge.slowest(faults, found), 1),
    }
    report.answers = dict(Counter(_name(one) for one in sent))
    return report


def _verified(system: Overread) -> Sequence[str]:
    """Return what the system's own commands say; they are run on live processes."""
    lines = []
    for command in ("verify_invariants", "verify_audit"):
        lines += system.manage(command, may_fail=True).splitlines()
    return lines


def _name(one: ledger.Sent) -> str:
    return str(one.status) if one.status else one.error
