from typing import Any

from rest_framework import serializers

from portal.api.serializers.fields import ChoiceOrNull
from portal.predictions.models import Deployment, ModelVersion


class ModelOutput(serializers.ModelSerializer[ModelVersion]):
    """A registered model version: what it was measured to do, on whom, and where it is live."""

    status = ChoiceOrNull(Deployment.Status.choices, help_text="At your site.")
    since = serializers.DateTimeField(allow_null=True, read_only=True)
    metrics = serializers.SerializerMethodField()
    intended_use = serializers.SerializerMethodField()

    class Meta:
        model = ModelVersion
        fields = (
            "name", "version", "status", "since", "threshold", "prevalence", "weights_sha256",
            "metrics", "intended_use", "disclaimer", "disclaimer_version", "registered_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_metrics(self, version: ModelVersion) -> dict[str, Any]:
        """Return what was measured, split by split, as the manifest says it."""
        return dict(version.manifest.get("measured") or {})

    def get_intended_use(self, version: ModelVersion) -> dict[str, Any]:
        """Return whom and what the version may score, as the manifest says it."""
        return dict(version.manifest.get("intended_use") or {})


class ModelsOutput(serializers.Serializer[Any]):
    """Every registered version, newest first."""

    models = ModelOutput(many=True)
