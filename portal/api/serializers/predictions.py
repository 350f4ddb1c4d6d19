from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.serializers.fields import ChoiceOrNull, TextOrNull
from portal.api.serializers.operating_points import SitesCutOffOutput
from portal.predictions.models import Prediction, Widening
from portal.predictions.prevalence_selectors import probability_at
from portal.predictions.selectors import run_seconds, wait_seconds


class SiteMeaningOutput(serializers.Serializer[Any]):
    """What the score means at the prevalence that the site entered."""

    prevalence = serializers.FloatField(help_text="Share of pneumonia at the site, 0 to 1.")
    probability = serializers.FloatField(help_text="The score at that prevalence, 0 to 1.")
    of_100 = serializers.FloatField(help_text="The same, of 100.")


class MeaningOutput(serializers.Serializer[Any]):
    """What a score means: of 100 such ones so many were pneumonia, at ``prevalence``."""

    of_100 = serializers.FloatField(help_text="Among the validation images.")
    site: Any = SiteMeaningOutput(
        allow_null=True, help_text="Null: nobody has entered a prevalence at the site."
    )


class WidenedUseOutput(serializers.ModelSerializer[Widening]):
    """The widening without which there would be no score: who signed what, when and why."""

    class Meta:
        model = Widening
        fields = (
            "id", "youngest", "oldest", "modalities", "body_parts", "views", "why",
            "proposed_name", "proposed_at", "decided_name", "decided_at", "note",
        )  # fmt: skip
        read_only_fields = fields


class PredictionOutput(serializers.ModelSerializer[Prediction]):
    """What the machine says of one image. A number exists only if the outcome is ``scored``."""

    outcome = ChoiceOrNull(Prediction.Outcome.choices)
    finding = ChoiceOrNull(Prediction.Presence.choices)
    model: Any = serializers.CharField(source="model_version", read_only=True)
    disclaimer = serializers.SerializerMethodField()
    wait_seconds = serializers.SerializerMethodField()
    run_seconds = serializers.SerializerMethodField()
    prevalence = serializers.SerializerMethodField()
    score_meaning = serializers.SerializerMethodField()
    outside_use = serializers.SerializerMethodField()
    map = serializers.SerializerMethodField()
    widening: Any = WidenedUseOutput(
        read_only=True, allow_null=True, help_text="Null: the image is inside the intended use."
    )
    operating_point: Any = SitesCutOffOutput(
        read_only=True, allow_null=True, help_text="Null: the cut-off is the model's own."
    )
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
            "prevalence", "score_meaning", "outside_use", "widening", "operating_point", "map",
            "place_in_queue", "study_instance_uid", "sop_instance_uid", "requested_at",
            "finished_at",
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

    @extend_schema_field(MeaningOutput(allow_null=True))
    def get_score_meaning(self, prediction: Prediction) -> dict[str, Any] | None:
        """Return what the score means among the validation images, and at the site."""
        score = prediction.score
        if score is None:
            return None
        share: float | None = getattr(prediction, "site_prevalence", None)
        here = None
        if share is not None:
            there = probability_at(score, of=prediction.model_version.prevalence, at=share)
            here = {"prevalence": share, "probability": there, "of_100": round(100 * there, 1)}
        return {"of_100": round(100 * score, 1), "site": here}

    def get_outside_use(self, prediction: Prediction) -> list[str]:
        """Return codes of what the intended use has against an image that is scored."""
        return list(prediction.provenance.get("outside_use") or ())

    def get_map(self, prediction: Prediction) -> str | None:
        """Return the address of the map of where the network looked; null where there is none."""
        if prediction.map_png is None:
            return None
        return reverse("api:map", args=[prediction.pk])
