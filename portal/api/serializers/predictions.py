from typing import Any

from rest_framework import serializers

from portal.api.serializers.fields import ChoiceOrNull, TextOrNull
from portal.predictions.models import Prediction
from portal.predictions.selectors import run_seconds, wait_seconds


class PredictionOutput(serializers.ModelSerializer[Prediction]):
    """What the machine says of one image. A number exists only if the outcome is ``scored``."""

    outcome = ChoiceOrNull(Prediction.Outcome.choices)
    finding = ChoiceOrNull(Prediction.Presence.choices)
    model: Any = serializers.CharField(source="model_version", read_only=True)
    disclaimer = serializers.SerializerMethodField()
    wait_seconds = serializers.SerializerMethodField()
    run_seconds = serializers.SerializerMethodField()
    prevalence = serializers.SerializerMethodField()
    place_in_queue = serializers.IntegerField(source="place", read_only=True, allow_null=True)
    unknown = serializers.ListField(child=serializers.CharField(), read_only=True)
    code = TextOrNull()
    detail = TextOrNull()
    remedy = TextOrNull()
    study_instance_uid = serializers.CharField(
        source="instance.series.study.study_instance_uid", read_only=True
    )
    sop_instance_uid = serializers.CharField(source="instance.sop_instance_uid", read_only=True)

    class Meta:
        model = Prediction
        fields = (
            "id", "state", "outcome", "score", "threshold", "finding", "model", "disclaimer",
            "attempt", "wait_seconds", "run_seconds", "code", "detail", "remedy", "unknown",
            "prevalence", "place_in_queue", "study_instance_uid", "sop_instance_uid",
            "requested_at", "finished_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_disclaimer(self, prediction: Prediction) -> str:
        """Return the wording that was stored, else the version's."""
        return prediction.disclaimer or prediction.model_version.disclaimer

    def get_wait_seconds(self, prediction: Prediction) -> float:
        """Return how long it waited, in seconds."""
        return wait_seconds(prediction)

    def get_run_seconds(self, prediction: Prediction) -> float | None:
        """Return how long the latest attempt took, in seconds."""
        return run_seconds(prediction)

    def get_prevalence(self, prediction: Prediction) -> float | None:
        """Return the share of pneumonia that the score was calibrated on, 0 to 1."""
        scored = prediction.outcome == Prediction.Outcome.SCORED
        return prediction.model_version.prevalence if scored else None
