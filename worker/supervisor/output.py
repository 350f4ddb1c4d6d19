"""What ``serve`` prints: its own sentences, and the lines of its children with their names."""

import os
import sys
import threading
from pathlib import Path

from worker.supervisor.child import Child

_CHUNK = 65536
_LONGEST = 16_384  # bytes of a line before it is cut
_guard = threading.Lock()


def say(line: str) -> None:
    """Print one line at once; once nobody reads any more, go on in silence."""
    with _guard:
        try:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 (for as long as we live)


def say_as(name: str, line: str) -> None:
    """Print one line behind the name of who says it."""
    say(f"{name:<9} | {line}")


def relay(child: Child) -> bool:
    """Print the whole lines that ``child`` wrote; False at the end of its output."""
    if child.process is None or child.process.stdout is None:
        return False
    try:
        chunk = os.read(child.process.stdout.fileno(), _CHUNK)
    except BlockingIOError:
        return True
    lines = (child.unread + chunk).split(b"\n")
    child.unread = lines.pop() if chunk and len(lines[-1]) < _LONGEST else b""
    for line in lines:
        if line.strip():
            say_as(child.program.name, line.decode(errors="replace").rstrip())
    return bool(chunk)
