"""The server itself: its limits, its children, its socket. Real processes."""

import contextlib
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom.encaps import encapsulate

from inference.airlock.client import Airlock, AirlockUnavailable, Decoded, Header
from inference.airlock.limits import PIXEL_LIMIT, Limits
from inference.airlock.wire import LENGTH, read_exactly
from inference.refusal import Refusal
from tests.airlock_server import ROOT, running, start
from tests.dicom_files import RLE, child_chest, png_chest
from tests.inference.airlock.raw import element, part10

pytestmark = pytest.mark.services

CHILD = child_chest()
SLOW_SIDE = 6000


@pytest.fixture(scope="module")
def slow() -> bytes:
    """Return a file that keeps a child busy for seconds: RLE that repeats nothing, in runs of 1."""
    pixels = SLOW_SIDE * SLOW_SIDE
    content = child_chest(
        pixels=np.zeros((64, 64), np.uint8), Rows=SLOW_SIDE, Columns=SLOW_SIDE, PixelData=None,
        syntax=RLE,
    )  # fmt: skip
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + b"\0\x55" * pixels
    pixel_data = encapsulate([frame]) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return content + b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + pixel_data


def until(holds, seconds: float = 20) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


def test_it_answers_header_decode_and_render(airlock):
    header = airlock.header(CHILD)
    assert isinstance(header, Header)
    assert header.elements["PatientAge"] == "004Y"
    decoded = airlock.decode(CHILD)
    assert isinstance(decoded, Decoded)
    assert decoded.pixels.shape == (224, 224)
    assert decoded.pixels.dtype == np.float32
    assert airlock.decode(CHILD, size=None).pixels.shape == (256, 240)
    assert airlock.render(CHILD).content.startswith(b"\x89PNG")


def test_a_refusal_is_a_value_with_words(airlock):
    refusal = airlock.header(b"only words")
    assert isinstance(refusal, Refusal)
    assert refusal.code == "unsupported_type"
    assert refusal.outcome == "refused"
    assert refusal.remedy


# Limits, one by one


def test_more_memory_than_allowed_is_refused(tmp_path, slow):
    with running(tmp_path / "s", OVERREAD_AIRLOCK_MEMORY_MB="256") as server:
        airlock = Airlock(server.socket)
        refusal = airlock.decode(slow)
        assert (refusal.code, refusal.outcome) == ("airlock_memory_limit", "failed")
        assert isinstance(airlock.decode(CHILD), Decoded)


def test_the_largest_picture_fits_into_the_memory(tmp_path):
    side = int(PIXEL_LIMIT**0.5)
    small = np.zeros((64, 64), np.uint16)
    content = child_chest(pixels=small, Rows=side, Columns=side, PixelData=None)
    row = np.arange(side, dtype=np.uint16).tobytes()
    whole = content + element(0x7FE00010, "OW", row * side)
    with running(tmp_path / "s", OVERREAD_AIRLOCK_WALL_SECONDS="120") as server:
        assert isinstance(Airlock(server.socket, patience=150).decode(whole), Decoded)


def test_a_file_larger_than_the_memory_is_refused_unread(tmp_path):
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.write(part10(b""))
        file.truncate(4 << 30)
    with running(tmp_path / "s") as server:
        refusal = Airlock(server.socket).header(sparse)
    assert (refusal.code, refusal.outcome) == ("airlock_memory_limit", "refused")


def test_more_computing_time_than_allowed_is_refused(tmp_path, slow):
    with running(tmp_path / "s", OVERREAD_AIRLOCK_CPU_SECONDS="1") as server:
        airlock = Airlock(server.socket)
        refusal = airlock.decode(slow)
        assert (refusal.code, refusal.outcome) == ("airlock_cpu_limit", "failed")
        assert isinstance(airlock.decode(CHILD), Decoded)
    assert any("airlock_cpu_limit" in line for line in server.log)


def test_more_time_than_allowed_is_refused(tmp_path, slow):
    with running(tmp_path / "s", OVERREAD_AIRLOCK_WALL_SECONDS="0.5") as server:
        began = time.monotonic()
        refusal = Airlock(server.socket).decode(slow)
        assert (refusal.code, refusal.outcome) == ("airlock_time_limit", "failed")
        assert time.monotonic() - began < 5
        until(lambda: not server.children)


