"""A bundle as somebody brings it, laid out in a folder of ours: nothing else gets in.

An archive may be hostile. What it says of itself is not believed: bytes are counted as they come,
names are taken from a list of what a bundle has, and only plain files are written.
"""

import gzip
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from inference import BundleBroken

MOST_FILES = 100
MOST_BYTES = 130_000_000
"""Of all files together, unpacked: weights have at most 40 MB, pictures 2 MB each."""
TAR_MARGIN = 2_000_000
DEEPEST = 3
ARRAYS = r"[A-Za-z0-9._-]{1,80}\.npz"
KNOWN = re.compile(
    r"manifest\.json|report\.json|card\.md|network\.svg|[a-z0-9-]{1,60}\.png"
    rf"|pictures/[a-z0-9_-]{{1,60}}\.png|{ARRAYS}"
)
FOLDERS = ("pictures",)
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What the readers raise for an archive that is none, is cut short, or wants a password."""
_STEP = 1 << 20


class _Stream(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def lay_out(source: Path, into: Path) -> Path:
    """Write the bundle at ``source``, a folder or a .zip or .tar.gz of one, and return its folder.

    Raises
    ------
    BundleBroken
        It is neither; it holds what no bundle has, a link, a path that leads out, too many files
        or too many bytes; or it cannot be read.
    """
    packed = into / "packed"
    packed.mkdir()
    try:
        if source.is_dir():
            return _gathered(source, into)
        if source.name.endswith(".zip"):
            _unzip(source, packed)
        elif source.name.endswith((".tar.gz", ".tgz")):
            _untar(source, packed)
        else:
            raise BundleBroken(f"{source.name} is no folder, no .zip and no .tar.gz.")
    except BROKEN as error:
        raise BundleBroken(f"{source.name} cannot be read: {error}.") from error
    return _gathered(_home(packed, source.name), into)


def _home(packed: Path, name: str) -> Path:
    """Return where the manifest lies: at the top of the archive, or in its one folder."""
    folders = [packed, *(path for path in sorted(packed.iterdir()) if path.is_dir())]
    homes = [folder for folder in folders if (folder / "manifest.json").is_file()]
    if len(homes) != 1:
        raise BundleBroken(f"{name} holds {len(homes)} bundles; one is wanted.")
    return homes[0]


def _gathered(home: Path, into: Path) -> Path:
    """Return a new folder with the files of the bundle in ``home``, a shared body among them."""
    if not (home / "manifest.json").is_file():
        raise BundleBroken(f"{home.name} has no manifest.json.")
    folder = into / "bundle"
    (folder / "pictures").mkdir(parents=True)
    total = 0
    for number, (path, name) in enumerate((*_files(home), *_shared(home))):
        if number >= MOST_FILES:
            raise BundleBroken(f"{home.name} holds more than {MOST_FILES} files.")
        total += path.stat().st_size
        if total > MOST_BYTES:
            raise BundleBroken(_too_large(home.name))
        shutil.copyfile(path, folder / name)
    return folder


def _files(home: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file with its name in the bundle."""
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise BundleBroken(f"{name} is a link or no plain file.")
        known = name in FOLDERS if path.is_dir() else KNOWN.fullmatch(name)
        if not known:
            raise BundleBroken(f"No bundle has {name!r}.")
        if path.is_file():
            yield path, name


def _shared(home: Path) -> Iterator[tuple[Path, str]]:
    """Yield the arrays that the bundle lacks and that lie in ``bodies`` beside it."""
    wanted = set(re.findall(rf'"({ARRAYS})"', _text(home / "manifest.json")))
    for name in sorted(wanted):
        body = home.parent / "bodies" / name
        if not (home / name).exists() and body.is_file() and not body.is_symlink():
            yield body, name


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _unzip(source: Path, packed: Path) -> None:
    left = MOST_BYTES
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        if len(members) > MOST_FILES + DEEPEST:
            raise BundleBroken(f"{source.name} holds more than {MOST_FILES} files.")
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise BundleBroken(f"{member.filename!r} is a link or no plain file.")
            if not member.is_dir():
                with archive.open(member) as stream:
                    left = _write(stream, _place(packed, member.filename), left, source.name)


def _untar(source: Path, packed: Path) -> None:
    left, count = MOST_BYTES, 0
    with (
        gzip.open(source) as plain,
        tarfile.open(fileobj=_Bounded(plain, source.name), mode="r|") as archive,  # type: ignore[call-overload]
    ):
        for member in archive:
            count += 1
            if count > MOST_FILES + DEEPEST:
                raise BundleBroken(f"{source.name} holds more than {MOST_FILES} files.")
            if not (member.isreg() or member.isdir()) or member.issparse():
                raise BundleBroken(f"{member.name!r} is a link or no plain file.")
            stream = archive.extractfile(member) if member.isreg() else None
            if stream:
                left = _write(stream, _place(packed, member.name), left, source.name)


class _Bounded:
    """Counts what a compressed archive unpacks to, its headers included."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, name: str) -> None:
        self._stream, self._name, self._left = stream, name, MOST_BYTES + TAR_MARGIN

    def read(self, size: int = _STEP) -> bytes:
        """Return the next bytes."""
        found = self._stream.read(size)
        self._left -= len(found)
        if self._left < 0:
            raise BundleBroken(_too_large(self._name))
        return found


def _place(packed: Path, name: str) -> Path:
    """Return where a member is written, if its name is a plain path inside the archive."""
    parts = PurePosixPath(name).parts
    plain = all(re.fullmatch(r"[A-Za-z0-9._-]{1,100}", part) for part in parts)
    if not parts or not plain or ".." in parts or len(parts) > DEEPEST:
        raise BundleBroken(f"{name[:120]!r} is no name that a file of a bundle may have.")
    target = packed.joinpath(*parts)
    if target.exists():
        raise BundleBroken(f"{name!r} is there twice.")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _write(stream: _Stream, target: Path, left: int, name: str) -> int:
    """Write what ``stream`` gives and return how many bytes are left to be written."""
    with target.open("xb") as file:
        while chunk := stream.read(_STEP):
            left -= len(chunk)
            if left < 0:
                raise BundleBroken(_too_large(name))
            file.write(chunk)
    return left


def _too_large(name: str) -> str:
    return f"{name} is larger than the {MOST_BYTES // 1_000_000} MB that a bundle may have."
