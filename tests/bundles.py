"""A bundle for tests: a network of a few numbers, on the same code path as the real one."""

import dataclasses
from pathlib import Path

import numpy as np

from inference import manifest as m
from inference.airlock.client import Airlock
from inference.bundle import read_bundle, write_bundle
from inference.classifier import Classifier
from inference.engines import TINY_GRID
from inference.golden import write_golden
from inference.preprocess import PREPROCESSING_VERSION
from inference.training.statements import DISCLAIMER, INTENDED_USE

SHIPPED = Path(__file__).parents[1] / "inference" / "bundles" / "vgg16-pneumonia-0.3.0"
"""The released bundle."""
ALLOW = {"OVERREAD_ALLOW_TEST_BUNDLE": "1"}
"""What the environment of a process must say before it loads such a bundle."""


def tiny_manifest(*, name: str = "tiny", version: str = "0.0.1") -> m.Manifest:
    """Return the manifest of a tiny network; its pins are not yet those of any file."""
    one = m.Interval(0.5, 0.4, 0.6)
    return m.Manifest(
        schema=2,
        name=name,
        version=version,
        created="2026-01-01",
        network="tiny",
        for_tests=True,
        input=m.Input(224, "rgb_0_1", PREPROCESSING_VERSION),
        body=None,
        head_file=m.ArrayFile("head.npz", "0" * 64, "made by tests", "Apache-2.0"),
        head=m.Head("pooled", (), (m.Layer(1, "linear"),), 0),
        threshold=m.Threshold(0.5, 0.4, 0.6, 0.95, "nothing", "for tests"),
        calibration=m.Calibration(1.0, 0.0, "nothing"),
        prevalence=m.Prevalence(0.74, "nothing"),
        gates=None,
        intended_use=INTENDED_USE,
        disclaimer=DISCLAIMER,
        measured=m.Measured(m.Metrics(2, 1, 2, one, one, one, one, one), None, None, {}),
        training=m.Training("none", 0, 0, (), 0, "none", "for tests"),
        licences=("Apache-2.0",),
    )


def golden_bundle(path: Path, airlock: Airlock, *, score: float | None = None) -> Path:
    """Write a tiny bundle with a golden image; ``score`` is expected of it, not what comes out."""
    with Classifier(read_bundle(tiny_bundle(path)), airlock) as classifier:
        golden = write_golden(path, classifier)
        if score is not None:
            golden = dataclasses.replace(golden, score=score)
        manifest = dataclasses.replace(classifier.manifest, golden=golden)
    (path / "manifest.json").write_text(m.write_manifest(manifest))
    return path


def tiny_bundle(
    path: Path, *, name: str = "tiny", version: str = "0.0.1", bias: float = 0.0
) -> Path:
    """Write a tiny bundle into the folder ``path`` and return it.

    Its score rises with the brightness of the left half of the picture: deterministic, quick, and
    different from picture to picture. ``bias`` makes it higher for all.
    """
    cells = TINY_GRID * TINY_GRID
    kernel = np.zeros((cells, 1), np.float32)
    kernel[(np.arange(cells) % TINY_GRID) < TINY_GRID // 2] = 8.0 / cells
    head = {
        "mean": np.full(cells, 0.5, np.float32),
        "scale": np.ones(cells, np.float32),
        "dense1/kernel": kernel,
        "dense1/bias": np.full(1, bias, np.float32),
    }
    write_bundle(path, tiny_manifest(name=name, version=version), head=head, body=None)
    return path
