"""``python -m inference.airlock --socket S``: serve until SIGTERM."""

import argparse
import logging
import os
import socket
import stat
import sys
from contextlib import suppress
from pathlib import Path

from inference.airlock.limits import Limits
from inference.airlock.lines import JsonLines

_FORMAT = "OVERREAD_LOG_FORMAT"
_KEPT = (_FORMAT, "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH")
_LIMITS = "OVERREAD_AIRLOCK_"
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_AFRESH = "OVERREAD_AIRLOCK_AFRESH"
_BACKLOG = 128
_FAULT = 2


class CannotListen(Exception):
    """The socket cannot be had. The message is a sentence."""


def main() -> int:
    """Run the airlock; 0 when it was told to stop, 2 when it cannot start."""
    parser = argparse.ArgumentParser(
        prog="python -m inference.airlock",
        description="Open untrusted files, each in a limited child of its own.",
        epilog="Limits of a child: OVERREAD_AIRLOCK_MEMORY_MB (1024), _CPU_SECONDS (10), "
        "_WALL_SECONDS (20); _CHILDREN, how many at once (two a processor).",
    )
    parser.add_argument("--socket", required=True, type=Path, help="unix socket to listen on")
    parser.add_argument(
        "--end-with-stdin",
        action="store_true",
        help="stop at the end of standard input and remove the folder of the socket if it is empty",
    )
    parser.add_argument(
        "--group-may-connect",
        action="store_true",
        help="let the group of the socket connect too: for an airlock with a user of its own",
    )
    arguments = parser.parse_args()
    start_afresh()
    level = logging.WARNING if arguments.end_with_stdin else logging.INFO
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    if os.environ.get(_FORMAT) == "json":
        logging.root.handlers[0].setFormatter(JsonLines())
    from inference.airlock.server import Forkserver

    try:
        limits = Limits.from_environment(os.environ)
        listener = listening(arguments.socket, for_group=arguments.group_may_connect)
    except (CannotListen, ValueError) as error:
        sys.stderr.write(f"airlock: {error}\n")
        return _FAULT
    try:
        Forkserver(listener, limits, owner=0 if arguments.end_with_stdin else None).run()
    finally:
        arguments.socket.unlink(missing_ok=True)
        if arguments.end_with_stdin:
            with suppress(OSError):  # an owner that was killed could not remove its folder
                arguments.socket.parent.rmdir()
    return 0


def start_afresh() -> None:
    """Start this program again, once, in a clean environment.

    What the environment held stays readable in the process otherwise (``/proc/PID/environ``), and
    the numeric libraries take their number of threads from it when they are first loaded.
    """
    if os.environ.get(_AFRESH):
        return
    clean = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_LIMITS)
    }
    command = [sys.executable, "-m", "inference.airlock", *sys.argv[1:]]
    os.execve(sys.executable, command, {**clean, **_ONE_THREAD, _AFRESH: "1"})  # noqa: S606 - this very program


def listening(path: Path, *, for_group: bool = False) -> socket.socket:
    """Return a socket that listens on ``path``, for this user alone or for its group too.

    Raises
    ------
    CannotListen
        If somebody answers there, or it is not a socket, or the path cannot be used.
    """
    if os.path.lexists(path):
        remove_stale(path)
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o117 if for_group else 0o177)
    try:
        listener.bind(str(path))
        listener.listen(_BACKLOG)
    except OSError as error:
        raise CannotListen(f"cannot listen on {path}: {error.strerror or error}") from error
    finally:
        os.umask(mask)
    return listener


def remove_stale(path: Path) -> None:
    """Remove a socket on which nobody answers.

    Raises
    ------
    CannotListen
        If somebody answers, or if it is not a socket.
    """
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise CannotListen(f"{path} is there and is not a socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise CannotListen(f"cannot tell who listens on {path}: {error}") from error
        else:
            raise CannotListen(f"another airlock answers on {path}")


if __name__ == "__main__":
    sys.exit(main())
