"""Putting a backup back, into an installation that is empty and does not run."""

import fcntl
import os
import shutil
from pathlib import Path

from django.conf import settings
from django.db import connection

from portal.operations.archive import (
    DATABASE,
    HEADS,
    KEYS,
    Manifest,
    NotABackup,
    blob_path,
    blobs_of,
    read_manifest,
    sha256_of,
)
from portal.operations.database_roles import as_owner
from portal.operations.dumps import load

AUDIT_KEY = "audit.pem"


class TargetInUse(Exception):
    """What is there would be overwritten, or is running. The message is a sentence."""


def restore_backup(source: Path, *, force: bool = False) -> Manifest:
    """Put the backup in ``source`` in the place of this installation and return its manifest.

    Every file is held against its SHA-256 before the database is touched. ``force`` gives up
    what is here.

    Raises
    ------
    NotABackup, TargetInUse, DumpFailed, NotTheOwner
    """
    data = Path(settings.OVERREAD_DATA)
    manifest = read_manifest(source)
    refuse_if_it_runs(data)
    if not force:
        refuse_if_it_holds_something(data)
    if not manifest.has_keys and not (data / KEYS / AUDIT_KEY).exists():
        raise NotABackup(
            f"The backup has no keys; put {AUDIT_KEY} and secret_key into {data / KEYS} first."
        )
    _restore_blobs(source, data, blobs_of(source, manifest))
    for name in sorted(set(manifest.files) & {HEADS} | _keys(manifest)):
        _place(source / name, data / name)
    if HEADS not in manifest.files:
        (data / HEADS).unlink(missing_ok=True)
    with as_owner():
        load(source / DATABASE)
    return manifest


def refuse_if_it_runs(data: Path) -> None:
    """Refuse while ``serve`` holds its lock on the data folder.

    Raises
    ------
    TargetInUse
    """
    lock = os.open(data / "serve.lock", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise TargetInUse(f"Overread runs on {data}; stop it first.") from error
    finally:
        os.close(lock)


def refuse_if_it_holds_something(data: Path) -> None:
    """Refuse to overwrite tables or blobs.

    Raises
    ------
    TargetInUse
    """
    if connection.introspection.table_names():
        raise TargetInUse("The database is not empty; --force gives up what it holds.")
    if any((data / "blobs").glob("??/*")):
        raise TargetInUse(f"{data} holds blobs; --force gives up those of no use.")


def _restore_blobs(source: Path, data: Path, hashes: list[str]) -> None:
    """Copy what is missing, and take away what the backup does not name."""
    for sha256 in hashes:
        place = blob_path(data, sha256)
        if place.is_file() and sha256_of(place) == sha256:
            continue
        fresh = data / "incoming" / f"restore-{sha256}"
        if not blob_path(source, sha256).is_file():
            raise NotABackup(f"The blob {sha256} is missing.")
        _place(blob_path(source, sha256), fresh)
        if sha256_of(fresh) != sha256:
            fresh.unlink()
            raise NotABackup(f"The blob {sha256} is not the file that was backed up.")
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.rename(place)
    for path in set((data / "blobs").glob("??/*")) - {blob_path(data, one) for one in hashes}:
        path.unlink()


def _keys(manifest: Manifest) -> set[str]:
    return {name for name in manifest.files if name.startswith(f"{KEYS}/")}


def _place(source: Path, place: Path) -> None:
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.touch(mode=0o600)
    shutil.copyfile(source, place)
