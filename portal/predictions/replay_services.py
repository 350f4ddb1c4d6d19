"""Write side of what was found when stored scores were computed again."""

from portal.audit.services import Action, record_alone
from portal.predictions.models import Prediction


def record_not_reproduced(*, prediction: Prediction, code: str, why: str) -> None:
    """Tell the trail that a stored score did not come out again. The row stays as it is."""
    record_alone(
        Action.PREDICTION_NOT_REPRODUCED,
        chain=prediction.site.slug,
        subject=f"prediction:{prediction.pk}",
        by=None,
        model=str(prediction.model_version),
        code=code,
        why=why,
    )
