"""What ``serve`` prints: its own sentences, and the lines of its children with their names."""

import json
import os
import select
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from worker.supervisor.child import Child

_CHUNK = 65536
_LONGEST = 16_384  # bytes of a line before it is cut
_TAKEN_WHOLE = 4096  # bytes that a pipe takes whole if it takes any: PIPE_BUF of Linux
_PATIENCE = 1000  # milliseconds for a reader that is slow
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

    A log on a full disk lacks lines until there is room, and so does one whose reader stands
    still: that is no reason to stop everything.
    """
    letters = getattr(sys.stdout, "encoding", None) or "utf-8"
    with _guard:
        try:
            _write(f"{line}\n".encode(letters, "replace"), letters)
        except BrokenPipeError:
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 (for as long as we live)
        except OSError:
            return


def _write(content: bytes, letters: str) -> None:
    try:
        descriptor = sys.stdout.fileno()
    except OSError:  # no file, but an object of a test
        sys.stdout.write(content.decode(letters))
        sys.stdout.flush()
        return
    if _left_out.lines and _takes(descriptor):
        _put(descriptor, f"{_left_out.words()}\n".encode())
        _left_out.lines = 0
    if not _put(descriptor, content):
        _left_out.lines += 1


def _put(descriptor: int, content: bytes) -> bool:
    """Write as much as is taken; return whether that was all. What was begun ends its line."""
    rest = memoryview(_left_out.ends_line + content)
    while rest:
        if not _takes(descriptor):
            _left_out.ends_line = b"\n" if len(rest) < len(content) else _left_out.ends_line
            return False
        rest = rest[os.write(descriptor, rest[:_TAKEN_WHOLE]) :]
    _left_out.ends_line = b""
    return True


def _takes(descriptor: int) -> bool:
    """Return whether a write would not wait; whoever stood still before is not waited for."""
    door = select.poll()
    door.register(descriptor, select.POLLOUT)
    return bool(door.poll(0 if _left_out.lines else _PATIENCE))


@dataclass(slots=True)
class _LeftOut:
    """What was not printed since the reader stands still."""

    lines: int = 0
    ends_line: bytes = b""

    def words(self) -> str:
        """Return how much that was, in the form of a line."""
        words = f"{self.lines} lines were left out: nobody read them."
        is_json = settings.OVERREAD_LOG_FORMAT == "json"
        return _as_json("serve", words) if is_json else f"{'serve':<9} | {words}"


_left_out = _LeftOut()


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
