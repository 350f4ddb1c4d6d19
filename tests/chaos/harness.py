"""A whole Overread of its own: real processes, a free port, its own data, queue and database."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.chaos.servers import Broker, Postgres, children_of, is_running
from tests.databases import copy_migrated, own_database

ROOT = Path(__file__).parents[2]
HOOKS = Path(__file__).parent / "hooks"
READY = re.compile(r"^Overread is ready at (http://\S+)$")
PASSWORD = "correct horse battery 7"
LEASE = 3
PATIENCE = 180
"""Seconds that a command may take on a busy machine."""


def until(holds: Callable[[], Any], *, within: float, every: float = 0.05, what: str = "it") -> Any:
    """Return what ``holds`` returns as soon as it is true."""
    ends = time.monotonic() + within
    while not (found := holds()):
        assert time.monotonic() < ends, f"{what} did not come about within {within} s"
        time.sleep(every)
    return found


class Overread:
    """One ``serve`` and what belongs to it. The data outlive the process."""

    def __init__(self, folder: Path, bundle: Path | None, database_url: str, **env: str) -> None:
        self.data = folder / "data"
        self.hooks = folder / "hooks"
        self.hooks.mkdir(parents=True, exist_ok=True)
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self.origin = ""
        self.own_broker: Broker | None = None
        self.own_postgres: Postgres | None = None
        self._reader: threading.Thread | None = None
        self.env = {k: v for k, v in os.environ.items() if not _is_ours(k)} | {
            "OVERREAD_DATA": str(self.data),
            "OVERREAD_LEASE_SECONDS": str(LEASE),
            "OVERREAD_READS_A_MINUTE": "0",
            "OVERREAD_WRITES_A_MINUTE": "0",
            "OVERREAD_UPLOADS_A_MINUTE": "0",
            "OVERREAD_RING_AFTER_SECONDS": "3",
            "OVERREAD_SWEEP_SECONDS": "1",
            "PYTHONPATH": str(HOOKS),
            "TEST_HOOKS": str(self.hooks),
        }
        if bundle:
            self.env |= {"OVERREAD_BUNDLE": str(bundle), "OVERREAD_ALLOW_TEST_BUNDLE": "1"}
        if database_url:
            self.env["DATABASE_URL"] = database_url
        self.env |= env

    # ------------------------------------------------------------------ the process

    def launch(self, *arguments: str, port: int = 0) -> None:
        """Start ``serve`` and listen to it."""
        self.lines = []
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(port), *arguments],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._listen, args=(self.process,), daemon=True)
        self._reader.start()

    def start(self, *arguments: str, within: float = 90, port: int = 0) -> "Overread":
        """Start ``serve`` and wait for its ready line."""
        self.launch(*arguments, port=port)
        self.origin = until(self._ready_at, within=within, what="the ready line")
        return self

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """Kill the supervisor, and nobody else, as the kernel would out of memory."""
        assert self.process
        self.process.kill()
        self.process.wait(timeout=10)

    def kill_all(self) -> None:
        """Kill the supervisor; the kernel kills whoever belongs to it."""
        family = self.family()
        self.kill()
        until(lambda: not any(map(is_running, family)), within=5, what="the end of all children")

    def restart(self) -> None:
        """Start again where it listened before."""
        self.start(port=urlsplit(self.origin).port or 0)

    def wait(self, within: float = 30) -> int:
        """Return the exit code once the process has ended and its output is read."""
        assert self.process
        assert self._reader
        code = self.process.wait(timeout=within)
        self._reader.join(timeout=10)
        return code

    def end(self) -> None:
        """Leave nothing running, whatever the test did."""
        if self.process and self.process.poll() is None:
            for pid in self.family():
                _signal(pid, signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def family(self) -> list[int]:
        """Return the process ids of everything below ``serve``."""
        assert self.process
        return descendants(self.process.pid)

    def children(self, *words: str) -> list[int]:
        """Return the process ids of the direct children whose command line has all ``words``."""
        assert self.process
        return [p for p in children_of(self.process.pid) if set(words) <= set(command_of(p))]

    def child(self, *words: str) -> int:
        """Return the process id of the direct child whose command line has all ``words``."""
        found = self.children(*words)
        assert len(found) == 1, (words, [command_of(p) for p in found])
        return found[0]

    def worker(self) -> int:
        """Return the process id of the inference worker."""
        return self.child("-Q", "inference")

    def brokers(self) -> list[int]:
        """Return the process id of the queue, if it runs just now."""
        assert self.process
        if self.own_broker:
            return self.own_broker.pids()
        return [p for p in children_of(self.process.pid) if "valkey" in command_of(p)[0]]

    def broker(self) -> int:
        """Return the process id of the queue."""
        found = self.brokers()
        assert len(found) == 1
        return found[0]

    def wipe_broker(self) -> None:
        """Take away what the queue has on disk: killed now, it comes back empty."""
        folder = self.own_broker.folder if self.own_broker else self.data / "queue"
        for file in folder.iterdir():
            shutil.rmtree(file) if file.is_dir() else file.unlink()

    def crash_database(self) -> None:
        """Kill the PostgreSQL of this test and start it again."""
        assert self.own_postgres
        self.own_postgres.kill()
        self.own_postgres.start()

    # ------------------------------------------------------------------ exact points

    def strike_at(self, point: str, number: signal.Signals, *whom: str) -> Path:
        """Have the next process that passes ``point`` send itself a signal (see `hooks`).

        Returns the order, a file that is gone once it was obeyed.
        """
        order = self.hooks / "at" / point
        order.parent.mkdir(exist_ok=True)
        order.write_text(" ".join([number.name, *whom]))
        return order

    def said(self, pattern: str) -> bool:
        """Return whether a line of the output matches."""
        return any(re.search(pattern, line) for line in list(self.lines))

    def output(self) -> str:
        """Return all output so far."""
        return "\n".join(self.lines)

    def _ready_at(self) -> str:
        assert self.process
        assert self.process.poll() is None, f"serve ended:\n{self.output()}"
        found = [m[1] for line in list(self.lines) if (m := READY.match(line))]
        return found[0] if found else ""

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout
        with process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))

    # ------------------------------------------------------------------ commands and requests

    def manage(self, *arguments: str, stdin: str = "", may_fail: bool = False) -> str:
        """Run a management command on the same data and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert may_fail or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def people(self, *usernames: str, site: str = "st-mary") -> dict[str, str]:
        """Make a site with users, and return a token for each.

        A user is what the name says without its digits: ``reviewer2`` is a reviewer.
        """
        script = (
            "import sys, json\n"
            "from datetime import timedelta\n"
            "from django.core.management import call_command\n"
            "from portal.accounts.services import create_user, create_token\n"
            "from portal.accounts.selectors import site_named\n"
            "from io import StringIO\n"
            "site, password, *names = sys.argv[1:]\n"
            "call_command('create_site', site, '--name', 'St Mary', stdout=StringIO())\n"
            "made = [create_user(username=name, site=site_named(site), password=password,"
            " roles=[name.rstrip('0123456789')]) for name in names]\n"
            "tokens = {u.username: create_token(user=u, lasts=timedelta(days=3)) for u in made}\n"
            "print(json.dumps(tokens))\n"
        )
        return json.loads(self.python(script, site, PASSWORD, *usernames))

    def python(self, script: str, *arguments: str) -> str:
        """Run Django code in a process of its own on the same data; return what it printed."""
        setup = "import django; django.setup()\n"
        done = subprocess.run(
            [sys.executable, "-c", setup + script, *arguments],
            cwd=ROOT,
            env=self.env | {"DJANGO_SETTINGS_MODULE": "portal.settings"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def request(self, method: str, path: str, token: str, **options: Any) -> requests.Response:
        """Send one request with a token."""
        return requests.request(
            method,
            f"{self.origin}{path}",
            headers={"Authorization": f"Token {token}"} | options.pop("headers", {}),
            timeout=30,
            **options,
        )

    def upload(self, token: str, *files: tuple[str, bytes], **fields: str) -> list[dict[str, Any]]:
        """Upload files and return the verdicts."""
        parts = [("files", (name, content)) for name, content in files]
        answer = self.request("POST", "/api/v1/uploads", token, files=parts, data=fields)
        assert answer.status_code in {202, 422}, answer.text
        return answer.json()["uploads"]

    def prediction(self, token: str, prediction_id: str) -> dict[str, Any]:
        """Return one prediction as the API tells it."""
        answer = self.request("GET", f"/api/v1/predictions/{prediction_id}", token)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def settled(self, token: str, ids: list[str], *, within: float) -> dict[str, dict[str, Any]]:
        """Return the predictions once none of them waits or runs."""
        open_ids, closed = list(ids), {}

        def all_closed() -> bool:
            for one in list(open_ids):
                found = self.prediction(token, one)
                if found["state"] not in {"queued", "running"}:
                    closed[one] = found
                    open_ids.remove(one)
            return not open_ids

        until(all_closed, within=within, every=0.2, what=f"the end of {len(ids)} predictions")
        return closed


@contextmanager
def overread(
    folder: Path,
    bundle: Path | None,
    *,
    database_url: str | None = None,
    empty: bool = False,
    **env: str,
) -> Iterator[Overread]:
    """Give an `Overread` that has not been started yet; end it, and its database, afterwards.

    Its database is a new one, migrated unless it is to be ``empty``; or what ``database_url`` says.
    """
    if database_url is not None:
        yield from _ended(Overread(folder, bundle, database_url, **env))
        return
    with own_database(migrated=not empty) as url:
        one = Overread(folder, bundle, url, **env)
        if not url and not empty:
            copy_migrated(one.data)
        yield from _ended(one)


def _ended(one: Overread) -> Iterator[Overread]:
    try:
        yield one
    finally:
        one.end()
        shutil.rmtree(one.data, ignore_errors=True)


def descendants(pid: int) -> list[int]:
    """Return the process ids of children, grandchildren and so on."""
    below = children_of(pid)
    return below + [lower for child in below for lower in descendants(child)]


def command_of(pid: int) -> list[str]:
    """Return the command line of a process; empty strings for one that is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return [""]


def resident_megabytes(pid: int) -> float:
    """Return the resident memory of a process, MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)
    assert found
    return int(found[1]) / 1024


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _is_ours(name: str) -> bool:
    return name.startswith("OVERREAD_") or name in {"DATABASE_URL", "REDIS_URL", "PYTHONPATH"}
