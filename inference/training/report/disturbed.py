"""What a score does when the file changes in a way that no reader would mind."""

import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from inference.classifier import Classifier
from inference.training.report.pixels import Reader
from inference.training.report.scoring import Scored, probabilities_of
from inference.training.splits import Row

Probabilities = npt.NDArray[np.float64]
Document = dict[str, object]


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _recompressed(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=30)
    return stream.getvalue()


def _scaled(image: Image.Image, wide: float, tall: float) -> Image.Image:
    size = (max(16, round(image.width * wide)), max(16, round(image.height * tall)))
    return image.resize(size, Image.Resampling.BILINEAR)


DISTURBANCES: Mapping[str, Callable[[Image.Image], bytes]] = {
    "jpeg_q30": _recompressed,
    "blur_1px": lambda image: _png(image.filter(ImageFilter.GaussianBlur(1.0))),
    "half_size": lambda image: _png(_scaled(image, 0.5, 0.5)),
    "aspect_120": lambda image: _png(_scaled(image, 1.2, 1.0)),
}
"""Each from a grey picture to the bytes of a file."""


def disturbances_of(
    classifier: Classifier, scored: Scored, *, count: int, seed: int
) -> list[Document]:
    """Return how far each disturbance moves the scores of ``count`` radiographs of each class.

    Where there is a copy at its native size, that is the file which is disturbed, and its own score
    is what the disturbed one is held against; how many those are is counted by class.
    """
    rows = [one for label in (0, 1) for one in _sample(scored.rows, label, count, seed)]
    files = [row.native or row.file for row in rows]
    before = probabilities_of(classifier, files, what="undisturbed")
    labels = np.array([row.label for row in rows])
    table: list[Document] = []
    reader = Reader(classifier)
    for name, disturb in DISTURBANCES.items():
        changed = [disturb(reader.image(file)) for file in files]
        after = probabilities_of(classifier, changed, what=name)
        moved = _moved(before, after, labels, classifier)
        native = _native(rows, before, after, classifier)
        table.append({"disturbance": name, **moved, **native, "n": len(rows)})
    return table


def parity_of(classifier: Classifier, scored: Scored) -> Document:
    """Return how far the copies at native size and those of the list differ in score.

    Every value is None where the list names no native copies.
    """
    copies = scored.only([row.native is not None for row in scored.rows])
    files = [row.native for row in copies.rows if row.native]
    native = probabilities_of(classifier, files, what="native copies")
    labels = np.array([row.label for row in copies.rows])
    return {"n": len(files), **_moved(copies.probabilities, native, labels, classifier)}


def _native(
    rows: Sequence[Row], before: Probabilities, after: Probabilities, classifier: Classifier
) -> Document:
    """Return how many are of each class and at native size, and what changed of the latter."""
    labels = np.array([row.label for row in rows])
    native = np.array([row.native is not None for row in rows])
    moved = _moved(before[native], after[native], labels[native], classifier)
    return {
        "normal": int((labels == 0).sum()),
        "pneumonia": int((labels == 1).sum()),
        "native_normal": int((native & (labels == 0)).sum()),
        "native_pneumonia": int((native & (labels == 1)).sum()),
        "flipped_native_normal": moved["flipped_normal"],
        "flipped_native_pneumonia": moved["flipped_pneumonia"],
    }


def _moved(
    before: Probabilities,
    after: Probabilities,
    labels: npt.NDArray[np.int64],
    classifier: Classifier,
) -> Document:
    """Return the mean and the largest change of score, and the share of findings that changed."""
    known = np.isfinite(before) & np.isfinite(after)
    before, after, labels = before[known], after[known], labels[known]
    threshold = classifier.manifest.threshold.value
    flipped = (before >= threshold) != (after >= threshold)
    change = np.abs(after - before)
    return {
        "mean_change": _share(change),
        "largest_change": round(float(change.max()), 4) if change.size else None,
        "flipped": _share(flipped),
        "flipped_normal": _share(flipped[labels == 0]),
        "flipped_pneumonia": _share(flipped[labels == 1]),
    }


def _share(values: npt.NDArray[np.generic]) -> float | None:
    return round(float(values.mean()), 4) if values.size else None


def _sample(rows: Sequence[Row], label: int, count: int, seed: int) -> list[Row]:
    """Return at most ``count`` rows of a class, those with a native copy first."""
    order = np.random.default_rng([seed, label]).permutation(len(rows))
    mixed = [rows[index] for index in order if rows[index].label == label]
    return sorted(mixed, key=lambda row: row.native is None)[:count]
