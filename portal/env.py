"""Read the environment. What is wrong or unknown stops the process with one sentence."""

import hashlib
import os
import secrets
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import environ

_POSTGRESQL = ("postgres://", "postgresql://")
_TOKEN_LENGTH = 24
_SOCKET_PATH_LIMIT = 80  # a unix socket path holds 108 bytes at most, file name included
KNOWN = frozenset(
    {
        "OVERREAD_AIRLOCK_CPU_SECONDS",
        "OVERREAD_AIRLOCK_MEMORY_MB",
        "OVERREAD_AIRLOCK_SOCKET",
        "OVERREAD_AIRLOCK_WALL_SECONDS",
        "OVERREAD_ALLOW_TEST_BUNDLE",
        "OVERREAD_BUNDLE",
        "OVERREAD_CLAIM_AFTER",
        "OVERREAD_DATA",
        "OVERREAD_DEVICE",
        "OVERREAD_ENGINE",
        "OVERREAD_LEASE_SECONDS",
        "OVERREAD_LOG_FORMAT",
        "OVERREAD_LOG_LEVEL",
        "OVERREAD_MAX_UPLOAD_MB",
        "OVERREAD_OWNER_DATABASE_URL",
        "OVERREAD_ORIGIN",
        "OVERREAD_READS_A_MINUTE",
        "OVERREAD_RING_AFTER_SECONDS",
        "OVERREAD_SECRET_KEY",
        "OVERREAD_SESSION_HOURS",
        "OVERREAD_SESSION_IDLE_MINUTES",
        "OVERREAD_SWEEP_SECONDS",
        "OVERREAD_TEST_DATA",
        "OVERREAD_TRUSTED_PROXIES",
        "OVERREAD_UPLOADS_A_MINUTE",
        "OVERREAD_WEB_THREADS",
        "OVERREAD_WEB_WORKERS",
        "OVERREAD_WRITES_A_MINUTE",
    }
)
MAY_BE_FILES = frozenset(
    {
        "DATABASE_URL",
        "OVERREAD_METRICS_TOKEN",
        "OVERREAD_OWNER_DATABASE_URL",
        "OVERREAD_SECRET_KEY",
        "REDIS_URL",
    }
)
"""What may also be said as ``NAME_FILE``, the file that holds it."""
_env = environ.Env()


def stop(sentence: str) -> NoReturn:
    """Print why the process cannot start and leave with exit code 2."""
    sys.stderr.write(f"overread: {sentence}\n")
    raise SystemExit(2)


def refuse_unknown_names() -> None:
    """Stop if a variable starts with ``OVERREAD_`` and means nothing: it is a misspelt setting."""
    for name in sorted(os.environ):
        if not name.startswith("OVERREAD_") or name in KNOWN:
            continue
        if name.removesuffix("_FILE") not in MAY_BE_FILES:
            stop(f"{name} is not a setting of Overread; see the table in the README.")


def text(name: str, default: str) -> str:
    """Return a variable, or the content of the file that ``NAME_FILE`` names."""
    file = os.environ.get(f"{name}_FILE", "") if name in MAY_BE_FILES else ""
    if not file:
        return os.environ.get(name, default).strip()
    if name in os.environ:
        stop(f"{name} and {name}_FILE are both set; keep one.")
    try:
        content = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        stop(f"{name}_FILE names {file}, which cannot be read.")
    return content or stop(f"{name}_FILE names {file}, which is empty.")


def integer(name: str, default: int, *, at_least: int) -> int:
    """Return a whole number."""
    raw = text(name, str(default))
    if not raw.isdecimal() or int(raw) < at_least:
        stop(f"{name} must be a whole number of at least {at_least}, not {raw!r}.")
    return int(raw)


def seconds(name: str, default: float) -> float:
    """Return a positive number of seconds."""
    raw = text(name, str(default))
    try:
        value = float(raw)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        stop(f"{name} must be a number of seconds above 0, not {raw!r}.")
    return value


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """Return one of ``allowed``."""
    raw = text(name, default)
    if raw not in allowed:
        stop(f"{name} must be one of {', '.join(allowed)}, not {raw!r}.")
    return raw


