"""The protocol between the airlock and its clients, over a unix stream socket.

Request
    One line of JSON, ``{"op": "header" | "decode" | "render", "args": {...}}`` and a newline, at
    most 64 KiB. With its first byte travels one file descriptor (``SCM_RIGHTS``) of the blob, a
    regular file open for reading: the child needs no file system and no path.

Answer
    Four bytes, big endian: the length of the head. The head, JSON: either
    ``{"answer": {...}, "payload_bytes": n}`` or ``{"refusal": {"code", "detail", "outcome", "tag",
    "found", "remedy"}, "payload_bytes": 0}`` or ``{"error": "...", "payload_bytes": 0}`` for a
    request that makes no sense. Then ``n`` bytes of payload.

One connection is one request. A client that closes it ends the child that works for it.
"""

import json
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

REQUEST_LIMIT = 64 * 1024
LENGTH = struct.Struct(">I")


def encode_answer(head: "Mapping[str, object]", payload: bytes = b"") -> bytes:
    """Return the bytes of an answer, without its payload.

    Raises
    ------
    ValueError
        If the head holds NaN or infinity: they are not JSON.
    """
    body = json.dumps({**head, "payload_bytes": len(payload)}, allow_nan=False).encode()
    return LENGTH.pack(len(body)) + body


def read_exactly(connection: "socket.socket", count: int, deadline: float) -> bytes:
    """Return ``count`` bytes from ``connection``.

    Parameters
    ----------
    connection : socket
        A connected one.
    count : int
        Bytes.
    deadline : float
        By the monotonic clock, seconds.

    Raises
    ------
    ConnectionError
        If the other side closes first.
    TimeoutError
        If the deadline passes first.
    """
    received = bytearray(count)
    view = memoryview(received)
    while view:
        # A socket with a timeout of 0 would not wait, and say so by another error.
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        got = connection.recv_into(view)
        if not got:
            raise ConnectionError("the airlock closed the connection")
        view = view[got:]
    return bytes(received)
