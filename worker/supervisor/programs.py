"""The programs that ``serve`` runs, and their environments."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from worker.supervisor.child import Program

QUEUE, AIRLOCK, WEB, INFERENCE, GENERAL = "queue", "airlock", "web", "inference", "general"
SWEEP_MAY_WAIT = 3.0
"""Seconds after the start in which nothing can have been lost yet."""
_HARMLESS = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "PYTHONDONTWRITEBYTECODE",
    "OVERREAD_LOG_FORMAT",
)
"""What the airlock may know: nothing that opens a door."""
_OWNER = "OVERREAD_OWNER_DATABASE_URL"


def environment(origin: str) -> Mapping[str, str]:
    """Return what the portal's processes are told: all but how to become the tables' owner."""
    told = {name: value for name, value in os.environ.items() if not name.startswith(_OWNER)}
    return {
        **told,
        "OVERREAD_DATA": str(settings.OVERREAD_DATA),
        "OVERREAD_ORIGIN": origin,
        "PYTHONUNBUFFERED": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1"),
    }


def queue(binary: Path) -> Program:
    """Return a Valkey on a unix socket, for nobody but this user; what it holds is kept."""
    folder = Path(settings.OVERREAD_DATA) / "queue"
    folder.mkdir(mode=0o700, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(queue_socket()),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "loglevel": "warning",
        "always-show-logo": "no",
    }
    command = [str(binary)]
    for name, value in options.items():
        command += [f"--{name}", value]
    return Program(QUEUE, command, {"PATH": os.environ.get("PATH", "")}, stops_last=True)


def queue_socket() -> Path:
    """Return where the queue of this data folder listens."""
    return Path(settings.OVERREAD_RUN) / "valkey.sock"


def airlock() -> Program:
    """Return the process that opens untrusted bytes."""
    told = {
        name: value
        for name, value in os.environ.items()
        if name in _HARMLESS or name.startswith("OVERREAD_AIRLOCK_")
    }
    socket = str(settings.OVERREAD_AIRLOCK_SOCKET)
    return Program(
        AIRLOCK,
        _python("-m", "inference.airlock", "--socket", socket),
        told | {"PYTHONUNBUFFERED": "1"},
        stops_last=True,
    )


def web(told: Mapping[str, str], *, listener: int, lock: int) -> Program:
    """Return gunicorn on a socket that is open already, so that the port is never lost."""
    bind = f"fd://{listener}"
    config = "python:worker.supervisor.gunicorn_conf"
    command = _python("-m", "gunicorn", "--config", config, "--bind", bind)
    told = {**told, "DJANGO_SETTINGS_MODULE": "portal.settings"}
    return Program(WEB, command, told, inherits=(listener, lock))


def celery(name: str, told: Mapping[str, str], *, lock: int) -> Program:
    """Return a Celery worker for the queue ``name``."""
    command = _python(
        *("-m", "celery", "--quiet", "-A", "worker", "worker", "-P", "solo"),
        *("-Q", name, "-n", f"{name}@%h", "--loglevel", told.get("OVERREAD_LOG_LEVEL", "INFO")),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )
    starts_after = SWEEP_MAY_WAIT if name == GENERAL else 0.0
    return Program(name, command, told, inherits=(lock,), starts_after=starts_after)


def _python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]
