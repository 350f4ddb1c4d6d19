"""Stored scores, computed again from the stored image by the stored version."""

import math
from dataclasses import dataclass

from inference import Radiograph, Refusal, Score
from inference.agreement import tolerance
from portal.predictions.models import Prediction
from portal.studies.blobs import store
from worker import golden
from worker.model import ModelUnavailable, classifier_of


class WorkerDrifts(Exception):
    """What is computed here is itself not to be trusted. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Why a stored score did not come out again: a stable code, and a sentence."""

    code: str
    why: str


def replay(row: Prediction) -> Difference | None:
    """Return in what the score of ``row`` differs when it is computed now; None if in nothing.

    The gates are left out: what a site lets in may have changed since, the score may not.

    Raises
    ------
    AirlockUnavailable
        Nobody opens files.
    WorkerDrifts
        What this process computes is no measure of anything.
    """
    try:
        classifier = classifier_of(row.model_version)
    except ModelUnavailable as error:
        return Difference("model_unavailable", str(error))
    if golden.drift():
        raise WorkerDrifts(golden.drift())
    file = Radiograph(store.path(row.instance.sha256), row.instance.facts)
    (answer,) = classifier.classify([file], gates=False)
    if isinstance(answer, Refusal):
        return Difference(answer.code, f"There is no score now. {answer.detail}")
    return _compare(row, answer)


def _compare(row: Prediction, now: Score) -> Difference | None:
    then = row.provenance
    if then.get("pixel_sha256") != now.pixel_sha256:
        why = "The stored file decodes to other pixels than were scored."
        return Difference("other_pixels", f"{why} {_libraries(row, now)}".strip())
    if then.get("weights_sha256") != now.weights_sha256:
        return Difference("other_weights", "It was scored by other weights than are registered.")
    stored = math.nan if row.score is None else row.score
    allowed = tolerance(str(then.get("engine", "")), now.engine)
    if not abs(stored - now.probability) <= allowed:
        return Difference(
            "other_score",
            f"{stored:.6f} is stored, {now.probability:.6f} comes out on {now.engine}; "
            f"{allowed:g} apart are allowed.",
        )
    point = row.operating_point
    cut_off = point.threshold if point else now.threshold
    if row.threshold != cut_off or row.finding != ("present" if stored >= cut_off else "absent"):
        whose = f"{point.set_name} at {row.site}" if point else row.model_version
        return Difference(
            "other_finding",
            f"{row.finding} at the cut-off {row.threshold} is stored; the cut-off of {whose} is "
            f"{cut_off}.",
        )
    return None


def _libraries(row: Prediction, now: Score) -> str:
    then = row.provenance.get("libraries") or {}
    changed = [
        f"{name} was {then[name]}, is {is_now}"
        for name, is_now in sorted(now.libraries.items())
        if name in then and then[name] != is_now
    ]
    return f"Meanwhile {', '.join(changed)}." if changed else ""
