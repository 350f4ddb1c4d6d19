"""The reduced engine of a bundle: the ranges of its convolutions, and what it loses on val."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from inference import manifest as m
from inference.bundle import Bundle
from inference.calibration import auc, expected_calibration_error, to_probability
from inference.engines import DenseHead, spec_of, wanted_of
from inference.likeness import Likeness
from inference.onnx_engine import OnnxEngine
from inference.training.gates import pixels_of
from inference.training.splits import CHOSEN_ON, FITTED, Row, fitting_rows, labels_of, of_split
from inference.training.stems import SECOND
from inference.vgg16 import FeatureSpec, build_body, set_weights, to_input
from inference.wanted import LAYERS

Floats = npt.NDArray[np.float32]

LOOKED_AT = 64
"""Radiographs of each hospital that the ranges are taken from; no label is looked at."""
BATCH = 8
DIGITS = 5
"""Of a range that count."""


def measure_reduced(
    bundle: Bundle, rows: Sequence[Row], *, limit: int | None = None, whole: Floats | None = None
) -> m.Reduced:
    """Return the ranges of a VGG16 bundle, and how far the reduced engine is from float32 on val.

    Parameters
    ----------
    rows : sequence of Row
        The ranges come of `FITTED` and, where there is one, of the second hospital.
    limit : int, optional
        At most so many radiographs a split.
    whole : (n, length) float32, optional
        What float32 reads of val, if that is known already.

    Raises
    ------
    BadData
        A file is not a readable image.
    """
    looked_at = [one for split in (FITTED, SECOND) for one in _some(of_split(rows, split, limit))]
    ranges = ranges_of(bundle, looked_at)
    wanted = wanted_of(bundle.manifest)
    val = fitting_rows(rows, CHOSEN_ON, limit)
    if whole is None:
        whole = _features(OnnxEngine(bundle.body, wanted), val, "val, whole")
    wanted = dataclasses.replace(wanted, ranges=np.array(ranges, np.float32))
    reduced = _features(OnnxEngine(bundle.body, wanted), val, "val, in 8 bits")
    before, after = (_judge(bundle, one, val) for one in (whole, reduced))
    labels = labels_of(val)
    return m.Reduced(
        ranges=ranges,
        looked_at=len(looked_at),
        images=len(val),
        auc_lost=auc(before.scores, labels) - auc(after.scores, labels),
        ece=expected_calibration_error(after.scores, labels),
        refusals_differ=sum(a != b for a, b in zip(before.codes, after.codes, strict=True)),
    )


def ranges_of(bundle: Bundle, rows: Sequence[Row]) -> tuple[float, ...]:
    """Return the largest value of each convolution over ``rows``, in the order of the network."""
    from tensorflow import keras

    body = build_body()
    set_weights(body, bundle.body)
    largest = [keras.ops.max(body.get_layer(name).output, axis=(1, 2, 3)) for name in LAYERS]
    reader = keras.Model(body.input, keras.ops.stack(largest, axis=-1))
    found = np.zeros(len(LAYERS), np.float32)
    convention = bundle.manifest.input.input_convention
    for pixels in _batches(rows, "ranges of the 8 bits"):
        values = np.asarray(reader(to_input(pixels, convention), training=False))
        found = np.maximum(found, values.max(axis=0))
    # A convolution that is silent has no range; any will do.
    return tuple(float(f"{value:.{DIGITS}g}") if value > 0 else 1.0 for value in found)


@dataclass(frozen=True, slots=True)
class _Judged:
    """Of each radiograph the score, and why the gates refuse it or ""."""

    scores: npt.NDArray[np.float64]
    codes: list[str]


def _judge(bundle: Bundle, features: Floats, rows: Sequence[Row]) -> _Judged:
    manifest = bundle.manifest
    spec, head = spec_of(manifest), manifest.head
    logits = DenseHead(head, bundle.head).logits(
        spec.read(features, FeatureSpec(head.features, head.blocks))
    )
    scores = to_probability(logits, manifest.calibration)
    if manifest.gates is None:
        return _Judged(scores, [""] * len(rows))
    likeness = Likeness(manifest.gates, bundle.gates)
    of_gates = spec.select(features, manifest.gates.blocks)
    answers = likeness.refusals(pixels_of(rows), of_gates)
    return _Judged(scores, [answer.code if answer else "" for answer in answers])


def _features(engine: OnnxEngine, rows: Sequence[Row], named: str) -> Floats:
    return np.concatenate([engine.read(pixels).features for pixels in _batches(rows, named)])


def _batches(rows: Sequence[Row], named: str) -> Iterator[Floats]:
    with tqdm(desc=named, total=len(rows), unit="image") as bar:
        for start in range(0, len(rows), BATCH):
            pixels = pixels_of(rows[start : start + BATCH])
            yield pixels
            bar.update(len(pixels))


def _some(rows: Sequence[Row]) -> Sequence[Row]:
    """Return at most `LOOKED_AT` of ``rows``, from all over the list."""
    return rows[:: max(1, -(-len(rows) // LOOKED_AT))]
