"""Read side of what is computed again, and of what did not come out as it was stored."""

from uuid import UUID

from portal.accounts.models import Site
from portal.audit.models import AuditEvent
from portal.audit.selectors import Seen, seen_lately
from portal.predictions.models import Prediction
from portal.predictions.selectors import NoSuchPrediction


def scored_predictions(*, sample: int, site: Site | None = None) -> list[Prediction]:
    """Return ``sample`` scored predictions, at random, of ``site`` or of all."""
    rows = Prediction.objects.filter(outcome=Prediction.Outcome.SCORED)
    if site:
        rows = rows.filter(site=site)
    return list(rows.select_related("instance", "model_version", "site").order_by("?")[:sample])


def scored_prediction(prediction_id: UUID) -> Prediction:
    """Return one scored prediction, of whatever site.

    Raises
    ------
    NoSuchPrediction
    """
    rows = Prediction.objects.filter(outcome=Prediction.Outcome.SCORED, pk=prediction_id)
    found = rows.select_related("instance", "model_version", "site").first()
    if found is None:
        raise NoSuchPrediction(f"There is no scored prediction {prediction_id}.")
    return found


def not_reproduced_lately(site: Site) -> Seen | None:
    """Return how many scores of ``site`` did not come out again of late; None if all did."""
    return seen_lately(site.slug, AuditEvent.Action.PREDICTION_NOT_REPRODUCED)
