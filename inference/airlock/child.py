"""One child: one request, one answer, and out.

The notes that a child writes to its parent, one a line: ``op NAME`` when it knows what to do,
``answering`` before the first byte of its answer, and where it broke, if it did.
"""

import ctypes
import errno
import logging
import mmap
import os
import signal
import socket
import stat
import sys
import warnings
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

from inference.airlock.operations import OPERATIONS
from inference.airlock.refused import Refused, limit_refusal
from inference.airlock.requests import BadRequest, checked_request
from inference.airlock.wire import REQUEST_LIMIT, encode_answer

if TYPE_CHECKING:
    from types import TracebackType

    from inference.airlock.limits import Limits

    Reply = tuple[dict[str, Any], bytes]

BROKE = 70
"""Exit status of a child that met a bug, as ``EX_SOFTWARE``."""
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_OPEN_FILES = 65536
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class LastWords:
    """Ends the process when the block does, and notes where it broke.

    A forked child must not return into its parent's code, whatever happens. The note names the
    type of the exception and the line, never its message: that may hold a patient's name.
    """

    def __init__(self, notes: int) -> None:
        self._notes = notes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: "TracebackType | None",
    ) -> None:
        if kind is None:
            os._exit(0)
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
        with suppress(OSError):
            os.write(self._notes, f"{kind.__name__} at {where}\n".encode())
        os._exit(BROKE)


def isolate(keep: tuple[int, int], parent: int) -> None:
    """Close what is the parent's, say nothing, and die with it.

    Parameters
    ----------
    keep : (int, int)
        The descriptors that stay open beside the standard ones.
    parent : int
        Process id.
    """
    # What libraries have to say may quote the file.
    logging.disable()
    warnings.simplefilter("ignore")
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    low, high = sorted(keep)
    os.closerange(3, low)
    os.closerange(low + 1, high)
    os.closerange(high + 1, _OPEN_FILES)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(BROKE)


def serve(connection: socket.socket, notes: int, limits: "Limits") -> None:
    """Answer the one request of ``connection``; a client that leaves is let go."""
    limits.apply()
    # The parent keeps the clock; this is for a child whose parent has died.
    connection.settimeout(2 * limits.wall_seconds)
    with suppress(ConnectionError, TimeoutError):
        line, blob = received(connection)
        if not line:
            return
        head, payload = reply(line, blob, notes)
        answer = encode_answer(head, payload)
        os.write(notes, b"answering\n")
        connection.sendall(answer)
        connection.sendall(payload)


def received(connection: socket.socket) -> tuple[bytes, int | None]:
    """Return the request line and the descriptor that came with it; no line if nobody asks."""
    line, blob = b"", None
    while not line.endswith(b"\n") and len(line) < REQUEST_LIMIT:
        part, descriptors, _, _ = socket.recv_fds(connection, REQUEST_LIMIT, 1)
        if not part:
            return b"", None
        line += part
        blob = descriptors[0] if descriptors else blob
    return line, blob


def reply(line: bytes, blob: int | None, notes: int) -> "Reply":
    """Return head and payload of the answer to one request."""
    try:
        request = checked_request(line)
    except BadRequest as error:
        return {"error": str(error)}, b""
    if blob is None or not stat.S_ISREG(os.fstat(blob).st_mode):
        return {"error": "no regular file came with the request"}, b""
    os.write(notes, f"op {request.op}\n".encode())
    try:
        head, payload = OPERATIONS[request.op](mapped(blob), request.args)
    except Refused as refused:
        return {"refusal": asdict(refused.refusal)}, b""
    except MemoryError:
        return {"refusal": asdict(limit_refusal("airlock_memory_limit", request.op))}, b""
    return {"answer": head}, payload


def mapped(blob: int) -> memoryview:
    """Return the bytes of a file without reading them.

    Raises
    ------
    MemoryError
        If the file is larger than the address space that is left.
    """
    size = os.fstat(blob).st_size
    if not size:
        return memoryview(b"")
    try:
        return memoryview(mmap.mmap(blob, size, access=mmap.ACCESS_READ))
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError from error
        raise