def test_a_killed_child_is_answered_for_and_the_server_goes_on(tmp_path, slow):
    with running(tmp_path / "s") as server:
        airlock = Airlock(server.socket)
        answers: list[object] = []
        asking = threading.Thread(target=lambda: answers.append(airlock.decode(slow)))
        asking.start()
        until(lambda: server.children)
        until(lambda: busy(next(iter(server.children))))
        os.kill(next(iter(server.children)), signal.SIGKILL)
        asking.join(20)
        assert [(a.code, a.outcome) for a in answers] == [("airlock_crashed", "failed")]
        assert isinstance(airlock.decode(CHILD), Decoded)
    assert any("airlock_crashed" in line for line in server.log)


def busy(pid: int) -> bool:
    """Return whether a child has begun to compute: it was forked, and has used processor time."""
    with contextlib.suppress(FileNotFoundError):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12]) > 20
    return False


@pytest.fixture(scope="module")
def at_work(tmp_path_factory, slow):
    """Yield the process id of a child that is stopped in the middle of its work."""
    socket_path = tmp_path_factory.mktemp("work") / "s"
    told = {"SECRET_TOKEN": "canary", "OVERREAD_AIRLOCK_WALL_SECONDS": "600"}
    with running(socket_path, **told) as server, socket.socket(socket.AF_UNIX) as client:
        ask(client, server.socket, "decode", slow)
        until(lambda: server.children)
        (pid,) = server.children
        until(lambda: busy(pid))
        os.kill(pid, signal.SIGSTOP)
        yield server, pid


def ask(client: socket.socket, path: Path, op: str, content: bytes) -> None:
    client.connect(str(path))
    blob = os.memfd_create("blob")
    os.write(blob, content)
    socket.send_fds(client, [json.dumps({"op": op, "args": {}}).encode() + b"\n"], [blob])
    os.close(blob)


def test_a_child_is_limited(at_work):
    _, pid = at_work
    limits = {
        name: resource.prlimit(pid, getattr(resource, f"RLIMIT_{name}"))
        for name in ("AS", "CPU", "FSIZE", "NPROC", "CORE", "NOFILE")
    }
    assert limits == {
        "AS": (1 << 30, 1 << 30),
        "CPU": (10, 11),
        "FSIZE": (0, 0),
        "NPROC": (0, 0),
        "CORE": (0, 0),
        "NOFILE": (16, 16),
    }
    assert "NoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text()


def test_a_child_holds_its_own_connection_its_notes_and_its_file_and_nothing_else(at_work):
    _, pid = at_work
    held = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    assert sum(name.startswith("socket:") for name in held) == 1
    assert sum(name.startswith("/memfd:blob") for name in held) in {1, 2}, "mmap keeps its own"
    assert "/dev/null" in held
    assert len(held) <= 7


def test_the_environment_of_the_server_and_its_children_is_clean(at_work):
    server, pid = at_work
    for process in (server.process.pid, pid):
        environment = Path(f"/proc/{process}/environ").read_bytes()
        assert b"canary" not in environment
        assert b"OMP_NUM_THREADS=1" in environment
        assert b"HOME=" not in environment
    assert "Threads:\t1\n" in Path(f"/proc/{server.process.pid}/status").read_text()


ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""As in the server: a process with threads cannot leave its namespaces."""


def may_leave_the_network() -> bool:
    """Return whether this system lets a process do so."""
    script = "import sys; from inference.airlock import cage; sys.exit(cage.leave_network() or 0)"
    return (
        subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=ONE_THREAD, check=False
        ).returncode
        == 0
    )


def test_there_is_no_network_where_the_system_allows_that_and_else_the_log_says_so(at_work):
    server, pid = at_work
    ours = Path("/proc/self/ns/net").readlink()
    if may_leave_the_network():
        assert "without a network" in server.log[0]
        assert Path(f"/proc/{pid}/ns/net").readlink() != ours
        interfaces = Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]
        assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
    else:
        assert ", with the network: " in server.log[0]
        assert Path(f"/proc/{pid}/ns/net").readlink() == ours


def test_a_child_can_start_write_and_reach_nothing():
    script = """
