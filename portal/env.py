"""Read the environment. What is wrong or unknown stops the process with one sentence."""

import hashlib
import os
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn, cast

import environ

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
        "OVERREAD_LEASE_SECONDS",
        "OVERREAD_LOG_LEVEL",
        "OVERREAD_MAX_UPLOAD_MB",
        "OVERREAD_ORIGIN",
        "OVERREAD_READS_A_MINUTE",
        "OVERREAD_RING_AFTER_SECONDS",
        "OVERREAD_SECRET_KEY",
        "OVERREAD_SECRET_KEY_FILE",
        "OVERREAD_SWEEP_SECONDS",
        "OVERREAD_TEST_DATA",
        "OVERREAD_UPLOADS_A_MINUTE",
        "OVERREAD_WEB_THREADS",
        "OVERREAD_WEB_WORKERS",
        "OVERREAD_WRITES_A_MINUTE",
    }
)
_env = environ.FileAwareEnv()


def stop(sentence: str) -> NoReturn:
    """Print why the process cannot start and leave with exit code 2."""
    sys.stderr.write(f"overread: {sentence}\n")
    raise SystemExit(2)


def refuse_unknown_names() -> None:
    """Stop if a variable starts with ``OVERREAD_`` and means nothing: it is a misspelt setting."""
    for name in sorted(os.environ):
        if name.startswith("OVERREAD_") and name not in KNOWN:
            stop(f"{name} is not a setting of Overread; see the table in the README.")


def text(name: str, default: str) -> str:
    """Return a variable, or the content of the file that ``NAME_FILE`` names."""
    return cast("str", _env.str(name, default=default)).strip()


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
    if not raw.startswith(("postgres://", "postgresql://", "sqlite:///")):
        stop("DATABASE_URL must start with postgresql:// or sqlite:///.")
    return dict(_env.db_url_config(raw))


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
    short = (
        Path(tempfile.gettempdir()) / f"overread-{hashlib.sha256(bytes(folder)).hexdigest()[:16]}"
    )
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid != os.getuid():
        stop(f"{short} belongs to somebody else; choose a shorter OVERREAD_DATA.")
    return short


def secret(name: str, *, kept_in: Path) -> str:
    """Return a secret from the environment, else the random one kept in ``kept_in`` (mode 0600)."""
    given = text(name, "")
    if given:
        return given
    if not kept_in.exists():
        fresh = kept_in.with_name(f"{kept_in.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(50))
        try:
            os.link(fresh, kept_in)  # the first process wins; nobody ever reads half a secret
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return kept_in.read_text()
