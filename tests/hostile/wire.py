"""HTTP by hand: bytes that no client library would send."""

import socket
import time
from urllib.parse import urlsplit

from tests.chaos.harness import Overread

PATIENCE_SECONDS = 10.0
BOUNDARY = "b0undary"


def connection(product: Overread) -> socket.socket:
    """Return a connection to the web server."""
    there = urlsplit(product.origin)
    return socket.create_connection((there.hostname, there.port), timeout=PATIENCE_SECONDS)


def status(product: Overread, request: bytes) -> int:
    """Return the status of the answer to a request; 0 if the server hung up without one.

    Whoever is not answered at all within the patience has found a hang: that is an error.
    """
    with connection(product) as client:
        try:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
        except OSError:  # it was answered, and closed, before all was sent
            pass
        return _status_of(client)


def _status_of(client: socket.socket) -> int:
    heard = b""
    try:
        while b"\r\n" not in heard and (part := client.recv(4096)):
            heard += part
    except ConnectionError:
        pass
    words = heard.split(b" ", 2)
    return int(words[1]) if heard.startswith(b"HTTP/1.") and len(words) > 1 else 0


def head(
    product: Overread,
    token: str,
    *,
    verb: str = "POST",
    path: str = "/api/v1/uploads",
    **headers: str,
) -> bytes:
    """Return the head of a request with a token; ``Content_Type`` becomes ``Content-Type``."""
    told = {
        "Host": urlsplit(product.origin).netloc,
        "Authorization": f"Token {token}",
        "Connection": "close",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{verb} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def multipart(
    product: Overread, token: str, body: bytes, *, kind: str = "", said: int = -1
) -> bytes:
    """Return an upload with this very body; ``said`` is its length if that is to be a lie."""
    return (
        head(
            product,
            token,
            Content_Type=kind or f"multipart/form-data; boundary={BOUNDARY}",
            Content_Length=str(len(body) if said < 0 else said),
        )
        + body
    )


def part(content: bytes, disposition: str = 'form-data; name="files"; filename="a.dcm"') -> bytes:
    """Return one part of a body."""
    lines = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n"
    return lines.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def quick(product: Overread, token: str) -> float:
    """Return how long an honest request takes now, seconds."""
    began = time.monotonic()
    assert product.request("GET", "/api/v1/studies", token).status_code == 200
    return time.monotonic() - began
