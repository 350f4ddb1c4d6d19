"""Who this process is, in the rows it holds and the row it writes of itself."""

import os
import secrets
import socket
from functools import cache


@cache
def worker_name() -> str:
    """Return a name that no other process has, nor had: ``host:pid:random``.

    A container that is started anew has the host name and the process id of the one before it.
    """
    return f"{process_prefix(os.getpid())}{secrets.token_hex(4)}"


def process_prefix(pid: int) -> str:
    """Return how the name of the worker with this process id on this machine begins."""
    return f"{socket.gethostname()[:80]}:{pid}:"
