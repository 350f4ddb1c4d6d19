"""Which version of a study somebody looked at."""

import hashlib

from portal.predictions.models import Prediction
from portal.reviews.models import Review
from portal.studies.models import Instance, Study

_UNSETTLED = (Prediction.State.QUEUED, Prediction.State.RUNNING)


def version_of(study: Study) -> str:
    """Return a digest that changes when an image, an answer of the machine or a review comes.

    That a prediction began to run is no news to a reader: waiting and running are the same.
    """
    predictions = Prediction.objects.filter(instance__series__study=study).order_by("pk")
    said = predictions.values_list("pk", "state")
    content = [
        study.pk,
        list(Instance.objects.filter(series__study=study).order_by("pk").values_list("pk")),
        [(str(pk), "" if state in _UNSETTLED else state) for pk, state in said],
        list(Review.objects.filter(study=study).order_by("pk").values_list("pk")),
    ]
    return hashlib.sha256(repr(content).encode()).hexdigest()[:32]


def is_settled(study: Study) -> bool:
    """Return whether nothing is waited for: every prediction has ended."""
    waiting = Prediction.objects.filter(instance__series__study=study, state__in=_UNSETTLED)
    return not waiting.exists()
