"""The client, and the airlock of one's own."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from inference.airlock.client import AirlockMisused, Decoded, Header, View, private_airlock
from inference.refusal import Refusal
from tests.airlock_server import ROOT
from tests.dicom_files import child_chest, png_chest

pytestmark = pytest.mark.services

CHILD = child_chest()


def test_bytes_a_path_and_an_open_file_are_the_same_to_it(airlock, tmp_path):
    path = tmp_path / "child.dcm"
    path.write_bytes(CHILD)
    with path.open("rb") as file:
        file.seek(100)
        answers = [airlock.header(CHILD), airlock.header(path), airlock.header(file)]
    assert all(isinstance(a, Header) for a in answers)
    assert answers[0] == answers[1] == answers[2]


def test_empty_bytes_are_a_refusal_and_a_missing_file_is_an_error(airlock, tmp_path):
    assert airlock.decode(b"").code == "empty_file"
    with pytest.raises(FileNotFoundError):
        airlock.header(tmp_path / "none")


def test_what_decode_gives_is_typed_and_cannot_be_written_to(airlock):
    decoded = airlock.decode(png_chest())
    assert isinstance(decoded, Decoded)
    assert (decoded.kind, decoded.rows, decoded.columns) == ("png", 256, 240)
    assert len(decoded.pixel_sha256) == 64
    with pytest.raises(ValueError, match="read-only"):
        decoded.pixels[0, 0] = 1


def test_the_same_file_gives_the_same_answer_twice(airlock):
    first, second = airlock.decode(CHILD), airlock.decode(CHILD)
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert first.pixel_sha256 == second.pixel_sha256
    assert airlock.decode(child_chest(seed=1)).pixel_sha256 != first.pixel_sha256


def test_a_view_is_passed_on(airlock):
    small = airlock.render(CHILD, View(max_size=64, format="jpeg", invert=True))
    assert (small.media_type, small.rows, small.columns) == ("image/jpeg", 64, 60)
    windowed = airlock.render(CHILD, View(center=100, width=50))
    assert windowed.content != airlock.render(CHILD).content


def test_a_view_that_makes_no_sense_is_a_bug_of_the_caller(airlock):
    with pytest.raises(AirlockMisused, match="max_size"):
        airlock.render(CHILD, View(max_size=-1))


def test_threads_may_share_it(airlock):
    answers: list[object] = []
    threads = [
        threading.Thread(target=lambda s=seed: answers.append(airlock.header(child_chest(seed=s))))
        for seed in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {a.elements["PatientID"] for a in answers} == {f"SYN-{s:06d}" for s in range(8)}


def test_a_private_airlock_starts_when_asked_and_ends_with_the_block():
    with private_airlock() as airlock:
        assert airlock._server._process is None
        assert isinstance(airlock.header(CHILD), Header)
        assert isinstance(airlock.header(b"x"), Refusal)
        process, folder = airlock._server._process, airlock._server._folder
        assert Path(folder).stat().st_mode & 0o777 == 0o700
    assert process.returncode == 0
    assert not Path(folder).exists()


def test_a_private_airlock_that_died_is_started_again():
    with private_airlock() as airlock:
        airlock.header(CHILD)
        airlock._server._process.kill()
        airlock._server._process.wait(10)
        assert isinstance(airlock.header(CHILD), Header)


def test_a_private_airlock_outlives_the_thread_that_started_it():
    with private_airlock() as airlock:
        thread = threading.Thread(target=airlock.header, args=(CHILD,))
        thread.start()
        thread.join(30)
        process = airlock._server._process
        assert isinstance(airlock.header(CHILD), Header)
        assert airlock._server._process is process


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_a_private_airlock_leaves_no_orphan(how):
    script = (
        "import sys\n"
        "from inference.airlock.client import private_airlock\n"
        "airlock = private_airlock()\n"
        "airlock.header(b'x')\n"
        "print(airlock._server._process.pid, airlock._server._folder, flush=True)\n"
        "sys.stdin.read()\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    pid, folder = owner.stdout.readline().split()
    assert Path(f"/proc/{pid}").exists()
    if how == "kill":
        os.kill(owner.pid, signal.SIGKILL)
    owner.stdin.close()
    owner.wait(20)
    owner.stdout.close()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "an orphan"
        time.sleep(0.02)
    assert not Path(folder).exists()
