"""A backup of everything that must be kept, made while work goes on.

The order is what makes it whole: first the exported heads of the trail, which must never be ahead
of the database; then the database, at one moment; then the blobs that it names, which nobody
removes.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from portal.audit.services import heads_file
from portal.operations.archive import (
    BLOBS,
    DATABASE,
    HEADS,
    KEYS,
    Manifest,
    applied_migrations,
    blob_path,
    sha256_of,
    write_manifest,
)
from portal.operations.dumps import dump
from portal.studies.blobs import store


class TargetNotEmpty(Exception):
    """There is something already where the backup should go."""


def make_backup(target: Path, *, previous: Path | None = None, with_keys: bool = True) -> Manifest:
    """Return the manifest of a new backup in the folder ``target``.

    Parameters
    ----------
    target : Path
        Made if it is missing; must be empty.
    previous : Path, optional
        An older backup on the same disk: blobs that it holds are linked, not copied again.
    with_keys : bool
        Whether the keys are part of it. Whoever has them and the database can forge the trail;
        without them what is restored can be neither verified nor continued.

    Raises
    ------
    TargetNotEmpty, DumpFailed
    """
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise TargetNotEmpty(f"{target} is not empty.")
    for name in ("audit", "blobs"):
        (target / name).mkdir(mode=0o700)
    files = [HEADS] if _copy(heads_file(), target / HEADS) else []
    migrations = applied_migrations()
    hashes = dump(target / DATABASE)
    damaged = [sha256 for sha256 in sorted(hashes) if not _keep_blob(sha256, target, previous)]
    (target / BLOBS).write_text("".join(f"{sha256}\n" for sha256 in sorted(hashes)))
    if with_keys:
        files += _copy_keys(target)
    manifest = Manifest(
        made_at=timezone.now().isoformat(timespec="seconds"),
        database=connection.vendor,
        migrations=migrations,
        files=_hashes_of(target, (*files, DATABASE, BLOBS)),
        damaged=damaged,
    )
    os.sync()  # everything else is on the disk before the manifest says so
    write_manifest(target, manifest)
    return manifest


def _keep_blob(sha256: str, target: Path, previous: Path | None) -> bool:
    """Return whether the blob is in the backup now, byte for byte."""
    place = blob_path(target, sha256)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = blob_path(previous, sha256) if previous else None
    if before and before.is_file() and before.stat().st_dev == target.stat().st_dev:
        os.link(before, place)
    elif not _copy(store.path(sha256), place):
        return False
    if sha256_of(place) == sha256:
        return True
    place.unlink()
    return False


def _copy_keys(target: Path) -> list[str]:
    folder = Path(settings.OVERREAD_DATA) / "keys"
    names = [f"{KEYS}/{key.name}" for key in sorted(folder.iterdir()) if key.is_file()]
    for name in names:
        _copy(folder.parent / name, target / name)
    return names


def _copy(source: Path, place: Path) -> bool:
    """Copy a file, for its owner alone; False if there is none."""
    if not source.is_file():
        return False
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.touch(mode=0o600)
    shutil.copyfile(source, place)
    return True


def _hashes_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {name: sha256_of(folder / name) for name in names}
