from typing import Any

from rest_framework import serializers

from portal.api.serializers.fields import ChoiceOrNull, TextOrNull
from portal.predictions.models import Prediction
from portal.reviews.models import Presence, Purpose, Review


class ReviewOutput(serializers.ModelSerializer[Review]):
    """One signed finding. ``shown`` is what the machine said, if the reader saw it."""

    study_instance_uid = serializers.CharField(source="study.study_instance_uid")
    purpose = serializers.ChoiceField(Purpose.choices)
    finding: Any = serializers.ChoiceField(Presence.choices, source="finding.presence")
    shown = ChoiceOrNull(Prediction.Presence.choices, source="finding.shown")
    is_override = serializers.BooleanField(source="finding.is_override")
    reason_code = TextOrNull(source="finding.reason_code")
    comment = TextOrNull(source="finding.comment")
    confidence = serializers.IntegerField(source="finding.confidence", allow_null=True)
    prediction = serializers.UUIDField(source="finding.prediction_id", allow_null=True)
    disclaimer = TextOrNull(source="finding.prediction.disclaimer", help_text="Of `shown`.")
    reviewer: Any = serializers.CharField(source="reviewer.username")
    amend_reason = TextOrNull()
    supersedes: Any = serializers.IntegerField(source="supersedes_id", allow_null=True)

    class Meta:
        model = Review
        fields = (
            "id", "study_instance_uid", "purpose", "finding", "shown", "is_override",
            "reason_code", "comment", "confidence", "prediction", "disclaimer", "reviewer",
            "reviewer_name", "meaning", "signed_at", "amend_reason", "supersedes",
        )  # fmt: skip
        read_only_fields = fields
