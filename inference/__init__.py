"""Pneumonia on chest radiographs: bytes in, a score or a refusal out.

Knows nothing of Django or Celery. Importing it loads no engine; loading a model loads one.
"""

from pathlib import Path

from inference.bundle import Bundle, BundleBroken, read_bundle
from inference.classifier import Classifier, Radiograph
from inference.gate import Widening
from inference.manifest import Manifest
from inference.refusal import Refusal
from inference.score import Score

__all__ = [
    "Bundle",
    "BundleBroken",
    "Classifier",
    "Manifest",
    "Radiograph",
    "Refusal",
    "Score",
    "Widening",
    "load",
    "read_bundle",
]


def load(bundle_dir: Path | str, airlock_socket: str | None = None) -> Classifier:
    """Return the classifier of a bundle, ready but for `Classifier.warm_up`.

    Parameters
    ----------
    bundle_dir : Path or str
        The folder with its ``manifest.json``.
    airlock_socket : str, optional
        Where an airlock listens; without it a private one is started and ends with this process.

    Raises
    ------
    BundleBroken
        See `inference.bundle.read_bundle`.
    DeviceUnavailable
        ``OVERREAD_DEVICE`` asks for what is not there.
    """
    from inference.airlock.client import Airlock, private_airlock  # it is below this package

    bundle = read_bundle(Path(bundle_dir))
    airlock = Airlock(airlock_socket) if airlock_socket else private_airlock()
    return Classifier(bundle, airlock)
