"""The folder of one backup: what is in it, and whether it is whole.

``manifest.json`` is written last: a folder without it is no backup.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

FORMAT = 1
MANIFEST, DATABASE, BLOBS = "manifest.json", "database.dump", "blobs.txt"
KEYS, HEADS = "keys", "audit/heads.jsonl"


class NotABackup(Exception):
    """The folder cannot be restored. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself.

    Parameters
    ----------
    made_at : str
        ISO 8601, when it was complete.
    database : str
        ``postgresql`` or ``sqlite``.
    migrations : list of str
        What was applied, as ``app.name``.
    files : dict
        SHA-256 of every file but the blobs, by its path in the folder.
    damaged : list of str
        Blobs that were missing or not what their name says when the backup was made.
    """

    made_at: str
    database: str
    migrations: list[str]
    files: dict[str, str]
    damaged: list[str] = field(default_factory=list)
    format: int = FORMAT

    @property
    def has_keys(self) -> bool:
        """Whether the keys are inside."""
        return any(name.startswith(f"{KEYS}/") for name in self.files)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Make ``folder`` a backup."""
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1) + "\n")


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup whose files, blobs left out, are what it says.

    Raises
    ------
    NotABackup
    """
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise NotABackup(f"{folder} is no backup: it has no readable {MANIFEST}.") from error
    if manifest.format != FORMAT:
        raise NotABackup(f"{folder} has format {manifest.format}; this release reads {FORMAT}.")
    for name, sha256 in manifest.files.items():
        if not (folder / name).is_file() or sha256_of(folder / name) != sha256:
            raise NotABackup(f"{name} is not the file that was backed up.")
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if newer := sorted(set(manifest.migrations) - known):
        raise NotABackup(f"The backup is of a newer release: it has {newer[0]}.")
    if manifest.database != connection.vendor:
        raise NotABackup(f"The backup is of {manifest.database}, this is {connection.vendor}.")
    return manifest


def blobs_of(folder: Path, manifest: Manifest) -> list[str]:
    """Return the SHA-256 of every blob inside."""
    return sorted(set((folder / BLOBS).read_text().split()) - set(manifest.damaged))


def blob_path(root: Path, sha256: str) -> Path:
    """Return where a blob lies, in a backup as in a data folder."""
    return root / "blobs" / sha256[:2] / sha256


def sha256_of(file: Path) -> str:
    """Return SHA-256 of the bytes of a file, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def applied_migrations() -> list[str]:
    """Return what was applied to this database."""
    return sorted(
        f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations()
    )
