"""Taking the network away from the airlock, where the kernel lets a process do that by itself."""

import ctypes
import os
import sys

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


def leave_network() -> str:
    """Move this process, and all that it will fork, to where there is no network at all.

    Unix sockets that lie in the file system, and descriptors that were handed over, still work. A
    user namespace of its own makes it possible without root (user_namespaces(7)); some systems
    and containers forbid it.

    Returns
    -------
    str
        Why it could not be done; empty if it was.
    """
    if sys.platform != "linux":
        return f"{sys.platform} has no network namespaces"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET):
        return os.strerror(ctypes.get_errno())
    return ""
