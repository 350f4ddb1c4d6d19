"""From the command to ready, to the loaded model and to the first prediction; memory by process."""

import re
import tempfile
import time
from pathlib import Path

from benchmarks.running import children_of, overread, radiograph


def main() -> None:
    """Start twice, as the first start makes the database, and measure the second."""
    with tempfile.TemporaryDirectory() as data:
        with overread(data):
            pass
        started = time.perf_counter()
        with overread(data) as client:
            client.wait_for(client.upload([radiograph(1)]))
            print(f"ready after {client.ready - started:.1f} s")
            print(f"model loaded after {client.loaded - started:.1f} s")
            print(f"first prediction done after {time.perf_counter() - started:.1f} s")
            for name, megabytes in memory_of(client.pid):
                print(f"{megabytes:6.0f} MB  {name}", flush=True)


def memory_of(pid: int) -> list[tuple[str, float]]:
    """Return the resident memory of ``serve`` and of every process below it, in MB."""
    found = [(named(pid), resident(pid))]
    for child in children_of(pid):
        found += memory_of(child)
    return found


def named(pid: int) -> str:
    """Return which of Overread's processes it is."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    for pattern, name in (
        (r"valkey", "queue"),
        (r"gunicorn", "web"),
        (r"inference\.airlock", "airlock"),
        (r"-Q inference", "inference worker"),
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
