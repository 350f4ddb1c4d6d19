"""A bundle: one version of the model in a folder, its weights pinned by SHA-256.

``manifest.json``, ``head.npz`` and what was reported when it was made. The body, which many
versions share, lies in the bundle too or once in ``bodies`` beside it. Arrays only, never pickles.
"""

import dataclasses
import hashlib
import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference.manifest import (
    ArrayFile,
    Golden,
    Manifest,
    ManifestInvalid,
    read_manifest,
    write_manifest,
)

Arrays = Mapping[str, npt.NDArray[np.floating]]

MAX_WEIGHTS = 40_000_000
"""Bytes of body, head and gates together."""


class BundleBroken(Exception):
    """The bundle cannot be used. The message is a sentence that names the file."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as read, every file checked against its pin; a tiny network has no ``body``.

    ``golden`` are the bytes of a PNG, empty where the bundle came without one.
    """

    folder: Path
    manifest: Manifest
    body: Arrays
    head: Arrays
    gates: Arrays
    golden: bytes = b""


def read_bundle(folder: Path) -> Bundle:
    """Return the bundle in ``folder``.

    Raises
    ------
    BundleBroken
        A file is missing, cut short or changed by as little as a bit; the manifest is not strictly
        right; or it is a test bundle and ``OVERREAD_ALLOW_TEST_BUNDLE`` is not 1.
    """
    manifest = _read_manifest(folder / "manifest.json")
    if manifest.for_tests and os.environ.get("OVERREAD_ALLOW_TEST_BUNDLE") != "1":
        raise BundleBroken(f"{folder.name} is a bundle for tests and is not to read radiographs.")
    body = _read_arrays(folder, manifest.body) if manifest.body else {}
    gates = _read_arrays(folder, manifest.gates.file) if manifest.gates else {}
    head = _read_arrays(folder, manifest.head_file)
    golden = _read_pinned(folder, manifest.golden) if manifest.golden else b""
    return Bundle(folder, manifest, body, head, gates, golden)


def write_bundle(
    folder: Path,
    manifest: Manifest,
    *,
    head: Arrays,
    body: Arrays | None,
    gates: Arrays | None = None,
    share_body: bool = False,
) -> Manifest:
    """Write a bundle into ``folder`` and return its manifest, with the pins of what was written.

    Parameters
    ----------
    manifest : Manifest
        The SHA-256 values in it are replaced.
    head, body, gates : mapping
        The arrays, in the precision in which they are to be shipped.
    share_body : bool
        Put the body into ``bodies`` beside the bundle instead of into it.

    Raises
    ------
    BundleBroken
        The arrays together are larger than 40 MB.
    """
    packed = pack_arrays(head)
    packed_body = pack_arrays(body) if body is not None else b""
    packed_gates = pack_arrays(gates) if gates is not None else b""
    if len(packed) + len(packed_body) + len(packed_gates) > MAX_WEIGHTS:
        taken = (len(packed) + len(packed_body) + len(packed_gates)) / 1e6
        raise BundleBroken(f"The weights take {taken:.1f} MB; 40 are allowed.")
    manifest = dataclasses.replace(manifest, head_file=_pinned(manifest.head_file, packed))
    folder.mkdir(parents=True, exist_ok=True)
    if manifest.body is not None:
        manifest = dataclasses.replace(manifest, body=_pinned(manifest.body, packed_body))
        home = folder.parent / "bodies" if share_body else folder
        home.mkdir(exist_ok=True)
        (home / _file_of(manifest.body)).write_bytes(packed_body)
    if manifest.gates is not None:
        pinned = _pinned(manifest.gates.file, packed_gates)
        gates_of = dataclasses.replace(manifest.gates, file=pinned)
        manifest = dataclasses.replace(manifest, gates=gates_of)
        (folder / pinned.file).write_bytes(packed_gates)
    (folder / manifest.head_file.file).write_bytes(packed)
    (folder / "manifest.json").write_text(write_manifest(manifest), encoding="utf-8")
    return manifest


def pack_arrays(arrays: Arrays) -> bytes:
    """Return ``arrays`` as an npz; the same arrays give the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            # A fixed date, or the same weights would have another SHA-256 every second.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
    return stream.getvalue()


def _pinned(file: ArrayFile, content: bytes) -> ArrayFile:
    return dataclasses.replace(file, sha256=hashlib.sha256(content).hexdigest())


def _file_of(file: ArrayFile | None) -> str:
    return file.file if file else ""


def _read_manifest(path: Path) -> Manifest:
    try:
        return read_manifest(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleBroken(f"{path.parent.name} has no readable manifest.json.") from error
    except (ManifestInvalid, UnicodeDecodeError) as error:
        raise BundleBroken(f"The manifest of {path.parent.name} is not valid: {error}.") from error


def _read_arrays(folder: Path, pin: ArrayFile) -> Arrays:
    """Return the arrays of a pinned file. The bytes that are hashed are the bytes that are read."""
    content = _read_pinned(folder, pin)
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _read_pinned(folder: Path, pin: ArrayFile | Golden) -> bytes:
    path = folder / pin.file
    if not path.is_file():
        path = folder.parent / "bodies" / pin.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleBroken(f"{folder.name} lacks {pin.file}, or it cannot be read.") from error
    found = hashlib.sha256(content).hexdigest()
    if found != pin.sha256:
        raise BundleBroken(
            f"{pin.file} of {folder.name} is not the file that was released: its SHA-256 is "
            f"{found[:12]}..., the manifest says {pin.sha256[:12]}..."
        )
    return content
