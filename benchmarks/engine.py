"""One engine in a process of its own, for `benchmarks.classifier`: it answers on its output.

First how long it took from the start of the process to the first prediction; then, for each line
that it is told, how long all the files took; at the end the most memory that it ever took.
"""

import os
import pickle
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

SIDE = round(15.35e9 ** (1 / 3))
"""Of a square matrix whose product takes 15.35e9 multiplications, as the 13 convolutions do."""


def main() -> None:
    """Be the engine that the command line names.

    ``predict`` is plain `model.predict`; ``multiply`` does nothing but as many multiplications.
    """
    name, bundle_dir, files_path = sys.argv[1:]
    files = pickle.loads(Path(files_path).read_bytes())
    if name == "multiply":
        read = multiply()
    else:
        read = plain(bundle_dir) if name == "predict" else classifier(name, bundle_dir)
    read(files[:1])
    print(time.time() - born(), flush=True)
    read(files[:8])
    for _ in sys.stdin:
        started = time.perf_counter()
        read(files)
        print(time.perf_counter() - started, flush=True)
    print(megabytes(), flush=True)


def classifier(name: str, bundle_dir: str) -> Callable[[list[bytes]], object]:
    """Return the classifier of a bundle on the engine ``name``."""
    os.environ["OVERREAD_ENGINE"] = name
    os.environ["OVERREAD_DEVICE"] = "cpu"
    import inference  # noqa: PLC0415

    return inference.load(bundle_dir).classify


def plain(bundle_dir: str) -> Callable[[list[bytes]], object]:
    """Return the plain way, one file at a time."""
    from benchmarks.classifier import plain_predictor  # noqa: PLC0415
    from inference.bundle import read_bundle  # noqa: PLC0415

    predict = plain_predictor(read_bundle(Path(bundle_dir)))
    return lambda files: [predict(file) for file in files]


def multiply() -> Callable[[list[bytes]], object]:
    """Return what multiplies two float32 matrices for each file, as many times as VGG16 does."""
    import numpy as np  # noqa: PLC0415

    left, right = np.random.default_rng(0).normal(size=(2, SIDE, SIDE)).astype(np.float32)
    return lambda files: [float((left @ right)[0, 0]) for _ in files]


def born(pid: int | str = "self") -> float:
    """Return when a process began, this one by default, by `time.time`."""
    ticks = float(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")


def megabytes() -> float:
    """Return the most memory that this process had resident."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1000 if found else 0.0


if __name__ == "__main__":
    main()
