"""Whether this process still computes what was computed when its models were packed.

One that does not claims nothing any more, whatever version it is: the fault need not be in the
model. Only a new process is trusted again, and only after it was checked like any other.
"""

import logging
import time

from inference import Classifier, Score
from inference.golden import drift_in, score_golden
from portal.predictions.models import ModelVersion
from portal.predictions.worker_services import record_drift
from worker.identity import worker_name

EVERY_SECONDS = 86_400.0
"""How often what is loaded is checked again."""
logger = logging.getLogger(__name__)
_pictures: dict[int, bytes] = {}
_due: dict[int, float] = {}
_drift: dict[int, str] = {}
_first: dict[int, Score] = {}
"""What this process made of each picture at first. The bundle may name another engine, whose scores
may lie a little apart; those of one engine in one process may not."""


def check(version: ModelVersion, classifier: Classifier, png: bytes) -> None:
    """Hold a classifier that was just loaded to its golden image, and remember when to do so again.

    Raises
    ------
    AirlockUnavailable
        Nobody opens the picture, so nothing is known.
    """
    if not png:
        logger.warning("no golden image in the bundle of %s: drift is not looked for", version)
        return
    _pictures[version.pk] = png
    _compare(version.pk, classifier)


def check_again(pk: int, classifier: Classifier) -> None:
    """Hold the classifier of the version with this primary key to its picture, if that is due.

    Raises
    ------
    AirlockUnavailable
    """
    if time.monotonic() >= _due.get(pk, float("inf")):
        _compare(pk, classifier)


def forget(pk: int) -> None:
    """Check this version no more: it is no longer loaded. Loaded again, it must score the same."""
    _due.pop(pk, None)


def drift() -> str:
    """Return why this process must not read any more, in a sentence; empty while it may."""
    return " ".join(why for _, why in sorted(_drift.items()))


def _compare(pk: int, classifier: Classifier) -> None:
    model = f"{classifier.manifest.name} {classifier.manifest.version}"
    answer = score_golden(classifier, _pictures[pk])
    found = drift_in(classifier.manifest, answer, first=_first.get(pk))
    if isinstance(answer, Score):
        _first.setdefault(pk, answer)
    _due[pk] = time.monotonic() + EVERY_SECONDS
    if found and pk not in _drift:
        why = f"{worker_name()} drifts and reads nothing any more: of {model}, {found}."
        logger.error("nothing is claimed any more: %s", why)
        _drift[pk] = why
        record_drift(worker=worker_name(), model=model, why=found)
    elif not found:
        logger.info("the golden image of %s scores as it must", model)
