"""What ``serve`` prints: its own sentences, and the lines of its children with their names."""

import json
import os
import sys
import threading
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from worker.supervisor.child import Child

_CHUNK = 65536
_LONGEST = 16_384  # bytes of a line before it is cut
_guard = threading.Lock()


def say(line: str) -> None:
    """Print one sentence of ``serve`` itself."""
    _print(_as_json("serve", line) if settings.OVERREAD_LOG_FORMAT == "json" else line)


def say_as(name: str, line: str) -> None:
    """Print one line behind the name of who says it."""
    as_json = settings.OVERREAD_LOG_FORMAT == "json"
    _print(_as_json(name, line) if as_json else f"{name:<9} | {line}")


def _as_json(name: str, line: str) -> str:
    """Return a JSON object: the one that ``line`` is, or a new one around it, with the process."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):  # also what is JSON, but too long or too deep
        said = None
    told = said if isinstance(said, dict) else {"level": "info", "message": line}
    at = timezone.now().isoformat(timespec="milliseconds")
    return json.dumps({"at": at, "process": name, **told})


def _print(line: str) -> None:
    """Print at once; once nobody reads any more, go on in silence.

    A log on a full disk lacks lines until there is room: that is no reason to stop everything.
    """
    letters = getattr(sys.stdout, "encoding", None) or "utf-8"
    with _guard:
        try:
            sys.stdout.write(f"{line}\n".encode(letters, "replace").decode(letters))
            sys.stdout.flush()
        except BrokenPipeError:
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 (for as long as we live)
        except OSError:
            return


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
