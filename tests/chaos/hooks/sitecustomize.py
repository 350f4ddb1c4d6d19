"""Loaded by every process of a harness: what a test can do to it at an exact point.

The product has no such switch. Modules are wrapped when they are imported, and files in the
folder ``TEST_HOOKS`` say what is to happen:

``slow``
    Seconds that a batch of the tiny network takes longer.
``probability``
    What every network answers instead of a probability.
``at/MODULE.NAME.before`` or ``.after``
    A signal by name, and optionally a word of the command line of whom it is for. The first
    process that comes by takes the file away and sends itself the signal. See `POINTS`.
``clock``
    JSON: by how many seconds the clock of a process is wrong, by a word of its command line.
    Only read when a process starts.
"""

import functools
import importlib.abc
import importlib.machinery
import json
import os
import signal
import sys
import time
from pathlib import Path

POINTS = {
    "portal.studies.blobs": ("FileBlobStore.keep",),
    "portal.studies.services": ("finish_answer",),
    "portal.predictions.tally_services": ("count_ended",),  # inside the transaction of a result
    "portal.predictions.worker_services": ("say_alive",),
    "portal.queue": ("ring",),
    "worker.tasks": ("claim",),
    "worker.reading": ("read", "settle"),
}
FOLDER = Path(os.environ.get("TEST_HOOKS", "/nonexistent"))


def command_line():
    return Path("/proc/self/cmdline").read_bytes().decode().split("\0")


def strike(point):
    """Do to this process what the test asked for at ``point``, if anything."""
    order = FOLDER / "at" / point
    try:
        number, *whom = order.read_text().split()
        if not set(whom) <= set(command_line()):
            return
        order.unlink()
    except FileNotFoundError:  # nothing asked for, or somebody else was first
        return
    os.kill(os.getpid(), signal.Signals[number])
    time.sleep(0.3)  # another thread may take the signal: this one must not go on meanwhile


def watch(module, name):
    """Wrap a function or method so that it can be struck before and after."""
    owner = module
    *outer, last = name.split(".")
    for one in outer:
        owner = getattr(owner, one)
    honest = getattr(owner, last)
    point = f"{module.__name__}.{name}"

    @functools.wraps(honest)
    def watched(*args, **kwargs):
        strike(f"{point}.before")
        answer = honest(*args, **kwargs)
        strike(f"{point}.after")
        return answer

    setattr(owner, last, watched)


def wrap_engine(module):
    """Let the tiny network be slow, and kill its process for a certain picture."""
    honest = module.TinyEngine.read

    def read(self, pixels):
        slow = FOLDER / "slow"
        if slow.exists() and pixels.any():  # not while warming up
            time.sleep(float(slow.read_text()))
        half = pixels.shape[2] // 2
        for picture in pixels:
            if picture[:, :half].mean() > 0.8 and picture[:, half:].mean() < 0.2:
                os.kill(os.getpid(), signal.SIGKILL)
        return honest(self, pixels)

    module.TinyEngine.read = read


def wrap_probability(module):
    """Let a network answer something that is no probability."""
    honest = module.to_probability

    def to_probability(logits, calibration):
        said = FOLDER / "probability"
        answers = honest(logits, calibration)
        return answers * 0 + float(said.read_text()) if said.exists() else answers

    module.to_probability = to_probability


def wrap_points(module):
    for name in POINTS[module.__name__]:
        watch(module, name)


WRAPPERS = {
    "inference.engines": wrap_engine,
    "inference.calibration": wrap_probability,
    **dict.fromkeys(POINTS, wrap_points),
}


class Finder(importlib.abc.MetaPathFinder):
    """Hands the modules out wrapped."""

    def find_spec(self, name, path=None, target=None):
        if name not in WRAPPERS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            WRAPPERS[name](module)

        spec.loader.exec_module = exec_module
        return spec


def set_clock():
    wrong = FOLDER / "clock"
    if not wrong.exists():
        return
    words = command_line()
    for word, seconds in json.loads(wrong.read_text()).items():
        if word in words:
            import time_machine

            time_machine.travel(time.time() + seconds, tick=True).start()


if FOLDER.is_dir():
    sys.meta_path.insert(0, Finder())
    set_clock()
