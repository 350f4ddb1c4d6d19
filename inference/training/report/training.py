"""How a bundle came about, as its own report tells."""

from pathlib import Path
from typing import Any

from inference.bundle import BundleBroken
from inference.manifest import Manifest
from inference.training.card import read_report
from inference.training.figures import draw_curves

Document = dict[str, Any]


def training_of(bundle: Path, manifest: Manifest) -> Document | None:
    """Return the ``training`` of the bundle's report; None without one that is of its weights."""
    try:
        report = read_report(bundle)
    except BundleBroken:
        return None
    if report.get("weights_sha256") != manifest.weights_sha256:
        return None
    training = report.get("training")
    return training if isinstance(training, dict) else None


def draw_training(training: Document, file: Path) -> None:
    """Draw the curves of the fit that was kept."""
    draw_curves(training["histories"]["all"], training["kept_epoch"], file)
