"""gunicorn's threads, but not for clients that never come to the point.

A thread that waits for the head of a request waits for ever: as many slow clients as there are
threads would keep everybody else out. What stands in front (nginx) may be patient for us; whoever
runs without it is safe all the same.
"""

import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker

HEAD_SECONDS = 5.0
"""From the connection to the end of the head of its request."""
AT_LEAST_SECONDS = 1.0
"""For a connection that has waited for a thread, and may have sent its head long ago."""
SILENCE_SECONDS = 30.0
"""Within a body, or while an answer is sent."""
REST_SECONDS = 5.0
"""For the rest of a body that was refused unread."""
LONG_BODY = 64 * 1024
"""Bytes. More than that gunicorn does not read of a body that was refused unread: it hangs up."""


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker with threads whose patience ends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heads: dict[Any, float] = {}
        self._accepted: dict[Any, float] = {}

    def enqueue_req(self, conn: Any) -> None:
        """Remember since when a connection waits to be heard."""
        self._accepted[conn] = time.monotonic()
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Read a request, for as long as `notify` lets it."""
        now = time.monotonic()
        since = self._accepted.pop(conn, now)
        self._heads[conn] = max(since + HEAD_SECONDS, now + AT_LEAST_SECONDS)
        try:
            return super().handle(conn)
        finally:
            self._heads.pop(conn, None)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose head has come; its body may not stop coming.

        After a long body the connection is closed, and the answer says so. Without that word
        nginx would send the next request, anybody's, into a connection that is about to end.
        """
        self._heads.pop(conn, None)
        conn.sock.settimeout(SILENCE_SECONDS)
        if not _has_long_body(req):
            return super().handle_request(req, conn)
        req.force_close()
        goes_on = super().handle_request(req, conn)
        self._heads[conn] = time.monotonic() + REST_SECONDS  # `notify` sees to it, and `handle`
        with suppress(OSError, ParseException):  # who hangs up on a sender takes the answer back
            while req.body.read(LONG_BODY):
                pass
        return goes_on

    def notify(self) -> None:
        """End what took too long; gunicorn calls this once a second from its main loop."""
        super().notify()
        now = time.monotonic()
        for conn, ends in list(self._heads.items()):
            if ends < now:
                with suppress(OSError):  # its thread reads the end of the stream, and hangs up
                    conn.sock.shutdown(socket.SHUT_RD)


def _has_long_body(req: Any) -> bool:
    """Return whether a body is longer than `LONG_BODY`, or does not say how long it is."""
    said = dict(req.headers)
    length = said.get("CONTENT-LENGTH", "0")
    return "TRANSFER-ENCODING" in said or not length.isdecimal() or int(length) > LONG_BODY
