"""A real airlock in a process of its own, for tests."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass
class Server:
    """A server that is ready."""

    process: subprocess.Popen
    socket: Path
    log: list[str] = field(default_factory=list)

    @property
    def children(self) -> set[int]:
        """Process ids of its children."""
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in tasks.read_text().split()}


@contextmanager
def running(socket: Path, **environment: str) -> Iterator[Server]:
    """Yield a server that listens on ``socket``; it is stopped, and its log complete, after it."""
    process = start(socket, **environment)
    server = Server(process, socket)
    server.log.append(process.stderr.readline())
    reader = threading.Thread(target=lambda: server.log.extend(process.stderr), daemon=True)
    reader.start()
    try:
        assert "airlock ready on" in server.log[0], server.log
        yield server
    finally:
        process.terminate()
        process.wait(10)
        reader.join(10)
        process.stderr.close()


def start(socket: Path, **environment: str) -> subprocess.Popen:
    """Return the process of a server, not necessarily ready."""
    return subprocess.Popen(
        [sys.executable, "-m", "inference.airlock", "--socket", str(socket)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
