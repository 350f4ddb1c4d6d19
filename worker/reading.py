"""From claimed rows to settled rows: the glue between the portal's services and `inference`."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from uuid import UUID

from inference import Classifier, Radiograph, Refusal, Score, Widening
from portal import logs
from portal.airlock import MAY_BE_OUR_FAULT
from portal.predictions import services as predictions
from portal.predictions.models import ModelVersion, Prediction
from portal.predictions.services import Answer, NotRunning
from portal.predictions.widening_selectors import widenings_in_force
from portal.studies.blobs import store
from worker.model import ModelUnavailable, classifier_of

Reading = Callable[[], list[Score | Refusal]]
logger = logging.getLogger(__name__)
_COLUMNS = (
    "probability",
    "threshold",
    "finding",
    "prevalence",
    "unknown",
    "widening",
    "explanation",
)
ENDS_DONE = ("not_applicable", "rejected_quality")


def open_files(batch: Sequence[Prediction]) -> Reading:
    """Begin to open the files of claimed predictions, and return what reads them: see `read`."""
    by_version: dict[int, list[Prediction]] = defaultdict(list)
    for prediction in batch:
        by_version[prediction.model_version_id].append(prediction)
    readings = [(rows, _reading_of(rows)) for rows in by_version.values()]
    return lambda: read(batch, readings)


def read(
    batch: Sequence[Prediction], readings: Iterable[tuple[Sequence[Prediction], Reading]]
) -> list[Score | Refusal]:
    """Return one score or refusal for each claimed prediction, in their order. No row is touched.

    Raises
    ------
    AirlockUnavailable
        Nobody opens files. The leases run out and the sweep takes the rows back.
    """
    answers: dict[UUID, Score | Refusal] = {}
    for rows, reading in readings:
        answers |= zip((row.pk for row in rows), reading(), strict=True)
    return [answers[row.pk] for row in batch]


def _reading_of(rows: Sequence[Prediction]) -> Reading:
    try:
        return begin(classifier_of(rows[0].model_version), rows)
    except ModelUnavailable as error:
        refusal = _not_here(error)
        return lambda: [refusal] * len(rows)


def begin(classifier: Classifier, rows: Sequence[Prediction]) -> Reading:
    """Begin to open the image of each row, and return what scores them, in their order.

    All rows are of one version; each is held to what its own site lets that score at this moment.
    """
    widened = widenings_of({row.site_id for row in rows}, rows[0].model_version)
    opened = classifier.open(
        [
            Radiograph(
                store.path(row.instance.sha256), row.instance.facts, widened.get(row.site_id)
            )
            for row in rows
        ]
    )
    return partial(classifier.score, opened)


def widenings_of(sites: Iterable[int], version: ModelVersion) -> dict[int, Widening]:
    """Return what each of ``sites`` lets ``version`` score besides, by the site's primary key."""
    found = widenings_in_force(sites, version)
    return {
        site: Widening(
            number=row.pk,
            age_years=None if row.oldest is None else (row.youngest or 0, row.oldest),
            modalities=tuple(row.modalities),
            body_parts=tuple(row.body_parts),
            views=tuple(row.views),
        )
        for site, row in found.items()
    }


def settle_all(rows: Sequence[Prediction], answers: Iterable[Score | Refusal]) -> None:
    """Store each answer in a transaction of its own; one that comes too late is dropped."""
    for row, answer in zip(rows, answers, strict=True):
        with logs.bound(**predictions.named(row), attempt=row.attempt):
            settle_one(row, answer)


def settle_one(row: Prediction, answer: Score | Refusal) -> None:
    """Store one answer, leave it for another attempt, or drop it; and say which."""
    code = "" if isinstance(answer, Score) else answer.code
    if deserves_another_try(row, answer):
        logger.warning("to be tried again", extra=logs.fields(code=code))
        return
    try:
        settle(row, answer)
    except NotRunning:
        logger.warning("the answer came too late")
    else:
        outcome = "scored" if isinstance(answer, Score) else answer.outcome
        logger.info("prediction settled", extra=logs.fields(outcome=outcome, code=code))


def deserves_another_try(row: Prediction, answer: Score | Refusal) -> bool:
    """Return whether to leave the row to the sweep, which takes it back when its lease ends."""
    if isinstance(answer, Score) or answer.code not in MAY_BE_OUR_FAULT:
        return False
    return row.attempt < predictions.MAX_ATTEMPTS


def settle(row: Prediction, answer: Score | Refusal) -> None:
    """Store one answer.

    Raises
    ------
    NotRunning
    """
    if isinstance(answer, Score) or answer.outcome in ENDS_DONE:
        predictions.complete_prediction(row, answer_of(answer))
    else:
        predictions.fail_prediction(row, answer_of(answer))


def answer_of(answer: Score | Refusal) -> Answer:
    """Return what is stored of what a classifier said."""
    return _scored(answer) if isinstance(answer, Score) else _refused(answer)


def _scored(score: Score) -> Answer:
    provenance = asdict(score)
    for stored_in_columns in _COLUMNS:
        del provenance[stored_in_columns]
    shown = score.explanation
    return Answer(
        outcome=Prediction.Outcome.SCORED,
        score=score.probability,
        finding=score.finding,
        unknown=score.unknown,
        provenance=provenance,
        widening=score.widening,
        map_png=shown.png if shown else None,
        map_maximum=shown.maximum if shown else None,
    )


def _refused(refusal: Refusal) -> Answer:
    return Answer(
        outcome=refusal.outcome,
        code=refusal.code,
        detail=refusal.detail,
        remedy=refusal.remedy,
        provenance={"tag": refusal.tag, "found": refusal.found} if refusal.tag else {},
    )


def _not_here(error: ModelUnavailable) -> Refusal:
    return Refusal(
        code="model_unavailable",
        detail=str(error),
        outcome="failed",
        remedy="Read the study without the AI, and tell whoever runs Overread.",
    )
