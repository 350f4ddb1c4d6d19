"""Files by the SHA-256 of their bytes, kept as they arrived.

A file is written to ``incoming/`` under a random name and hashed as it comes. Only once it is
complete, flushed and accepted is it renamed to ``blobs/ab/<sha256>``: what has that name is
whole. Names that clients send never become paths.
"""

import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Protocol

from django.conf import settings

from portal.errors import Unavailable

HELD_UP_SECONDS = 10.0
"""How long an upload waits for a cleaner, whose work takes a moment."""
_STEP_SECONDS = 0.02
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class StorageUnavailable(Unavailable):
    """The store takes no files for now."""

    code = "storage_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "No file can be stored at the moment. Send it again later: nothing is stored twice."
        )


@dataclass(frozen=True, slots=True)
class IncomingBlob:
    """A complete file that nobody has accepted yet.

    Parameters
    ----------
    path : Path
        Where it waits, in ``incoming/``.
    sha256 : str
        Of its bytes, in hex, 64 characters.
    size : int
        Bytes.
    """

    path: Path
    sha256: str
    size: int

    def discard(self) -> None:
        """Remove the file, unless it was kept or removed already."""
        self.path.unlink(missing_ok=True)


class BlobWriter(Protocol):
    """Takes the bytes of one file."""

    def write(self, chunk: bytes) -> None:
        """Append ``chunk``."""

    def finish(self) -> IncomingBlob:
        """Return the complete file, on disk for good."""

    def discard(self) -> None:
        """Forget what was written."""


class BlobStore(Protocol):
    """Where blobs are kept. A folder today; an object store can be one too."""

    def begin(self) -> BlobWriter:
        """Return a writer for a new file."""

    def keep(self, incoming: IncomingBlob) -> None:
        """Store a complete file under its hash; the same bytes are stored once."""

    def open(self, sha256: str) -> BinaryIO:
        """Return a stored file, open for reading."""

    def path(self, sha256: str) -> Path:
        """Return where a stored file lies."""

    def exists(self, sha256: str) -> bool:
        """Return whether a file of this hash is stored."""


class FileWriter:
    """Writes one file to ``incoming/`` and hashes it on the way."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / secrets.token_hex(16)
        self._file = os.fdopen(os.open(self._path, _WRITE, 0o600), "wb", buffering=0)
        self._sha = hashlib.sha256()
        self._size = 0

    def write(self, chunk: bytes) -> None:
        """Append ``chunk``.

        Raises
        ------
        OSError
            The disk is full.
        """
        rest = memoryview(chunk)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._sha.update(chunk)
        self._size += len(chunk)

    def finish(self) -> IncomingBlob:
        """Return the complete file; it survives a power cut from here on."""
        with self._file:
            os.fsync(self._file.fileno())
        return IncomingBlob(self._path, self._sha.hexdigest(), self._size)

    def discard(self) -> None:
        """Remove what was written."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class FileBlobStore:
    """Blobs in a folder.

    Parameters
    ----------
    root : Path, optional
        Holds ``incoming/`` and ``blobs/``; by default ``OVERREAD_DATA``.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root

    @property
    def root(self) -> Path:
        """The folder that holds everything."""
        return self._root or Path(settings.OVERREAD_DATA)

    @property
    def incoming(self) -> Path:
        """The folder of files that nobody has accepted yet."""
        return self.root / "incoming"

    def begin(self) -> FileWriter:
        """Return a writer for a new file."""
        return FileWriter(self.incoming)

    def keep(self, incoming: IncomingBlob) -> None:
        """Store a complete file under its hash; the same bytes are stored once.

        Call it inside `holding`, and commit the row that names it before leaving.
        """
        target = self.path(incoming.sha256)
        if target.exists():
            os.utime(target)  # an old blob without a row is new again
            incoming.discard()
            return
        if not target.parent.exists():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_folder(target.parent.parent)
        incoming.path.rename(target)
        _sync_folder(target.parent)

    def open(self, sha256: str) -> BufferedReader:
        """Return a stored file, open for reading.

        Raises
        ------
        FileNotFoundError
        """
        return self.path(sha256).open("rb")

    def path(self, sha256: str) -> Path:
        """Return where the file of this hash lies, or would lie."""
        if len(sha256) != hashlib.sha256().digest_size * 2 or not sha256.isalnum():
            raise ValueError("not a SHA-256 in hex")
        return self.root / "blobs" / sha256[:2] / sha256

    def exists(self, sha256: str) -> bool:
        """Return whether a file of this hash is stored."""
        return self.path(sha256).is_file()

    def hashes(self, *, older_than: float = 0.0) -> Iterator[str]:
        """Return the hashes of what is stored for at least ``older_than`` seconds."""
        return (path.name for path in self._older(self.root.glob("blobs/??/*"), older_than))

    def waiting(self, *, older_than: float = 0.0) -> Iterator[Path]:
        """Return the files in ``incoming/`` untouched for at least ``older_than`` seconds."""
        return self._older(self.incoming.iterdir(), older_than)

    def remove(self, path: Path, *, older_than: float) -> bool:
        """Remove a file unless it was touched within ``older_than`` seconds; inside `clearing`."""
        for old in self._older(iter((path,)), older_than):
            old.unlink(missing_ok=True)
            return True
        return False

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep `clearing` away, from the rename of a blob to the commit of its row.

        Raises
        ------
        StorageUnavailable
            Something is being cleared for too long: who does it stands still.
        """
        with self._lock_file() as lock:
            _hold(lock)
            yield

    @contextmanager
    def clearing(self) -> Iterator[bool]:
        """Keep uploads from accepting, briefly; False if one is at it just now."""
        with self._lock_file() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _older(self, paths: Iterator[Path], seconds: float) -> Iterator[Path]:
        limit = self._clock() - seconds
        for path in paths:
            try:
                if path.stat().st_mtime <= limit:
                    yield path
            except FileNotFoundError:  # accepted or removed since it was listed
                continue

    def _clock(self) -> float:
        """Return the time by the clock that dates the files; this process's own may be wrong."""
        with self._lock_file() as lock:
            os.utime(lock.fileno())
            return os.fstat(lock.fileno()).st_mtime

    def _lock_file(self) -> BinaryIO:
        return (self.root / "blobs" / ".lock").open("ab")


store = FileBlobStore()


def _hold(lock: BinaryIO) -> None:
    ends = time.monotonic() + HELD_UP_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends:
                raise StorageUnavailable from None
            time.sleep(_STEP_SECONDS)
        else:
            return


def _sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
