"""``python tether.py PARENT COMMAND ...``: become COMMAND, and never outlive PARENT.

A killed supervisor cannot stop anybody, so the kernel does it. This runs between fork and exec
in a process of its own because code after a fork may not touch what other threads held.
"""

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2); kept across exec


def die_with(parent: int) -> None:
    """Have the kernel kill this process when ``parent``, its parent, ends (Linux only)."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 (costs the others nothing)

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was asked
        raise SystemExit(1)


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 (the supervisor chose the command)
