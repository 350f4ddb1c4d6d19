"""Real processes on a database of their own, for what one process cannot show.

One process of an installation imports everything and then forks a child for each script, so
that eight of them can start at the same moment without importing Django eight times.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_NURSERY = """
import json, os, sys, traceback
import django
django.setup()
import portal.intake, portal.reviews.invariants, portal.reviews.services
import tests.factories

def child(job, argument, pipes):
    go, waiting, out = pipes
    def ready():
        os.write(waiting, b".")
        os.read(go, 1)
    def say(value):
        os.write(out, json.dumps(value).encode())
    scope = {"sys": sys, "ready": ready, "say": say, "__name__": "child"}
    sys.argv = ["child", argument]
    exec(compile(job["script"], "script", "exec"), scope)

def start(job, argument, go, waiting, keep_shut):
    answer, out = os.pipe()
    pid = os.fork()
    if pid:
        os.close(out)
        return pid, answer
    code = 1
    try:
        os.close(keep_shut)
        child(job, argument, (go, waiting, out))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)

for line in sys.stdin:
    job = json.loads(line)
    (go, let_go), (arrivals, waiting) = os.pipe(), os.pipe()
    children = [start(job, argument, go, waiting, let_go) for argument in job["arguments"]]
    os.close(waiting)
    if "ready()" in job["script"]:
        for _ in children:
            os.read(arrivals, 1)
    os.close(let_go)
    said = []
    for pid, answer in children:
        with os.fdopen(answer, "rb") as pipe:
            text = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said.append({"status": status, "said": json.loads(text) if text else None})
    os.close(go)
    os.close(arrivals)
    print(json.dumps(said), flush=True)
"""


@dataclass
class Portal:
    """An installation of its own: a database and a data folder.

    Scripts may call ``ready()`` to wait for the others, ``say(value)`` to answer in JSON, and
    find their argument in ``sys.argv[1]``.
    """

    environment: dict[str, str]
    _nursery: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def data(self) -> Path:
        return Path(self.environment["OVERREAD_DATA"])

    def run(self, script: str, argument: str = "") -> Any:
        """Return what one process said."""
        return self.race(script, [argument])[0]

    def race(self, script: str, arguments: list[str]) -> list[Any]:
        """Return what a process for each argument said, all let go at once at ``ready()``."""
        ended = self.ends(script, arguments)
        assert all(status == 0 for status, _ in ended), (ended, self.log())
        return [said for _, said in ended]

    def ends(self, script: str, arguments: list[str]) -> list[tuple[int, Any]]:
        """Return exit code (minus the signal that killed it) and words of each process."""
        if self._nursery is None:
            self._nursery = self._start()
        print(json.dumps({"script": script, "arguments": arguments}), file=self._nursery.stdin)
        self._nursery.stdin.flush()
        line = self._nursery.stdout.readline()
        assert line, self.log()
        return [(child["status"], child["said"]) for child in json.loads(line)]

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def log(self) -> str:
        """Return what the processes wrote to stderr."""
        path = self.data / "stderr.log"
        return path.read_text() if path.exists() else ""

    def close(self) -> None:
        """End the process that forks the others."""
        if self._nursery:
            self._nursery.communicate(timeout=60)

    def _start(self) -> subprocess.Popen[str]:
        with (self.data / "stderr.log").open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-c", _NURSERY],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )


def environment_of(data: Path, database_url: str) -> dict[str, str]:
    """Return the environment of an installation in ``data``, with no broker that answers."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "OVERREAD_DATA": str(data),
        "DATABASE_URL": database_url,
        "REDIS_URL": f"redis+socket://{data}/no-broker.sock",
        "PYTHONWARNINGS": "error",
    }
