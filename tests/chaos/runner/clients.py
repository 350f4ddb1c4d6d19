"""Clients that behave as the API asks: what got no 2xx is sent again under the same key."""

import hashlib
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import requests

from tests.chaos import radiographs
from tests.chaos.harness import Overread
from tests.chaos.runner.ledger import Ledger, Sent

PATIENCE = 180.0
"""Seconds after which a client gives an upload up; the judge calls that a loss."""
TIMEOUT = 15.0


@dataclass(frozen=True, slots=True)
class Task:
    """One upload: which pictures, at which second, and what is sent once more afterwards."""

    key: str
    seeds: tuple[int, ...]
    at: float
    again: str = ""


def plan(seed: int, *, uploads: int, spread: float, clients: int) -> list[list[Task]]:
    """Return what each client is to do; the same ``seed`` gives the same plan."""
    rng = random.Random(seed)
    work: list[list[Task]] = [[] for _ in range(clients)]
    picture = seed * 10_000_000
    for number in range(uploads):
        files = 3 if rng.random() < 0.1 else 1
        seeds = tuple(range(picture, picture + files))
        picture += files
        again = rng.choices(("", "key", "bytes"), (0.8, 0.1, 0.1))[0]
        at = spread * number / uploads
        work[number % clients].append(Task(f"{seed}-{number}", seeds, at, again))
    return work


class Client(threading.Thread):
    """Works through its tasks, one after the other, unless the run is called off."""

    def __init__(self, system: Overread, token: str, tasks: Sequence[Task], ledger: Ledger) -> None:
        super().__init__(name="client", daemon=True)
        self._system, self._token, self._tasks = system, token, tasks
        self._ledger = ledger
        self._pause = random.Random(tasks[0].key if tasks else 0)

    def run(self) -> None:
        started = time.monotonic()
        for task in self._tasks:
            if self._ledger.called_off.is_set():
                return
            time.sleep(max(0.0, task.at - (time.monotonic() - started)))
            contents = [picture(seed) for seed in task.seeds]
            self._until_promised(task.key, contents)
            if task.again == "key":
                self._until_promised(task.key, contents)
            elif task.again == "bytes":
                self._until_promised("", contents)

    def _until_promised(self, key: str, contents: Sequence[bytes]) -> None:
        ends = time.monotonic() + PATIENCE
        while not self._send(key, contents).is_promise:
            if time.monotonic() > ends:
                self._ledger.called_off.set()
            if self._ledger.called_off.is_set():
                return
            time.sleep(self._pause.uniform(0.1, 0.7))

    def _send(self, key: str, contents: Sequence[bytes]) -> Sent:
        sha256 = [hashlib.sha256(content).hexdigest() for content in contents]
        headers = {"Authorization": f"Token {self._token}"}
        if key:
            headers["Idempotency-Key"] = key
        parts = [("files", (f"{n}.dcm", content)) for n, content in enumerate(contents)]
        try:
            answer = requests.post(
                f"{self._system.origin}/api/v1/uploads",
                files=parts,
                headers=headers,
                timeout=TIMEOUT,
            )
            uploads = answer.json()["uploads"] if answer.ok else []
        except (requests.RequestException, ValueError) as error:
            return self._ledger.sent(key, sha256, 0, error=type(error).__name__)
        words = "" if answer.ok else answer.text[:300]
        return self._ledger.sent(key, sha256, answer.status_code, uploads=uploads, error=words)


def picture(seed: int) -> bytes:
    """Return the radiograph of this number; every fifth is a PNG."""
    return radiographs.png(seed) if seed % 5 == 0 else radiographs.dicom(seed)
