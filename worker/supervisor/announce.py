"""What happens once all children are up: the ready line, then the demo's samples."""

import time

from django.db import Error, connection

from inference.samples import SamplesMissing, demo_samples
from worker import demo
from worker.airlock import airlock_listens
from worker.supervisor.output import say, say_as
from worker.supervisor.programs import INFERENCE
from worker.supervisor.readiness import web_answers, worker_consumes
from worker.supervisor.run import Supervisor

PATIENCE = 20.0
"""Seconds of silence before it is said who is long in coming."""
STEP = 0.2


class Announcement:
    """Waits, in a thread beside the supervisor's loop, and prints the ready line once.

    Parameters
    ----------
    address : (str, int)
        Where the web server can be reached from here.
    origin : str
        What people are told.
    with_samples : bool
        Whether the demo's samples are sent afterwards, unless they were before.
    """

    def __init__(
        self, supervisor: Supervisor, address: tuple[str, int], origin: str, *, with_samples: bool
    ) -> None:
        self._supervisor = supervisor
        self._address = address
        self._origin = origin
        self._with_samples = with_samples

    def run(self) -> None:
        """Print the ready line when the web answers and the queue is consumed."""
        if not self._wait():
            return
        say(f"Overread is ready at {self._origin}")
        if self._with_samples and not demo.samples_were_sent():
            self._send_samples()

    def _wait(self) -> bool:
        """Return True once all is there, False if it is time to stop; say who is long in coming."""
        patience_ends = time.monotonic() + PATIENCE
        while not self._supervisor.is_stopping:
            missing = self._missing()
            if not missing:
                return True
            if time.monotonic() > patience_ends:
                say_as("serve", f"still waiting for {missing}")
                patience_ends += PATIENCE
            time.sleep(STEP)
        return False

    def _missing(self) -> str:
        """Return who is not there yet; an empty string if nobody is."""
        worker = self._supervisor.child(INFERENCE)
        if not airlock_listens():
            return "the airlock"
        if not worker_consumes(worker.pid):
            return "the inference worker, which waits for the database and the queue"
        return "" if web_answers(self._address, self._origin) else "the web server"

    def _send_samples(self) -> None:
        say_as("demo", "sending samples through the front door ...")
        try:
            for line in demo.send_samples(demo_samples(), self._address, self._origin):
                say_as("demo", line)
        except (demo.SamplesRefused, SamplesMissing, OSError, Error) as error:
            say_as("demo", f"the samples were not sent: {error}")
        finally:
            connection.close()
