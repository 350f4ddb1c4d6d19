"""What clients sent and were told, and what was done to the system: one JSON object a line.

The file lies outside the data of the system, and each line is flushed before the next act.
"""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Sent:
    """One request and its answer. ``status`` 0: none came, and ``error`` says why."""

    key: str
    sha256: list[str]
    status: int
    uploads: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""
    at: float = 0.0
    kind: str = "sent"

    @property
    def is_promise(self) -> bool:
        """Whether the client may forget the files now."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing done to the system; ``until`` is when it was over and work could go on."""

    what: str
    at: float
    until: float
    kind: str = "fault"


class Ledger:
    """Append to one file, from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self.promises = 0
        self.called_off = threading.Event()
        """Set once the run cannot end well."""

    def sent(self, key: str, sha256: Sequence[str], status: int, **answer: Any) -> Sent:
        """Write down one answer."""
        entry = Sent(key, list(sha256), status, at=time.time(), **answer)
        self._write(entry)
        self.promises += entry.is_promise
        return entry

    def fault(self, what: str, at: float) -> None:
        """Write down what was done, now that it is over."""
        self._write(Fault(what, at, time.time()))

    def close(self) -> None:
        self._file.close()

    def _write(self, entry: Sent | Fault) -> None:
        with self._lock:
            self._file.write(json.dumps(asdict(entry)) + "\n")
            self._file.flush()


def read(path: Path) -> tuple[list[Sent], list[Fault]]:
    """Return everything in a ledger."""
    sent, faults = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["kind"] == "fault":
            faults.append(Fault(**entry))
        else:
            sent.append(Sent(**entry))
    return sent, faults
