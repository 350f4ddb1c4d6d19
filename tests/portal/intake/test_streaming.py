"""A multipart body becomes files in ``incoming/``, without passing through memory."""

import errno
import hashlib
import io
import os
import stat
import tracemalloc

import pytest
from django.core.exceptions import TooManyFilesSent
from django.core.handlers.wsgi import WSGIRequest
from django.http import UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.test import RequestFactory

from portal.http.outages import StorageFull
from portal.http.refusals import RefusalMiddleware
from portal.http.uploads import received_files
from portal.intake import accept_uploads
from portal.studies import blobs
from portal.studies.blobs import FileWriter, store
from tests.portal.intake.files import png

BOUNDARY = "BoUnDaRy"


def body(*files: tuple[str, bytes], field: str = "files", end: bool = True) -> bytes:
    """Return a multipart body with the fields ``priority`` and one file after the other."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="priority"\r\n\r\n3\r\n'.encode()
    ]
    for name, content in files:
        head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"'
        parts.append(f"--{BOUNDARY}\r\n{head}\r\nContent-Type: application/dicom\r\n\r\n".encode())
        parts.append(content + b"\r\n")
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode() if end else b""])


def request(stream: bytes | io.RawIOBase, length: int | None = None) -> WSGIRequest:
    """Return a request as a web server hands it over."""
    source = io.BytesIO(stream) if isinstance(stream, bytes) else stream
    return WSGIRequest(
        {
            **RequestFactory()._base_environ(),
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": f"multipart/form-data; boundary={BOUNDARY}",
            "CONTENT_LENGTH": str(len(stream) if length is None else length),
            "wsgi.input": source,
        }
    )


def test_files_are_hashed_and_stored_as_they_come():
    content = os.urandom(300_000)
    sent = request(body(("a.dcm", content), ("b.png", b"x")))
    first, second = received_files(sent.FILES)
    assert (first.filename, second.filename) == ("a.dcm", "b.png")
    assert first.blob.sha256 == hashlib.sha256(content).hexdigest()
    assert first.blob.size == 300_000
    assert first.blob.path.read_bytes() == content
    assert first.blob.path.parent == store.incoming
    assert sent.POST.dict() == {"priority": "3"}


def test_a_file_is_for_its_owner_alone():
    (file,) = received_files(request(body(("a.dcm", b"x"))).FILES)
    assert stat.S_IMODE(file.blob.path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "..\\..\\x", "a\x00b.dcm", "x" * 300, "снимок", "\u202egp"],
)  # fmt: skip
def test_a_name_never_becomes_a_path(name):
    for file in received_files(request(body((name, b"x"))).FILES):
        assert file.blob.path.parent == store.incoming
        assert file.blob.path.name.isalnum()
        assert "/" not in file.filename


def test_what_nobody_accepted_is_removed_when_the_request_ends():
    sent = request(body(("a.dcm", b"x"), ("b.dcm", b"y")))
    assert len(received_files(sent.FILES)) == 2
    assert len(list(store.waiting())) == 2
    sent.close()
    assert list(store.waiting()) == []


def test_what_was_accepted_stays(portal_airlock, uploader):
    sent = request(body(("a.png", png())))
    (verdict,) = accept_uploads(files=received_files(sent.FILES), by=uploader)
    sent.close()
    assert verdict.status == "accepted"
    assert len(list(store.hashes())) == 1


def test_another_field_is_not_taken_and_removed_too():
    sent = request(body(("a.dcm", b"x"), field="other"))
    assert received_files(sent.FILES) == []
    sent.close()
    assert list(store.waiting()) == []


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_client_that_goes_half_way_leaves_no_file(share):
    whole = body(("a.dcm", b"first"), ("b.dcm", os.urandom(200_000)))
    sent = request(whole[: int(len(whole) * share)], length=len(whole))
    with pytest.raises(MultiPartParserError, match="ended before"):
        sent.FILES  # noqa: B018 (reading it is the test)
    assert list(store.waiting()) == []


def test_a_body_that_ends_right_before_its_last_boundary_is_not_whole():
    sent = request(body(("a.dcm", b"x" * 1000), end=False))
    with pytest.raises(MultiPartParserError):
        sent.FILES  # noqa: B018
    assert list(store.waiting()) == []


class Breaking(io.RawIOBase):
    """A connection that breaks after ``good``."""

    def __init__(self, good: bytes) -> None:
        self._good = io.BytesIO(good)

    def read(self, size: int = -1) -> bytes:
        chunk = self._good.read(size)
        if not chunk:
            raise ConnectionResetError
        return chunk


def test_a_connection_that_breaks_leaves_no_file():
    whole = body(("a.dcm", b"first"), ("b.dcm", os.urandom(200_000)))
    sent = request(Breaking(whole[:150_000]), length=len(whole))
    with pytest.raises(UnreadablePostError):
        sent.FILES  # noqa: B018
    assert list(store.waiting()) == []


def test_more_files_than_allowed_leave_none(settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 3
    sent = request(body(*[(f"{n}.dcm", b"x") for n in range(4)]))
    with pytest.raises(TooManyFilesSent):
        sent.FILES  # noqa: B018
    assert list(store.waiting()) == []


class Endless(io.RawIOBase):
    """A body of one large file that was never in memory."""

    def __init__(self, size: int) -> None:
        head, tail = body(("big.dcm", b"|")).split(b"|")
        self._parts = [io.BytesIO(head), io.BytesIO(tail)]
        self._left, self.length = size, size + len(head) + len(tail)

    def read(self, size: int = -1) -> bytes:
        if chunk := self._parts[0].read(size):
            return chunk
        if self._left:
            count = min(size, self._left)
            self._left -= count
            return b"\1" * count
        return self._parts[1].read(size)


def test_memory_does_not_grow_with_the_file():
    stream = Endless(64 * 1024 * 1024)
    sent = request(stream, length=stream.length)
    tracemalloc.start()
    (file,) = received_files(sent.FILES)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert file.blob.size == 64 * 1024 * 1024
    assert peak < 4 * 1024 * 1024
    sent.close()


@pytest.mark.parametrize("step", ["begin", "write", "finish"])
def test_a_full_disk_is_said_and_leaves_nothing(monkeypatch, step):
    """The rest of the body is read, so that the form and the client are not cut off."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if step == "begin":
        monkeypatch.setattr(blobs.FileBlobStore, "begin", full)
    else:
        monkeypatch.setattr(FileWriter, step, full)
    sent = request(body(("a.dcm", b"x" * 100_000)))
    with pytest.raises(StorageFull):
        received_files(sent.FILES)
    assert sent.POST["priority"] == "3"
    sent.close()
    monkeypatch.undo()
    assert list(store.waiting()) == []


