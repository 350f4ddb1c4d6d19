"""From a run to a bundle: calibrate, choose the threshold, fit the gates, measure, write."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import inference
from inference import manifest as m
from inference.bundle import read_bundle, write_bundle
from inference.calibration import fit_platt, threshold_for, to_probability
from inference.engines import DenseHead
from inference.golden import write_golden
from inference.preprocess import PREPROCESSING_VERSION
from inference.training import gates, sanity, statements
from inference.training.features import FeatureCache, View
from inference.training.frozen import frozen_part
from inference.training.measures import RESAMPLES, resamples
from inference.training.own_words import Said, own_words, said_of
from inference.training.packed_report import (
    Packed,
    article_seconds_of,
    measured_of,
    write_packed_report,
)
from inference.training.reduce import measure_reduced
from inference.training.run import Trained, read_run
from inference.training.splits import (
    CHOSEN_ON,
    FITTED,
    BadData,
    Row,
    fitting_rows,
    labels_of,
    read_rows,
)
from inference.training.stems import SECOND
from inference.vgg16 import SIZE, FeatureSpec

Floats = npt.NDArray[np.float32]

TARGET_SENSITIVITY = 0.95
UNPINNED = "0" * 64
NOT_YET = m.Interval(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line of ``pack`` says.

    Parameters
    ----------
    final : bool
        Open the internal test and the external report: once for a version that is to be released.
    strangers : Path, optional
        A folder of pictures that are no chest radiographs, to count which are refused.
    article_run : Path, optional
        A run of the article's recipe, whose epoch is set beside this one's.
    statements : Path, optional
        What is said of use, data and limits; see `inference.training.own_words`.
    """

    run: Path
    data: Path
    out: Path
    name: str
    version: str
    limit: int | None = None
    share_body: bool = False
    final: bool = False
    strangers: Path | None = None
    article_run: Path | None = None
    statements: Path | None = None


def pack(wish: Wish) -> m.Manifest:
    """Return the manifest of the bundle that is written to ``wish.out``, measured and reported.

    Raises
    ------
    BadData
        The run is not finished, a file is not readable, the scores run against the labels,
        nobody says what a site's own model is for, or the article's run is of other radiographs.
    BundleBroken
        The weights are too large.
    """
    words = own_words(wish.statements, wish.data)
    trained = read_run(wish.run)
    said = said_of(words, 1 + (SECOND in trained.record.images))
    rows = read_rows(wish.data)
    article = article_seconds_of(wish, rows)
    features = _Features(trained, wish)
    val = fitting_rows(rows, CHOSEN_ON, wish.limit)
    logits = features.logits(CHOSEN_ON, val)
    calibrated = _calibrate(trained, logits, val)
    probabilities = to_probability(logits, calibrated[0])
    found, arrays = gates.fit_gates(_hospitals(features, rows, wish), trained.record.seed)
    found = dataclasses.replace(
        found, file=dataclasses.replace(found.file, licence=said.words.licence)
    )
    draft = _manifest(
        trained, wish, said, calibrated=calibrated, gates=found,
        threshold=_threshold(val, probabilities, trained.record.seed),
    )  # fmt: skip
    draft = dataclasses.replace(draft, explanation=_map_check(trained, val))

    def write(manifest: m.Manifest) -> m.Manifest:
        return write_bundle(
            wish.out, manifest,
            head=trained.head_arrays, body=trained.body.weights, gates=arrays,
            share_body=wish.share_body,
        )  # fmt: skip

    write(draft)
    with inference.load(wish.out) as classifier:
        packed = Packed(classifier, trained, rows, wish, said, article)
        documents = packed.documents()
        golden = write_golden(wish.out, classifier)
        measured = measured_of(documents, packed)
        reduced = measure_reduced(
            read_bundle(wish.out), rows, limit=wish.limit, whole=features.all(CHOSEN_ON, val)
        )
        manifest = write(
            dataclasses.replace(draft, measured=measured, golden=golden, reduced=reduced)
        )
        write_packed_report(packed, manifest, documents)
    return manifest


class _Features:
    """The features of a list of radiographs, from the weights as they are shipped; kept on disk."""

    def __init__(self, trained: Trained, wish: Wish) -> None:
        head = trained.head
        self.wanted = FeatureSpec(head.features, head.blocks)
        blocks = tuple(sorted({*head.blocks, *gates.BLOCKS}))
        self.spec = FeatureSpec(head.features, blocks)
        self._cache = FeatureCache(wish.run / "features", frozen_part(trained.body, self.spec))
        self._head = DenseHead(head, trained.head_arrays)

    def logits(self, split: str, rows: Sequence[Row]) -> Floats:
        return self._head.logits(self.spec.read(self.all(split, rows), self.wanted))

    def of_gates(self, split: str, rows: Sequence[Row]) -> Floats:
        return self.spec.select(self.all(split, rows), gates.BLOCKS)

    def all(self, split: str, rows: Sequence[Row]) -> npt.NDArray[np.floating]:
        return self._cache.load(View(split, rows), dtype=np.float32)