def database(default: str) -> dict[str, Any]:
    """Return Django's description of ``DATABASE_URL``: PostgreSQL or SQLite, nothing else."""
    raw = text("DATABASE_URL", default)
    if not raw.startswith((*_POSTGRESQL, "sqlite:///")):
        stop("DATABASE_URL must start with postgresql:// or sqlite:///.")
    return dict(_env.db_url_config(raw))


def owner_database(runtime: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same for ``OVERREAD_OWNER_DATABASE_URL``; empty if there is one role only.

    Parameters
    ----------
    runtime : mapping
        What `database` returned: the same database, as another role.
    """
    raw = text("OVERREAD_OWNER_DATABASE_URL", "")
    if not raw:
        return {}
    if not raw.startswith(_POSTGRESQL) or not runtime["ENGINE"].endswith("postgresql"):
        stop("OVERREAD_OWNER_DATABASE_URL and DATABASE_URL must both start with postgresql://.")
    owner = dict(_env.db_url_config(raw))
    if owner["NAME"] != runtime["NAME"]:
        stop("OVERREAD_OWNER_DATABASE_URL and DATABASE_URL must name the same database.")
    if owner["USER"] == runtime["USER"]:
        stop("OVERREAD_OWNER_DATABASE_URL and DATABASE_URL must name two roles, not one.")
    return owner


def broker(default: str) -> str:
    """Return ``REDIS_URL``: a Redis or Valkey over TCP, TLS or a unix socket."""
    raw = text("REDIS_URL", default)
    if not raw.startswith(("redis://", "rediss://", "redis+socket://")):
        stop("REDIS_URL must start with redis://, rediss:// or redis+socket://.")
    return raw


def origin() -> str:
    """Return the address that browsers use, without a path."""
    raw = text("OVERREAD_ORIGIN", "http://127.0.0.1:8000").rstrip("/")
    if not raw.startswith(("http://", "https://")) or raw.count("/") > 2:  # noqa: PLR2004 (the two of "//")
        stop(f"OVERREAD_ORIGIN must look like https://overread.example, not {raw!r}.")
    return raw


def data_folder(default: Path) -> Path:
    """Return the folder of everything that must be kept, made if it is missing."""
    folder = Path(text("OVERREAD_DATA", str(default))).expanduser().resolve()
    try:
        for name in ("", "keys", "run", "blobs", "incoming"):
            (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        stop(f"The data folder {folder} cannot be written: {error.strerror}.")
    if not os.access(folder, os.W_OK | os.X_OK):
        stop(f"The data folder {folder} cannot be written.")
    return folder


def run_folder(data: Path) -> Path:
    """Return the folder of unix sockets: ``data/run``, or a short one where that is too long."""
    folder = data / "run"
    if len(os.fsencode(folder)) <= _SOCKET_PATH_LIMIT:
        return folder
    name = f"overread-{hashlib.sha256(bytes(folder)).hexdigest()[:16]}"
    places = [Path(tempfile.gettempdir()) / name, Path("/tmp") / name]  # noqa: S108 (0700, and ours)
    fitting = [place for place in places if len(os.fsencode(place)) <= _SOCKET_PATH_LIMIT]
    short = fitting[0] if fitting else places[-1]
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid != os.getuid():
        stop(f"{short} belongs to somebody else; choose a shorter OVERREAD_DATA.")
    return short


def token(name: str) -> str:
    """Return what opens something to a machine; empty if nothing does."""
    raw = text(name, "")
    if raw and len(raw) < _TOKEN_LENGTH:
        stop(f"{name} must have at least {_TOKEN_LENGTH} characters.")
    return raw


def secret(name: str, *, kept_in: Path) -> str:
    """Return a secret from the environment, else the random one kept in ``kept_in`` (mode 0600)."""
    given = text(name, "")
    if given:
        return given
    if not kept_in.exists():
        write_once(kept_in, secrets.token_urlsafe(50).encode())
    return kept_in.read_text()


def write_once(path: Path, content: bytes) -> bool:
    """Write a file (mode 0600) that nobody has written yet; return whether it was us.

    Of several processes, of several containers too, the first one wins. Nobody ever reads half
    of it, not after a power cut either: what was signed or hidden with a key that is gone is gone.
    """
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        return False
    finally:
        fresh.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True
