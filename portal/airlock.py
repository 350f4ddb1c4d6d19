"""Ask the airlock what a file is, and for a picture of it. Nothing is opened here.

The twin of ``inference.airlock.client`` with nothing but the standard library, because the portal
may not import inference. The protocol is described in ``inference.airlock.wire``.
"""

import json
import os
import socket
import struct
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from django.conf import settings

File = bytes | Path | BinaryIO
"""The content, where it lies, or a real file open for reading."""

PATIENCE_SECONDS = 40.0
"""Twice the wall clock of a child of the airlock: as long again may be spent in its queue."""

CRASHED = "airlock_crashed"
MAY_BE_OUR_FAULT = frozenset({CRASHED, "airlock_time_limit"})
"""The file broke its reader, or somebody killed the reader: only trying again can tell."""

_LENGTH = struct.Struct(">I")


class AirlockUnavailable(OSError):
    """Nobody opens files at the moment. No fault of a file; trying again later will help."""


class AirlockMisused(ValueError):
    """The airlock does not understand the request: a bug of the caller."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file is refused: the five fields that page, JSON and log repeat.

    Parameters
    ----------
    code : str
        Stable, lower case.
    detail : str
        One sentence.
    tag : str
        The DICOM element at fault, as ``(0028,0010) Rows``; empty when there is none.
    found : str
        What was found there, shortened and printable; never what identifies a patient.
    remedy : str
        What the sender can do about it.
    """

    code: str
    detail: str
    tag: str = ""
    found: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file is.

    Parameters
    ----------
    kind : str
        ``dicom``, ``png`` or ``jpeg``.
    elements : mapping
        Plain values of a DICOM data set by keyword: text ``""`` and numbers None when empty,
        sequences as lists of mappings, bulk data and private elements left out. Empty for
        pictures.
    facts : mapping
        What the intended use is judged by; empty for pictures.
    transfer_syntax_uid, media_storage_sop_class_uid, media_storage_sop_instance_uid : str
        From the file meta information of DICOM.
    pixel_data_bytes : int
        Bytes of pixel data in DICOM, once inflated.
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
    frame : int
        From 1.
    """

    center: float | None = None
    width: float | None = None
    invert: bool = False
    max_size: int | None = None
    format: Literal["png", "jpeg"] = "png"
    frame: int = 1


AS_IN_FILE = View()


def header(file: File) -> Header | Refusal:
    """Return what a file is, without its pixels.

    Raises
    ------
    AirlockUnavailable
        Nobody answers at ``settings.OVERREAD_AIRLOCK_SOCKET``.
    """
    answer = _ask("header", file, {})
    return answer if isinstance(answer, Refusal) else Header(**answer[0])


def render(file: File, view: View = AS_IN_FILE) -> bytes | Refusal:
    """Return a PNG or JPEG for people to look at: 8-bit grey, without metadata.

    Raises
    ------
    AirlockUnavailable
        Nobody answers at ``settings.OVERREAD_AIRLOCK_SOCKET``.
    """
    answer = _ask("render", file, asdict(view))
    return answer if isinstance(answer, Refusal) else answer[1]


def _ask(op: str, file: File, args: Mapping[str, object]) -> tuple[dict[str, Any], bytes] | Refusal:
    request = json.dumps({"op": op, "args": args}).encode() + b"\n"
    with _opened(file) as blob:
        try:
            head, payload = _answered(settings.OVERREAD_AIRLOCK_SOCKET, request, blob)
        except OSError as error:
            raise AirlockUnavailable(f"the airlock does not answer: {error}") from error
    if "error" in head:
        raise AirlockMisused(head["error"])
    if "refusal" in head:
        words = {name: head["refusal"][name] for name in Refusal.__slots__}
        return Refusal(**words)
    return head["answer"], payload


def _answered(path: str, request: bytes, blob: int) -> tuple[dict[str, Any], bytes]:
    """Return the answer; if it breaks off, that of a second reader.

    The first may have been killed as it answered: no sender could do more than send it again.
    """
    try:
        return _exchange(path, request, blob)
    except ConnectionError:
        return _exchange(path, request, blob)


def _exchange(path: str, request: bytes, blob: int) -> tuple[dict[str, Any], bytes]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_SECONDS)
        connection.connect(str(path))
        socket.send_fds(connection, [request], [blob])
        (length,) = _LENGTH.unpack(_read_exactly(connection, _LENGTH.size, deadline))
        head = json.loads(_read_exactly(connection, length, deadline))
        return head, _read_exactly(connection, head["payload_bytes"], deadline)


def _read_exactly(connection: socket.socket, count: int, deadline: float) -> bytes:
    received = bytearray(count)
    view = memoryview(received)
    while view:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        got = connection.recv_into(view)
        if not got:
            raise ConnectionError("the airlock closed the connection")
        view = view[got:]
    return bytes(received)


@contextmanager
def _opened(file: File) -> Iterator[int]:
    if isinstance(file, Path):
        with file.open("rb") as stream:
            yield stream.fileno()
    elif isinstance(file, bytes):
        with _in_memory() as stream:
            stream.write(file)
            stream.flush()
            yield stream.fileno()
    else:
        yield file.fileno()


def _in_memory() -> BinaryIO:
    """Return a file without a name."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("upload"), "w+b")
    return tempfile.TemporaryFile()
