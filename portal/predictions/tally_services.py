"""What is counted of predictions, beside what the trail tells of them."""

from collections import Counter
from collections.abc import Iterable

from portal.audit.tally_services import Mark, count, duration
from portal.predictions.models import Prediction
from portal.predictions.selectors import run_seconds, wait_seconds

WAIT, RUN = "prediction.wait", "prediction.run"
ATTEMPTS, LEASE_LOST = "prediction.attempts", "prediction.lease_lost"


def count_ended(prediction: Prediction) -> None:
    """Count how long the prediction, which has just ended, waited and ran, and in which attempt."""
    times = Prediction.objects.only("state", "requested_at", "started_at", "finished_at")
    row = times.get(pk=prediction.pk)
    marks = (
        duration(WAIT, wait_seconds(row)),
        duration(RUN, run_seconds(row) or 0.0),
        Mark(ATTEMPTS, str(prediction.attempt)),
    )
    count(prediction.site.slug, marks)


def count_lost_leases(expired: Iterable[Prediction]) -> None:
    """Count the attempts that the sweep took away."""
    lost = Counter(prediction.site.slug for prediction in expired)
    for chain, times in sorted(lost.items()):
        count(chain, [Mark(LEASE_LOST)], times=times)
