"""What challengers say of images that were read for the readers, while nothing else waits."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from inference import Classifier, Radiograph, Refusal, Score
from portal import logs, queue
from portal.airlock import MAY_BE_OUR_FAULT
from portal.predictions.models import ModelVersion, ShadowScore
from portal.predictions.services import MAX_ATTEMPTS
from portal.predictions.shadow_selectors import challengers, shadow_work_exists
from portal.predictions.shadow_services import (
    claim_in_shadow,
    complete_in_shadow,
    fail_in_shadow,
)
from portal.studies.blobs import store
from worker import golden
from worker.airlock import airlock_listens
from worker.model import ModelUnavailable, classifier_of
from worker.reading import ENDS_DONE, answer_of, widenings_of

LEASE = timedelta(minutes=10)
"""Nobody waits for it, so it is long enough not to be renewed."""
logger = logging.getLogger(__name__)
_said: dict[int, str] = {}


def read_in_shadow() -> bool:
    """Read a batch of what a challenger has not read yet; return False if there is none.

    Raises
    ------
    AirlockUnavailable
        Nobody opens files. The leases run out, and the images are claimed anew.
    """
    rows = _claim()
    if not rows:
        return False
    classifier = classifier_of(rows[0].deployment.model_version)
    for row, answer in zip(rows, classifier.classify(_files(rows)), strict=True):
        _settle(row, answer)
    return True


def _files(rows: Sequence[ShadowScore]) -> list[Radiograph]:
    """Return the images of rows of one challenger, with what its site lets its version score.

    A version that was live at the site before has the widening of that time: what it reads in
    shadow is to be what it would read for the readers.
    """
    deployment = rows[0].deployment
    widened = widenings_of([deployment.site_id], deployment.model_version)
    return [
        Radiograph(
            store.path(row.instance.sha256),
            row.instance.facts,
            widened.get(deployment.site_id),
        )
        for row in rows
    ]


def ring_for_shadow() -> None:
    """Ring the workers if there is something to read in shadow: no request does so."""
    if shadow_work_exists():
        queue.ring()


def _claim() -> list[ShadowScore]:
    if not airlock_listens():
        return []
    classifiers: list[Classifier] = []
    missing: list[ModelVersion] = []
    for challenger in challengers():
        version = challenger.model_version
        try:
            classifiers.append(classifier_of(version))
        except ModelUnavailable as error:
            missing.append(version)
            _say_once(version, str(error))
    if golden.drift() or not classifiers:
        return []
    limit = min(classifier.batch_size for classifier in classifiers)
    return claim_in_shadow(limit=limit, lease=LEASE, without=missing)


def _settle(row: ShadowScore, answer: Score | Refusal) -> None:
    """Store one answer, leave it for another attempt, or drop it."""
    fields = {"shadow_score": row.pk, "attempt": row.attempt}
    if isinstance(answer, Score) or answer.outcome in ENDS_DONE:
        kept = complete_in_shadow(row, answer_of(answer))
    elif answer.code in MAY_BE_OUR_FAULT and row.attempt < MAX_ATTEMPTS:
        logger.warning("to be tried again in shadow", extra=logs.fields(code=answer.code, **fields))
        return
    else:
        kept = fail_in_shadow(row, answer.code)
    if not kept:
        logger.warning("the answer in shadow came too late", extra=logs.fields(**fields))


def _say_once(version: ModelVersion, why: str) -> None:
    if _said.get(version.pk) != why:
        logger.error("nothing is read in shadow by %s: %s", version, why)
    _said[version.pk] = why
