"""Ask the airlock what a file is and what it shows.

A bad file is a value, a ``Refusal``. An airlock that does not answer is an outage, an exception.
``portal.airlock`` is this client's twin without numpy.
"""

import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from inference.airlock.private import PrivateServer
from inference.airlock.wire import LENGTH, read_exactly
from inference.refusal import Refusal

File = bytes | Path | BinaryIO
"""The content, where it lies, or a real file open for reading."""
Heard = tuple[dict[str, Any], bytes]
"""Head and payload of an answer."""

PATIENCE_SECONDS = 40.0  # twice the wall clock of a child: as long again may be spent in the queue


class AirlockUnavailable(OSError):
    """Nobody opens files at the moment. No fault of a file; trying again later will help."""


class AirlockMisused(ValueError):
    """The airlock does not understand the request: a bug of the caller."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file is.

    Parameters
    ----------
    kind : str
        ``dicom``, ``png`` or ``jpeg``.
    elements : mapping
        Plain values of a DICOM data set by keyword (``airlock.plain``); empty for pictures.
    facts : mapping
        What the gate reads (``airlock.facts``); empty for pictures.
    transfer_syntax_uid, media_storage_sop_class_uid, media_storage_sop_instance_uid : str
        From the file meta information of DICOM.
    pixel_data_bytes : int
        Bytes of pixel data in DICOM.
    columns, rows, bits, samples, frames : int
        Of pictures; in DICOM they are among the elements.
    """

    kind: Literal["dicom", "png", "jpeg"]
    elements: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    transfer_syntax_uid: str = ""
    media_storage_sop_class_uid: str = ""
    media_storage_sop_instance_uid: str = ""
    pixel_data_bytes: int = 0
    columns: int = 0
    rows: int = 0
    bits: int = 0
    samples: int = 0
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Decoded:
    """A radiograph, display-ready.

    Parameters
    ----------
    pixels : (size, size) or (rows, columns) float32, in [0, 1], 1 = white
        Read-only.
    rows, columns : int
        Of the original, in pixels.
    pixel_sha256 : str
        Of the full-size picture as shown, as big-endian 16-bit words.
    kind, facts
        See ``Header``.
    quality : mapping
        ``minimum``, ``maximum``, ``mean``, ``std``, ``black``, ``white`` and ``colour``.
    libraries : mapping
        Version by name of what opened and resampled it.
    """

    pixels: npt.NDArray[np.float32]
    rows: int
    columns: int
    pixel_sha256: str
    kind: Literal["dicom", "png", "jpeg"]
    facts: Mapping[str, Any]
    quality: Mapping[str, float]
    libraries: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class View:
    """How a rendition is to look.

    Parameters
    ----------
    center, width : float, optional
        Window in units of the modality; without both, as the file says.
    invert : bool
        Swap black and white.
    max_size : int, optional
        Pixels of the longer side; never enlarged.
    format : str
        ``png`` or ``jpeg``.
    frame : int, from 1
    """

    center: float | None = None
    width: float | None = None
    invert: bool = False
    max_size: int | None = None
    format: Literal["png", "jpeg"] = "png"
    frame: int = 1


@dataclass(frozen=True, slots=True)
class Rendition:
    """A picture for people: 8-bit grey, without metadata.

    Parameters
    ----------
    content : bytes
        The file.
    media_type : str
        ``image/png`` or ``image/jpeg``.
    rows, columns : int, pixels
    """

    content: bytes
    media_type: str
    rows: int
    columns: int


AS_IN_FILE = View()


