"""Images a second of the classifier, beside plain Keras ``model.predict`` one at a time.

Both do the same work in one run: radiographs as DICOM bytes in, probabilities out, on the same
weights. The plain way is what a first notebook does: pydicom, resize, ``predict`` of one image.
"""

import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom import dcmread

import inference
from benchmarks.running import radiograph
from inference.bundle import Bundle, read_bundle
from inference.calibration import to_probability
from inference.engines import DenseHead
from inference.preprocess import squash
from inference.vgg16 import FeatureSpec, build_body, read_features, set_weights, to_input

BUNDLE = Path(__file__).parents[1] / "inference" / "bundles" / "vgg16-pneumonia-0.2.0"
ROUNDS = 3
FILES = 24


def measure_classifier(files: list[bytes], bundle_dir: Path = BUNDLE) -> dict[str, float]:
    """Return what was measured: rates and their ratio.

    Parameters
    ----------
    files : list of bytes
        DICOM files in an uncompressed syntax, MONOCHROME2, inside the intended use; 16 or more.
    bundle_dir : Path
        The bundle to run.

    Returns
    -------
    dict
        ``load_seconds``, ``classifier_images_per_second``, ``predict_images_per_second`` and
        ``ratio``.
    """
    started = time.perf_counter()
    with inference.load(bundle_dir) as classifier:
        classifier.warm_up()
        classifier.classify(files[:1])
        load_seconds = time.perf_counter() - started
        predict = plain_predictor(read_bundle(bundle_dir))
        predict(files[0])
        fast, slow = [], []
        for _ in range(ROUNDS):  # in turn, so that a noisy neighbour disturbs both
            fast.append(seconds(lambda: classifier.classify(files)))
            slow.append(seconds(lambda: [predict(file) for file in files]))
    ours, theirs = (len(files) / statistics.median(times) for times in (fast, slow))
    return {
        "load_seconds": load_seconds,
        "classifier_images_per_second": ours,
        "predict_images_per_second": theirs,
        "ratio": ours / theirs,
    }


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


def seconds(work: Callable[[], object]) -> float:
    """Return how long ``work`` took."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Measure both and print the ratio."""
    found = measure_classifier([radiograph(number) for number in range(FILES)])
    print(f"classifier: {found['classifier_images_per_second']:.2f} images/s, ", end="")
    print(f"decoding included; loaded in {found['load_seconds']:.1f} s")
    print(f"model.predict one at a time: {found['predict_images_per_second']:.2f} images/s")
    print(f"ratio: {found['ratio']:.2f}")
