"""From a fitted network to a bundle: calibrate, choose the threshold, measure, write."""

import dataclasses
import datetime as dt
import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from inference import manifest as m
from inference.bundle import write_bundle
from inference.calibration import fit_platt, threshold_for, to_probability
from inference.engines import DenseHead
from inference.preprocess import PREPROCESSING_VERSION
from inference.training import statements
from inference.training.figures import draw_curves, draw_network
from inference.training.measures import measure, measure_external
from inference.training.recipe import (
    CACHED,
    Settings,
    Trained,
    labels_of,
    open_cache,
    plain_features,
    rows_of,
)
from inference.training.splits import CHOSEN_ON, EXTERNAL, TESTED, BadData, Row
from inference.vgg16 import SIZE

Probabilities = npt.NDArray[np.float64]

TARGET_SENSITIVITY = 0.95
EXAMPLES = 24
"""Radiographs of val whose scores are written down, so that anyone can repeat them."""


def pack(trained: Trained, rows: Sequence[Row], settings: Settings) -> m.Manifest:
    """Return the manifest of the bundle that is written to ``settings.out``.

    The internal test and the other hospital are opened only if ``settings.final``.

    Raises
    ------
    BadData
        A file is not readable, or the scores run against the labels of val.
    BundleBroken
        The weights are too large.
    """
    logits = _Logits(trained, rows, settings)
    val_rows, val_logits = logits.of(CHOSEN_ON)
    try:
        calibration = fit_platt(val_logits, labels_of(val_rows), fitted_on="val")
    except ValueError as error:
        raise BadData(f"The network is not fit to be packed: on val, {error}.") from error
    val = to_probability(val_logits, calibration)
    threshold = threshold_for(val, labels_of(val_rows), sensitivity=TARGET_SENSITIVITY)
    chosen = _Chosen(calibration, threshold, float(labels_of(val_rows).mean()))
    measured = _measure(logits, chosen, settings)
    manifest = _manifest(trained, chosen, measured, settings)
    manifest = write_bundle(
        settings.out, manifest,
        head=trained.head_arrays, body=trained.body.weights, share_body=settings.share_body,
    )  # fmt: skip
    draw_curves(trained.history, trained.best_epoch, settings.out / "curves.png")
    draw_network(trained.head, [settings.out / "network.png", settings.out / "network.svg"])
    report = _report(manifest, trained) | {"examples": _examples(val_rows, val, settings)}
    (settings.out / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return manifest


@dataclasses.dataclass(frozen=True, slots=True)
class _Chosen:
    calibration: m.Calibration
    threshold: float
    prevalence: float


class _Logits:
    """The logits of a split, computed from the weights as they are shipped."""

    def __init__(self, trained: Trained, rows: Sequence[Row], settings: Settings) -> None:
        self.rows = rows
        self.settings = settings
        self.spec = trained.spec
        cached = CACHED if trained.spec.kind == "pooled" else trained.spec
        self._cache = open_cache(trained.body, cached, settings)
        self._head = DenseHead(trained.head, trained.head_arrays)

    def of(self, split: str) -> tuple[list[Row], npt.NDArray[np.float32]]:
        rows = rows_of(self.rows, split, self.settings)
        if not rows:
            return rows, np.zeros(0, np.float32)
        features = plain_features(self._cache, split, rows)
        if self.spec.kind == "pooled":
            features = CACHED.select(features, self.spec.blocks)
        return rows, self._head.logits(np.asarray(features, np.float32))


def _measure(logits: _Logits, chosen: _Chosen, settings: Settings) -> m.Measured:
    def internal(split: str) -> m.Metrics | None:
        rows, values = logits.of(split)
        if not rows:
            return None
        probabilities = to_probability(values, chosen.calibration)
        return measure(rows, probabilities, threshold=chosen.threshold, seed=settings.seed)

    val, test, external = internal(CHOSEN_ON), None, None
    assert val is not None  # noqa: S101 - read_rows refuses an empty val
    if settings.final:
        test = internal(TESTED)
        rows, values = logits.of(EXTERNAL)
        if rows:
            probabilities = to_probability(values, chosen.calibration)
            external = measure_external(rows, probabilities, seed=settings.seed)
    return m.Measured(val, test, external, dict(statements.FLOORS))


def _manifest(
    trained: Trained, chosen: _Chosen, measured: m.Measured, settings: Settings
) -> m.Manifest:
    body, unpinned = trained.body, "0" * 64
    return m.Manifest(
        schema=1,
        name=settings.name,
        version=settings.version,
        created=dt.datetime.now(dt.UTC).date().isoformat(),  # noqa: TID251 - no Django
        network="vgg16",
        for_tests=False,
        input=m.Input(SIZE, body.input_convention, PREPROCESSING_VERSION),
        body=m.ArrayFile(f"{body.name}.npz", unpinned, body.provenance, statements.BODY_LICENCE),
        head_file=m.ArrayFile(
            "head.npz", unpinned, "fitted by inference.training", statements.HEAD_LICENCE
        ),
        head=trained.head,
        threshold=m.Threshold(
            chosen.threshold, TARGET_SENSITIVITY, "val", statements.THRESHOLD_HOW
        ),
        calibration=chosen.calibration,
        prevalence=m.Prevalence(chosen.prevalence, "val"),
        intended_use=statements.INTENDED_USE,
        disclaimer=statements.DISCLAIMER,
        measured=measured,
        training=m.Training(
            settings.recipe, settings.seed, trained.best_epoch, trained.views, trained.images,
            statements.DATA, trained.note,
        ),
        licences=statements.LICENCES,
    )  # fmt: skip


def _report(manifest: m.Manifest, trained: Trained) -> dict[str, object]:
    return {
        "name": manifest.name,
        "version": manifest.version,
        "weights_sha256": manifest.weights_sha256,
        "threshold": dataclasses.asdict(manifest.threshold),
        "calibration": dataclasses.asdict(manifest.calibration),
        "measured": dataclasses.asdict(manifest.measured),
        "training": dataclasses.asdict(manifest.training),
        "seconds_an_epoch": round(trained.seconds_an_epoch, 3),
        "best_epoch": trained.best_epoch,
        "history": trained.history,
    }


def _examples(
    rows: Sequence[Row], probabilities: Probabilities, settings: Settings
) -> list[dict[str, object]]:
    chosen = np.linspace(0, len(rows) - 1, min(EXAMPLES, len(rows))).astype(int)
    return [
        {
            "file": rows[i].file.relative_to(settings.data).as_posix(),
            "label": rows[i].label,
            "probability": round(float(probabilities[i]), 6),
        }
        for i in chosen
    ]
