"""How a log line looks, and which request and prediction it belongs to.

Lines hold ids, never names; see docs/decisions/0012. The airlock, which knows nothing of the
portal, writes the same form by `inference.airlock.lines`.
"""

import json
import logging
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

_bound: ContextVar[Mapping[str, object]] = ContextVar("bound", default=MappingProxyType({}))


@contextmanager
def bound(**fields: object) -> Iterator[None]:
    """Have every line that this thread writes in the block carry ``fields``."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def request_id() -> str:
    """Return the id of the request that is being answered; empty outside one."""
    return str(_bound.get().get("request_id", ""))


def fields(**values: object) -> dict[str, Mapping[str, object]]:
    """Return the ``extra`` of one log call: what its line carries beside the message."""
    return {"fields": values}


class JsonLines(logging.Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of ``record``."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_carried(record),
        }
        if record.exc_info and record.exc_info[1]:
            line["exception"] = described(record.exc_info[1])
        return json.dumps(line, default=str)


class Sentences(logging.Formatter):
    """One line for people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of ``record``, and below it where an error came from."""
        carried = " ".join(f"{name}={value}" for name, value in _carried(record).items())
        line = f"{record.levelname} {record.name}: {record.getMessage()} {carried}".rstrip()
        if record.exc_info and record.exc_info[1]:
            line += f"\n{described(record.exc_info[1])}"
        return line


class WithoutPath(logging.Filter):
    """Take the path that was asked for out of Django's lines: it is what a client sent."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let ``record`` through; its request is named by the id that the line carries."""
        if getattr(record, "request", None) is not None:
            status = getattr(record, "status_code", "")
            record.msg, record.args = "the request ended with %s", (status,)
        return True


def described(error: BaseException | None) -> str:
    """Return the stack of an error and of its causes, each with the first line of its message.

    PostgreSQL quotes the offending row on the second: that may be a patient's.
    """
    parts: list[str] = []
    while error is not None:
        stack = "".join(traceback.format_tb(error.__traceback__))
        first = str(error).partition("\n")[0]
        parts.append(f"{stack}{type(error).__qualname__}: {first}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nwhich came from\n".join(parts)


def configuration(*, as_json: bool, level: str) -> dict[str, Any]:
    """Return what `logging.config.dictConfig` takes, for every process of the portal."""
    # At a terminal a line for each poll of an open page would bury the rest.
    requests = "INFO" if as_json else "WARNING"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": JsonLines if as_json else Sentences}},
        "filters": {"without_path": {"()": WithoutPath}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["without_path"],
            }
        },
        "loggers": {
            # one line a doorbell would bury the rest too; what goes wrong is an error, still shown
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            # the access line tells of refusals
            "django.request": {"level": "ERROR"},
            # anybody can send a foreign Host; it is answered 400 and needs no stack in the log
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
            "gunicorn.access": {"level": "ERROR", "handlers": [], "propagate": True},
            "portal.http.request_log": {"level": max(requests, level, key=_severity)},
        },
        "root": {"handlers": ["stderr"], "level": level},
    }


def _severity(level: str) -> int:
    return logging.getLevelNamesMapping()[level]


def _carried(record: logging.LogRecord) -> dict[str, object]:
    own: Mapping[str, object] = getattr(record, "fields", {})
    return {name: value for name, value in {**_bound.get(), **own}.items() if value != ""}
