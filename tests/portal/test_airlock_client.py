"""The portal's client of the airlock, against a real one."""

import dataclasses
import socket
import sys
import threading

import pytest

from inference.airlock import client as twin
from portal import airlock as door
from tests.dicom_files import child_chest, jpeg_chest, png_chest

pytestmark = pytest.mark.services

CHILD = child_chest()


@pytest.fixture
def answering(airlock, settings):
    """Point the portal at the real airlock and return its other client."""
    settings.OVERREAD_AIRLOCK_SOCKET = airlock._path()
    return airlock


@pytest.mark.parametrize(
    "content", [CHILD, png_chest(), jpeg_chest()], ids=["dicom", "png", "jpeg"]
)
def test_both_clients_hear_the_same(answering, content):
    mine, theirs = door.header(content), answering.header(content)
    assert dataclasses.asdict(mine) == dataclasses.asdict(theirs)


def test_the_two_clients_have_the_same_shapes():
    def names(shape: type) -> list[str]:
        return [field.name for field in dataclasses.fields(shape)]

    assert names(door.Header) == names(twin.Header)
    assert names(door.View) == names(twin.View)
    assert names(door.Refusal) == ["code", "detail", "tag", "found", "remedy"]


def test_a_refusal_is_a_value(answering):
    refusal = door.header(child_chest(Rows=65535, Columns=65535))
    assert isinstance(refusal, door.Refusal)
    assert refusal.code == "too_many_pixels"
    assert refusal.tag == "(0028,0010) Rows, (0028,0011) Columns"
    assert refusal.found == "65535 x 65535 pixels"
    assert refusal.remedy


def test_a_rendition_is_a_file(answering, tmp_path):
    path = tmp_path / "child.dcm"
    path.write_bytes(CHILD)
    assert door.render(path).startswith(b"\x89PNG")
    with path.open("rb") as file:
        assert door.render(file, door.View(format="jpeg", max_size=64)).startswith(b"\xff\xd8\xff")
    assert door.render(b"x").code == "unsupported_type"


def test_nobody_there_is_an_outage(settings, tmp_path):
    settings.OVERREAD_AIRLOCK_SOCKET = str(tmp_path / "none")
    with pytest.raises(door.AirlockUnavailable):
        door.header(CHILD)


@pytest.fixture
def breaking(answering, settings, tmp_path):
    """Put a door before the airlock at which the first answers break off; return both clients."""
    path = tmp_path / "breaking.sock"
    real, listener = settings.OVERREAD_AIRLOCK_SOCKET, socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    settings.OVERREAD_AIRLOCK_SOCKET = str(path)

    def serve(answers):
        """Break off after so many bytes of each answer; who comes after them meets the airlock."""
        for left, count in enumerate(answers, 1 - len(answers)):
            connection, _ = listener.accept()
            with connection:
                socket.recv_fds(connection, 65536, 1)
                connection.sendall((b"\0\0\1\0" + b"{" * 300)[:count])
                if not left:
                    (tmp_path / "link").symlink_to(real)
                    (tmp_path / "link").replace(path)

    def breaks(*answers):
        thread = threading.Thread(target=serve, args=(answers,), daemon=True)
        thread.start()
        return thread

    yield breaks
    listener.close()


@pytest.mark.parametrize("count", [0, 2, 4, 100])
@pytest.mark.parametrize("which", ["portal", "inference"])
def test_an_answer_that_breaks_off_is_asked_for_once_more(breaking, settings, which, count):
    """Its reader was killed between its last word and the end of its answer."""
    thread = breaking(count)
    client = door if which == "portal" else twin.Airlock(settings.OVERREAD_AIRLOCK_SOCKET)
    assert client.header(CHILD).kind == "dicom"
    thread.join(5)


@pytest.mark.parametrize("which", ["portal", "inference"])
def test_an_answer_that_breaks_off_twice_is_an_outage(breaking, settings, which):
    breaking(0, 3)
    client = door if which == "portal" else twin.Airlock(settings.OVERREAD_AIRLOCK_SOCKET)
    with pytest.raises(OSError, match="does not answer"):
        client.header(CHILD)


def test_a_missing_file_is_no_outage(answering, tmp_path):
    with pytest.raises(FileNotFoundError):
        door.header(tmp_path / "none")


def test_a_request_that_makes_no_sense_is_a_bug_of_the_caller(answering):
    with pytest.raises(door.AirlockMisused):
        door.render(CHILD, door.View(frame=0))


def test_it_needs_nothing_but_the_standard_library_and_the_settings():
    imported = {
        name.split(".")[0]
        for name, module in sys.modules.items()
        if any(value is module for value in vars(door).values())
    }
    assert imported <= {"json", "os", "socket", "struct", "tempfile", "time"}