def test_any_other_fault_of_the_disk_is_not_hidden(monkeypatch):
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(FileWriter, "write", broken)
    with pytest.raises(OSError, match="Input/output"):
        request(body(("a.dcm", b"x"))).FILES  # noqa: B018


def test_a_request_that_is_too_long_is_refused_unread(settings):
    settings.OVERREAD_MAX_UPLOAD_BYTES = 1000

    def never(_request: object) -> None:
        raise AssertionError("the request was passed on")

    sent = request(Breaking(b""), length=1001)
    sent.path = "/upload"  # below /api/ it is the view, which knows who asks
    answer = RefusalMiddleware(never)(sent)
    assert answer.status_code == 413
    assert b"send fewer files at once" in answer.content


@pytest.mark.parametrize("length", ["1000", "", "nonsense", "-1"])
def test_other_lengths_are_passed_on(settings, rf, length):
    from django.http import HttpResponse

    settings.OVERREAD_MAX_UPLOAD_BYTES = 1000
    sent = rf.get("/")
    sent.META["CONTENT_LENGTH"] = length
    assert RefusalMiddleware(lambda _: HttpResponse("ok"))(sent).content == b"ok"


@pytest.mark.parametrize("length", ["9" * 30, "1001"])
def test_no_length_is_too_long_to_be_refused(settings, rf, length):
    settings.OVERREAD_MAX_UPLOAD_BYTES = 1000
    sent = rf.post("/upload")
    sent.META["CONTENT_LENGTH"] = length
    assert RefusalMiddleware(lambda _: None)(sent).status_code == 413