def _hospitals(features: _Features, rows: Sequence[Row], wish: Wish) -> list[gates.Hospital]:
    """Return what the gates are fitted and chosen on: the first hospital, and the second if fitted.

    Of the second, half the patients by fold are fitted and the others chosen on.
    """
    train = fitting_rows(rows, FITTED, wish.limit)
    step = max(1, -(-len(train) // gates.FITTED_AT_MOST))
    parts = [(train[::step], fitting_rows(rows, CHOSEN_ON, wish.limit), "first")]
    if SECOND in read_run(wish.run).record.images:
        second = fitting_rows(rows, SECOND, wish.limit)
        out = [row for row in second if row.fold in gates.HELD_OUT]
        parts.append(([row for row in second if row not in out], out, "second"))
    return [
        gates.Hospital(
            fitted, features.of_gates(f"{name}-gates", fitted),
            chosen, features.of_gates(CHOSEN_ON if name == "first" else f"{name}-held-out", chosen),
        )
        for fitted, chosen, name in parts
    ]  # fmt: skip


def _calibrate(
    trained: Trained, logits: Floats, val: Sequence[Row]
) -> tuple[m.Calibration, m.Prevalence]:
    """Return Platt's scaling on val and, of the second hospital, what was held out of fitting."""
    held_out = trained.record.held_out
    on = f"val and {SECOND} out of fold" if held_out else "val"
    values = np.concatenate([logits, np.array([one.logit for one in held_out], np.float32)])
    labels = np.concatenate([labels_of(val), np.array([one.label for one in held_out], np.int64)])
    try:
        calibration = fit_platt(values, labels, fitted_on=on)
    except ValueError as error:
        raise BadData(f"The network is not fit to be packed: on {on}, {error}.") from error
    return calibration, m.Prevalence(float(labels.mean()), on)


def _map_check(trained: Trained, val: Sequence[Row]) -> m.MapCheck | None:
    """Return whether maps change with the weights, on radiographs evenly spread over val."""
    view = View(CHOSEN_ON, val[:: -(-len(val) // sanity.IMAGES)])
    return sanity.check_maps(
        trained.head, trained.head_arrays, trained.body.weights,
        convention=trained.body.input_convention,
        pixels=np.stack([view.pixels(index) for index in range(len(view.rows))]),
        seed=trained.record.seed,
    )  # fmt: skip


def _threshold(
    val: Sequence[Row], probabilities: npt.NDArray[np.float64], seed: int
) -> m.Threshold:
    """Return the threshold at the target on val, and where it lies on resamples of its patients."""
    labels = labels_of(val)
    found = [
        threshold_for(probabilities[sample], labels[sample], sensitivity=TARGET_SENSITIVITY)
        for sample in resamples(val, seed)
    ]
    assert len(found) == RESAMPLES  # noqa: S101 - resampled within each class
    low, high = np.quantile(found, [0.025, 0.975])
    value = threshold_for(probabilities, labels, sensitivity=TARGET_SENSITIVITY)
    return m.Threshold(
        value, float(low), float(high), TARGET_SENSITIVITY, "val", statements.THRESHOLD_HOW
    )


def _manifest(
    trained: Trained,
    wish: Wish,
    said: Said,
    *,
    calibrated: tuple[m.Calibration, m.Prevalence],
    threshold: m.Threshold,
    gates: m.Gates,
) -> m.Manifest:
    body, record = trained.body, trained.record
    words = said.words
    nothing = m.Metrics(0, 0, 0, NOT_YET, NOT_YET, NOT_YET, NOT_YET, NOT_YET)
    return m.Manifest(
        schema=2,
        name=wish.name,
        version=wish.version,
        created=dt.datetime.now(dt.UTC).date().isoformat(),  # noqa: TID251 - no Django
        network="vgg16",
        for_tests=False,
        input=m.Input(SIZE, body.input_convention, PREPROCESSING_VERSION),
        body=m.ArrayFile(f"{body.name}.npz", UNPINNED, body.provenance, statements.BODY_LICENCE),
        head_file=m.ArrayFile(
            "head.npz", UNPINNED, "fitted by inference.training", words.licence
        ),
        head=trained.head,
        threshold=threshold,
        calibration=calibrated[0],
        prevalence=calibrated[1],
        gates=gates,
        intended_use=words.intended_use,
        disclaimer=words.disclaimer,
        measured=m.Measured(nothing, None, None, said.floors),
        training=m.Training(
            record.recipe, record.seed, record.kept_epoch, record.views,
            sum(record.images.values()), " and ".join(words.data), record.about,
        ),
        licences=said.licences,
    )  # fmt: skip
