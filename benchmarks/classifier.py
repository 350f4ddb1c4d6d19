"""Images a second of each engine, beside plain Keras ``model.predict`` one at a time.

All do the same work in one run: radiographs as DICOM bytes in, probabilities out, on the same
weights, each in a process of its own, in turn. The plain way is what a first notebook does:
pydicom, resize, ``predict`` of one image.
"""

import io
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom import dcmread

from benchmarks.running import ROOT, radiograph
from inference.bundle import Bundle, read_bundle
from inference.calibration import to_probability
from inference.engines import DenseHead
from inference.preprocess import squash
from inference.vgg16 import FeatureSpec, build_body, read_features, set_weights, to_input

BUNDLE = ROOT / "inference" / "bundles" / "vgg16-pneumonia-0.3.0"
PLAIN = "predict"
ENGINES = ("tensorflow", "onnx", "reduced")
ROUNDS = 3
FILES = 24


@dataclass
class Ran:
    """What was measured of one engine."""

    name: str
    process: "subprocess.Popen[str]"
    first: float
    """Seconds from the start of its process to the first prediction."""
    seconds: list[float] = field(default_factory=list)
    megabytes: float = 0.0

    def hear(self) -> float:
        """Return the next figure that it says."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended before it was measured")
        return float(line)

    def work(self) -> None:
        """Have it read all files once."""
        assert self.process.stdin
        self.process.stdin.write("again\n")
        self.process.stdin.flush()
        self.seconds.append(self.hear())

    def end(self) -> None:
        """Hear how much memory it took, and let it end."""
        assert self.process.stdin
        self.process.stdin.close()
        self.megabytes = self.hear()


def measure_engines(files: list[bytes], bundle_dir: Path = BUNDLE) -> list[Ran]:
    """Return what was measured of the plain way and of every engine that may run the bundle.

    Parameters
    ----------
    files : list of bytes
        DICOM files in an uncompressed syntax, MONOCHROME2, inside the intended use.
    bundle_dir : Path
        The bundle to run. Without ranges in it the reduced engine is left out.
    """
    reduced = read_bundle(bundle_dir).manifest.reduced
    names = [PLAIN, *(name for name in ENGINES if reduced or name != "reduced")]
    with tempfile.NamedTemporaryFile() as held, ExitStack() as stack:
        held.write(pickle.dumps(files))
        held.flush()
        running = []
        for name in names:  # one after the other: the start is measured too
            process = stack.enter_context(_process(name, bundle_dir, held.name))
            one = Ran(name, process, 0.0)
            one.first = one.hear()
            running.append(one)
        for _ in range(ROUNDS):  # in turn, so that a noisy neighbour disturbs all
            for one in running:
                one.work()
        for one in running:
            one.end()
        return running


def _process(name: str, bundle_dir: Path, files: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.engine", name, str(bundle_dir), files],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
    )


def plain_predictor(bundle: Bundle) -> Callable[[bytes], float]:
    """Return the plain way: one file, one ``model.predict``."""
    manifest = bundle.manifest
    body = build_body()
    set_weights(body, bundle.body)
    spec = FeatureSpec(manifest.head.features, manifest.head.blocks)
    model = read_features(body, spec)
    head = DenseHead(manifest.head, bundle.head)

    def predict(file: bytes) -> float:
        image = to_input(plain_pixels(file)[None], manifest.input.input_convention)
        features = model.predict(image, verbose=0)
        return float(to_probability(head.logits(features), manifest.calibration)[0])

    return predict


def plain_pixels(file: bytes) -> npt.NDArray[np.float32]:
    """Return (224, 224) float32 in [0, 1], by the window of the file, without any care."""
    dataset = dcmread(io.BytesIO(file))
    values = dataset.pixel_array.astype(np.float32)
    low, high = 0.0, float(2**dataset.BitsStored - 1)
    if "WindowWidth" in dataset:
        width, centre = float(dataset.WindowWidth), float(dataset.WindowCenter)
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    return squash(np.clip((values - low) / (high - low), 0, 1).astype(np.float32), 224)


def main() -> None:
    """Measure all and print their ratios to the plain way."""
    found = measure_engines([radiograph(number) for number in range(FILES)])
    rates = [FILES / statistics.median(one.seconds) for one in found]
    for one, rate in zip(found, rates, strict=True):
        print(
            f"{one.name:10} {rate:6.2f} images/s, decoding included, {rate / rates[0]:.2f} times "
            f"{PLAIN}; first prediction after {one.first:.1f} s; {one.megabytes:.0f} MB",
            flush=True,
        )
