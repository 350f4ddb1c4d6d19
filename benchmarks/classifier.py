"""Images a second of each engine, beside plain Keras ``model.predict`` one at a time.

All do the same work in one run: radiographs as DICOM bytes in, probabilities out, on the same
weights, each in a process of its own, in turn. The plain way is what a first notebook does:
pydicom, resize, ``predict`` of one image. Beside them stands what numpy takes to multiply two
float32 matrices with as many multiplications as VGG16 has, without any decoding.
"""

import io
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
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
MULTIPLY = "multiply"
ENGINES = ("tensorflow", "ncnn", "onnx", "reduced")
ROUNDS = 7
FILES = 16


@dataclass
class Ran:
    """What was measured of one engine."""

    name: str
    process: "subprocess.Popen[str]"
    first: float
    """Seconds from the start of its process to the first prediction."""
    seconds: list[float] = field(default_factory=list)
    megabytes: float = 0.0

    def times(self, other: "Ran") -> float:
        """Return how many times as fast as ``other`` it was: the median over the rounds."""
        rounds = zip(other.seconds, self.seconds, strict=True)
        return statistics.median(theirs / ours for theirs, ours in rounds)

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
    engines = [name for name in ENGINES if reduced or name != "reduced"]
    with ExitStack() as stack:  # one start after the other: it is measured too
        running = [
            stack.enter_context(running_engine(name, bundle_dir, files))
            for name in (PLAIN, *engines, MULTIPLY)
        ]
        for _ in range(ROUNDS):  # in turn, so that a noisy neighbour disturbs all
            for one in running:
                one.work()
        for one in running:
            one.end()
        return running


@contextmanager
def running_engine(name: str, bundle_dir: Path, files: list[bytes]) -> Iterator[Ran]:
    """Give an engine in a process of its own, after its first prediction."""
    with tempfile.NamedTemporaryFile() as held:
        held.write(pickle.dumps(files))
        held.flush()
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.engine", name, str(bundle_dir), held.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
        ) as process:
            one = Ran(name, process, 0.0)
            one.first = one.hear()
            yield one


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
    plain, multiply = found[0], found[-1]
    for one in found:
        print(
            f"{one.name:10} {FILES / statistics.median(one.seconds):6.2f} images/s, "
            f"{one.times(plain):.2f} times {PLAIN}, {one.times(multiply):.2f} times {MULTIPLY}; "
            f"first after {one.first:.1f} s; {one.megabytes:.0f} MB",
            flush=True,
        )
    print("aims: ncnn 1.90 times predict, reduced 3.00; first after 5.0 s; 700 MB", flush=True)
