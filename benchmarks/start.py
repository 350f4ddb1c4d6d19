"""From the command to ready, to the loaded model and to the first prediction; memory by process."""

import re
import tempfile
import time
from pathlib import Path

from benchmarks.engine import born
from benchmarks.running import children_of, overread, radiograph

WORKER = "inference worker"


def main() -> None:
    """Start twice, as the first start makes the database, and measure the second.

    The first prediction is counted from the start of the worker's process too, and the memory is
    taken once it has read several batches.
    """
    with tempfile.TemporaryDirectory() as data:
        with overread(data) as client:
            token = client.token
        started, started_at = time.perf_counter(), time.time()
        with overread(data, token) as client:
            client.wait_for(client.upload([radiograph(0)]))
            first = time.perf_counter() - started
            (worker,) = [pid for pid in below(client.pid) if named(pid) == WORKER]
            of_worker = first - (born(worker) - started_at)
            client.wait_for(client.upload([radiograph(number) for number in range(1, 25)]))
            print(f"ready after {client.ready - started:.1f} s")
            print(f"model loaded after {client.loaded - started:.1f} s")
            print(
                f"first prediction done after {first:.1f} s, {of_worker:.1f} s of its worker (5.0)"
            )
            for pid in below(client.pid):
                print(f"{resident(pid):6.0f} MB  {named(pid)}", flush=True)
            print(f"aim: {WORKER} 700 MB")


def below(pid: int) -> list[int]:
    """Return ``serve`` and every process below it."""
    return [pid, *(found for child in children_of(pid) for found in below(child))]


def named(pid: int) -> str:
    """Return which of Overread's processes it is."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    for pattern, name in (
        (r"valkey", "queue"),
        (r"gunicorn", "web"),
        (r"inference\.airlock", "airlock"),
        (r"-Q inference", WORKER),
        (r"-Q general", "general worker"),
        (r"manage\.py serve", "serve"),
    ):
        if re.search(pattern, command):
            return name
    return command[:60] or "a child that ended"


def resident(pid: int) -> float:
    """Return the resident memory of a process, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1000 if found else 0.0