import os, socket, sys
from inference.airlock.cage import leave_network
from inference.airlock.limits import Limits
root = os.getuid() == 0  # whose processes are not counted
kept = leave_network()
Limits().apply()
def fails(act):
    try:
        act()
    except OSError:
        return True
    return False
assert root or fails(os.fork), "a process"
assert fails(lambda: os.write(os.open("/tmp/overread-cage-test", 66, 0o600), b"x")), "a file"
assert kept or fails(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2)), "a port"
assert fails(lambda: [os.open("/dev/null", 0) for _ in range(20)]), "descriptors"
"""
    with socket.create_server(("127.0.0.1", 0)) as reachable:
        port = str(reachable.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-c", script, port],
            cwd=ROOT,
            env=ONE_THREAD,
            capture_output=True,
            check=False,
        )
    Path("/tmp/overread-cage-test").unlink(missing_ok=True)
    assert done.returncode == 0, done.stderr.decode()


def test_the_limits_leave_room_beside_what_is_preloaded(at_work):
    server, _ = at_work
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    size = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmSize"))
    assert size < 300 * 1024, "kB of address space; RLIMIT_AS of a child is 1 GiB in all"


# Clients


def test_a_client_that_leaves_takes_its_child_with_it(tmp_path, slow):
    with running(tmp_path / "s") as server:
        with socket.socket(socket.AF_UNIX) as client:
            ask(client, server.socket, "decode", slow)
            until(lambda: server.children)
        until(lambda: not server.children, 5)
        with socket.socket(socket.AF_UNIX) as silent:
            silent.connect(str(server.socket))
            until(lambda: server.children)
        until(lambda: not server.children, 5)
    assert server.log[1:] == [], "somebody who leaves is no incident"


def test_a_client_that_says_nothing_is_not_waited_for(tmp_path):
    with (
        running(tmp_path / "s", OVERREAD_AIRLOCK_WALL_SECONDS="0.3") as server,
        socket.socket(socket.AF_UNIX) as silent,
    ):
        silent.connect(str(server.socket))
        head = answer(silent)
        assert head["refusal"]["code"] == "airlock_time_limit"
        until(lambda: not server.children)


def answer(client: socket.socket) -> dict:
    deadline = time.monotonic() + 20
    (length,) = LENGTH.unpack(read_exactly(client, LENGTH.size, deadline))
    return json.loads(read_exactly(client, length, deadline))


def test_a_client_that_does_not_read_is_not_waited_for(tmp_path):
    limit = {"OVERREAD_AIRLOCK_WALL_SECONDS": "1"}
    with running(tmp_path / "s", **limit) as server, socket.socket(socket.AF_UNIX) as client:
        ask(client, server.socket, "render", png_chest(pixels=noise()))
        until(lambda: server.children)
        until(lambda: not server.children, 10)


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2000, 2000), dtype=np.uint8)


@pytest.mark.parametrize(
    "line",
    [
        b"{}\n",
        b"not json\n",
        b"[]\n",
        b'{"op": "eval"}\n',
        b'{"op": "decode", "args": {"size": "big"}}\n',
        b'{"op": "decode", "args": {"size": true}}\n',
        b'{"op": "decode", "args": {"size": 100000}}\n',
        b'{"op": "render", "args": {"center": NaN}}\n',
        b'{"op": "render", "args": {"format": "svg"}}\n',
        b'{"op": "header", "args": {"path": "/etc/passwd"}}\n',
        b'{"op": "header", "args": []}\n',
        b"x" * 70_000,
    ],
)
def test_a_request_that_makes_no_sense_is_answered_so(airlock, line):
    with socket.socket(socket.AF_UNIX) as client, Path(__file__).open("rb") as blob:
        client.connect(airlock._path())
        socket.send_fds(client, [line[:1]], [blob.fileno()])
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(line[1:])
        assert answer(client)["error"]


@pytest.mark.parametrize("what", ["nothing", "a folder", "a pipe"])
def test_only_a_regular_file_is_opened(airlock, tmp_path, what):
    reading, writing = os.pipe()
    folder = os.open(tmp_path, os.O_RDONLY)
    descriptors = {"nothing": [], "a folder": [folder], "a pipe": [reading]}[what]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(airlock._path())
        socket.send_fds(client, [b'{"op": "header"}\n'], descriptors)
        assert "regular file" in answer(client)["error"]
    for descriptor in (reading, writing, folder):
        os.close(descriptor)


def test_more_clients_than_children_wait_their_turn(tmp_path):
    with running(tmp_path / "s", OVERREAD_AIRLOCK_CHILDREN="2") as server:
        airlock, answers, most = Airlock(server.socket), [], []
        threads = [
            threading.Thread(target=lambda: answers.append(airlock.decode(CHILD)))
            for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            most.append(len(server.children))
            time.sleep(0.001)
        assert len([a for a in answers if isinstance(a, Decoded)]) == 12
        assert max(most) <= 2


# The socket and the life of the server


def test_sigterm_stops_it_promptly_and_leaves_nothing(tmp_path, slow):
    path = tmp_path / "s"
    with running(path) as server:
        assert path.stat().st_mode & 0o777 == 0o600
        with socket.socket(socket.AF_UNIX) as client:
            ask(client, path, "decode", slow)
            until(lambda: server.children)
            (child,) = server.children
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(5) == 0
        assert not Path(f"/proc/{child}").exists()
        assert not path.exists()


def test_its_children_do_not_outlive_it_when_it_is_killed(tmp_path, slow):
    with running(tmp_path / "s") as server, socket.socket(socket.AF_UNIX) as client:
        ask(client, server.socket, "decode", slow)
        until(lambda: server.children)
        (child,) = server.children
        until(lambda: busy(child))
        server.process.kill()
        until(lambda: not alive(child), 5)


def alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def test_a_stale_socket_is_replaced(tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with running(path) as server:
        assert isinstance(Airlock(server.socket).header(CHILD), Header)


def test_a_second_server_on_the_same_socket_refuses_to_start(tmp_path):
    with running(tmp_path / "s") as server:
        second = start(server.socket)
        _, said = second.communicate(timeout=30)
        assert second.returncode == 2
        assert "another airlock answers" in said
        assert isinstance(Airlock(server.socket).header(CHILD), Header)


@pytest.mark.parametrize("what", ["a file", "a long path", "no folder", "a bad limit"])
def test_what_cannot_be_listened_on_is_said_in_a_sentence(tmp_path, what):
    path = {"a long path": tmp_path / ("x" * 120), "no folder": tmp_path / "none" / "s"}.get(
        what, tmp_path / "s"
    )
    if what == "a file":
        path.write_text("mine")
    limit = {"OVERREAD_AIRLOCK_MEMORY_MB": "-1"} if what == "a bad limit" else {}
    process = start(path, **limit)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert said.startswith("airlock: ")
    assert "Traceback" not in said
    assert what != "a file" or path.read_text() == "mine"


def test_help_is_given():
    done = subprocess.run(
        [sys.executable, "-m", "inference.airlock", "--help"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "--socket" in done.stdout
    assert "OVERREAD_AIRLOCK_MEMORY_MB" in done.stdout


def test_limits_come_from_the_environment_and_must_be_positive():
    assert Limits.from_environment({}).memory_mb == 1024
    assert Limits.from_environment({"OVERREAD_AIRLOCK_CPU_SECONDS": "3"}).cpu_seconds == 3
    with pytest.raises(ValueError, match="positive"):
        Limits.from_environment({"OVERREAD_AIRLOCK_WALL_SECONDS": "0"})
    with pytest.raises(ValueError, match="invalid literal"):
        Limits.from_environment({"OVERREAD_AIRLOCK_CHILDREN": "many"})


def test_nobody_there_is_an_outage(tmp_path):
    with pytest.raises(AirlockUnavailable):
        Airlock(tmp_path / "none").header(CHILD)


def test_a_server_that_is_stopped_is_an_outage_within_the_patience(tmp_path):
    with running(tmp_path / "s") as server:
        server.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        try:
            with pytest.raises(AirlockUnavailable):
                Airlock(server.socket, patience=0.5).header(CHILD)
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert time.monotonic() - began < 5


def test_a_compressed_blob_of_zeros_breaks_nothing(airlock):
    assert isinstance(airlock.header(zlib.compress(b"\0" * 1000)), Refusal)