class Airlock:
    """A client. It keeps no connection, so threads and forks may share it.

    Parameters
    ----------
    socket_path : Path or str
        Where the airlock listens.
    patience : float
        Seconds that one answer may take in all.
    """

    def __init__(self, socket_path: Path | str, *, patience: float = PATIENCE_SECONDS) -> None:
        self._socket_path = str(socket_path)
        self._patience = patience

    def header(self, file: File) -> Header | Refusal:
        """Return what a file is, without its pixels.

        Raises
        ------
        AirlockUnavailable
        """
        answer = self._ask("header", file, {})
        return answer if isinstance(answer, Refusal) else Header(**answer[0])

    def decode(self, file: File, size: int | None = 224) -> Decoded | Refusal:
        """Return the first frame, display-ready.

        Parameters
        ----------
        file : bytes, Path or binary file
            DICOM Part 10, PNG or JPEG.
        size : int, optional
            Side of the squashed square, pixels; None for the original size.

        Raises
        ------
        AirlockUnavailable
        """
        answer = self._ask("decode", file, {"size": size})
        if isinstance(answer, Refusal):
            return answer
        head, payload = answer
        shape = head.pop("shape")
        return Decoded(pixels=np.frombuffer(payload, "<f4").reshape(shape), **head)

    def render(self, file: File, view: View = AS_IN_FILE) -> Rendition | Refusal:
        """Return a rendition for people.

        Raises
        ------
        AirlockUnavailable
        """
        answer = self._ask("render", file, asdict(view))
        if isinstance(answer, Refusal):
            return answer
        head, payload = answer
        return Rendition(content=payload, **head)

    def _path(self) -> str:
        return self._socket_path

    def _ask(self, op: str, file: File, args: Mapping[str, object]) -> Heard | Refusal:
        request = json.dumps({"op": op, "args": args}).encode() + b"\n"
        with opened(file) as blob:
            try:
                head, payload = answered(self._path, request, blob, self._patience)
            except OSError as error:
                raise AirlockUnavailable(f"the airlock does not answer: {error}") from error
        if "error" in head:
            raise AirlockMisused(head["error"])
        if "refusal" in head:
            return Refusal(**head["refusal"])
        return head["answer"], payload


def answered(path: Callable[[], str], request: bytes, blob: int, patience: float) -> Heard:
    """Return the answer; if it breaks off, that of a second reader: the first may be killed."""
    try:
        return exchange(path(), request, blob, patience)
    except ConnectionError:
        return exchange(path(), request, blob, patience)


def exchange(path: str, request: bytes, blob: int, patience: float) -> Heard:
    """Return head and payload of the answer to one request.

    Raises
    ------
    OSError
        If there is none within ``patience`` seconds.
    """
    deadline = time.monotonic() + patience
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(patience)
        connection.connect(path)
        socket.send_fds(connection, [request], [blob])
        (length,) = LENGTH.unpack(read_exactly(connection, LENGTH.size, deadline))
        head = json.loads(read_exactly(connection, length, deadline))
        return head, read_exactly(connection, head["payload_bytes"], deadline)


@contextmanager
def opened(file: File) -> Iterator[int]:
    """Yield a descriptor of ``file``; bytes go through a file without a name."""
    if isinstance(file, Path):
        with file.open("rb") as stream:
            yield stream.fileno()
    elif isinstance(file, bytes):
        with in_memory() as stream:
            stream.write(file)
            stream.flush()
            yield stream.fileno()
    else:
        yield file.fileno()


def in_memory() -> BinaryIO:
    """Return a file without a name, in memory where the platform can."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("radiograph"), "w+b")
    return tempfile.TemporaryFile()


class PrivateAirlock(Airlock):
    """An airlock of one's own, started at the first question; it ends with this process."""

    def __init__(self, *, patience: float = PATIENCE_SECONDS) -> None:
        super().__init__("", patience=patience)
        self._server = PrivateServer()

    def __enter__(self) -> "PrivateAirlock":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server, if it was started."""
        self._server.stop()

    def _path(self) -> str:
        return self._server.socket_path()


def private_airlock() -> PrivateAirlock:
    """Return an airlock for a process that has no portal; usable in a ``with``."""
    return PrivateAirlock()
