"""A server of one's own, that ends with the process that wanted it.

It watches its standard input, a pipe whose other end is held here: when this process ends,
however it ends, the pipe does. (``PR_SET_PDEATHSIG`` would do so when the *thread* ends that
started it.)
"""

import atexit
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

_START_SECONDS = 60.0
_STEP_SECONDS = 0.02
_STOP_SECONDS = 5.0


class PrivateServer:
    """A server that starts when its socket is first asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = ""

    def socket_path(self) -> str:
        """Return the path of its socket, once it listens there.

        Raises
        ------
        OSError
            If it does not start.
        """
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            return str(Path(self._folder) / "airlock.sock")

    def stop(self) -> None:
        """End the server; harmless if there is none."""
        with self._lock:
            self._end()
            atexit.unregister(self.stop)

    def _end(self) -> None:
        if self._process is not None and self._process.stdin:
            self._process.terminate()
            self._process.wait(_STOP_SECONDS)
            self._process.stdin.close()
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        self._end()
        self._folder = tempfile.mkdtemp(prefix="overread-airlock-")
        path = Path(self._folder) / "airlock.sock"
        command = [sys.executable, "-m", "inference.airlock", "--socket", str(path)]
        self._process = subprocess.Popen(
            [*command, "--end-with-stdin"],
            stdin=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        atexit.register(self.stop)
        deadline = time.monotonic() + _START_SECONDS
        while not listens(path):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise OSError("the private airlock does not start")
            time.sleep(_STEP_SECONDS)


def listens(path: Path) -> bool:
    """Return whether somebody listens on ``path``. The file alone is there a moment earlier."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
