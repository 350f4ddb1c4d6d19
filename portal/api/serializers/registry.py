from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.api.serializers.comparisons import KeptComparisonOutput
from portal.api.serializers.fields import ChoiceOrNull, TextOrNull
from portal.api.serializers.operating_points import OperatingPointOutput, SitesCutOffOutput
from portal.predictions.deployment_selectors import TRIED
from portal.predictions.models import Deployment, ModelReport, ModelVersion, Pause, Proposal
from portal.predictions.report_selectors import pictures_of
from portal.predictions.shadow_selectors import shadow_count


class _Username(serializers.SlugRelatedField[User]):
    """Who did it, by the name that never changes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(slug_field="username", read_only=True, **options)


class ModelOutput(serializers.ModelSerializer[ModelVersion]):
    """A registered model version: what it was measured to do, on whom, and where it is live."""

    status = ChoiceOrNull(Deployment.Status.choices, help_text="At your site, of the latest.")
    since = serializers.DateTimeField(allow_null=True, read_only=True)
    metrics = serializers.SerializerMethodField()
    intended_use = serializers.SerializerMethodField()
    operating_point = serializers.SerializerMethodField(
        help_text="The cut-off in force at your site; null: `threshold`, the model's own, counts."
    )
    report = serializers.SerializerMethodField(help_text="Where its report is; null without one.")

    class Meta:
        model = ModelVersion
        fields = (
            "id", "name", "version", "status", "since", "threshold", "operating_point",
            "prevalence", "weights_sha256", "metrics", "intended_use", "report", "disclaimer",
            "disclaimer_version", "registered_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_metrics(self, version: ModelVersion) -> dict[str, Any]:
        """Return what was measured, split by split, as the manifest says it."""
        return dict(version.manifest.get("measured") or {})

    def get_intended_use(self, version: ModelVersion) -> dict[str, Any]:
        """Return whom and what the version may score, as the manifest says it."""
        return dict(version.manifest.get("intended_use") or {})

    @extend_schema_field(SitesCutOffOutput(allow_null=True))
    def get_operating_point(self, version: ModelVersion) -> dict[str, Any] | None:
        """Return the cut-off in force at your site; None: `threshold`, the model's own, counts."""
        point = self.context["points"].get(version.pk)
        return dict(SitesCutOffOutput(point).data) if point else None

    def get_report(self, version: ModelVersion) -> str | None:
        """Return the address of the report, None if the version came without one."""
        has_report: bool = getattr(version, "has_report", False)  # of the list's query
        return reverse("api:report", args=(version.pk,)) if has_report else None


class PictureOutput(serializers.Serializer[Any]):
    """A plot of a report."""

    name = serializers.CharField()
    sha256 = serializers.CharField()
    url = serializers.CharField(help_text="A PNG, with the same token or session.")


class ReportOutput(serializers.ModelSerializer[ModelReport]):
    """What was measured of a model version; it never changes."""

    model: Any = serializers.CharField(source="model_version", read_only=True)
    model_id = serializers.IntegerField(source="model_version_id", read_only=True)
    weights_sha256 = serializers.CharField(source="model_version.weights_sha256", read_only=True)
    report = serializers.DictField(source="document", read_only=True)
    pictures = serializers.SerializerMethodField()

    class Meta:
        model = ModelReport
        fields = ("model", "model_id", "weights_sha256", "stored_at", "report", "pictures")
        read_only_fields = fields

    @extend_schema_field(PictureOutput(many=True))
    def get_pictures(self, report: ModelReport) -> list[dict[str, str]]:
        """Return name, hash and address of each picture."""
        version = report.model_version_id
        return [
            {
                "name": name,
                "sha256": sha256,
                "url": reverse("api:picture", args=(version, name.removesuffix(".png"))),
            }
            for name, sha256 in pictures_of(report).items()
        ]


class PauseOutput(serializers.ModelSerializer[Pause]):
    """That somebody stopped a deployment, and who let it go on."""

    model: Any = serializers.CharField(source="deployment.model_version", read_only=True)
    paused_by: Any = _Username()
    resumed_by: Any = _Username(allow_null=True)
    note = TextOrNull()

    class Meta:
        model = Pause
        fields = (
            "model", "reason", "paused_by", "paused_at", "resumed_by", "resumed_at", "note",
        )  # fmt: skip
        read_only_fields = fields


class ProposalOutput(serializers.ModelSerializer[Proposal]):
    """That a version should read for the readers of your site, and what was decided."""

    model: Any = serializers.CharField(source="model_version", read_only=True)
    model_id = serializers.IntegerField(source="model_version_id", read_only=True)
    proposed_by: Any = _Username()
    decided_by: Any = _Username(allow_null=True)
    note = TextOrNull()
    compared = serializers.SerializerMethodField(
        help_text="With what was live when it was proposed; null: not kept, or not for you."
    )

    class Meta:
        model = Proposal
        fields = (
            "id", "model", "model_id", "kind", "share", "state", "why", "proposed_by",
            "proposed_at", "decided_by", "decided_at", "note", "compared",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(KeptComparisonOutput(allow_null=True))
    def get_compared(self, proposal: Proposal) -> dict[str, Any] | None:
        """Return what the comparison said then."""
        user: User = self.context["user"]
        return proposal.compared if proposal.compared and user.may(May.WATCH_MODEL) else None


class ShadowOutput(serializers.Serializer[Any]):
    """How far a challenger is, in images; what it said of them is told nowhere here."""

    read = serializers.IntegerField()
    scored = serializers.IntegerField()
    failed = serializers.IntegerField()
    due = serializers.IntegerField(help_text="Read by others, and not by it yet.")


class DeploymentOutput(serializers.ModelSerializer[Deployment]):
    """A version at your site, from the decision for it until another took its place."""

    model: Any = serializers.CharField(source="model_version", read_only=True)
    model_id = serializers.IntegerField(source="model_version_id", read_only=True)
    proposal: Any = ProposalOutput(
        read_only=True,
        allow_null=True,
        help_text="Null: it came with the installation, or is in shadow.",
    )
    pauses: Any = PauseOutput(many=True, read_only=True)
    started_by: Any = _Username(allow_null=True, help_text="Who put it in shadow.")
    why = TextOrNull(help_text="Why it was put in shadow.")
    shadow = serializers.SerializerMethodField(help_text="Of what is tried now; else null.")

    class Meta:
        model = Deployment
        fields = (
            "id", "model", "model_id", "status", "since", "until", "share", "reads_from",
            "started_by", "why", "shadow", "proposal", "pauses",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(ShadowOutput(allow_null=True))
    def get_shadow(self, deployment: Deployment) -> dict[str, Any] | None:
        """Return how far the challenger is; of what has ended nobody counts."""
        if deployment.status not in TRIED:
            return None
        return dict(ShadowOutput(shadow_count(deployment)).data)


class ModelsOutput(serializers.Serializer[Any]):
    """Every registered version, newest first, and what was decided on them at your site."""

    models = ModelOutput(many=True)
    deployments = DeploymentOutput(many=True, help_text="The latest 50, newest first.")
    proposals = ProposalOutput(many=True, help_text="The latest 50; those that wait first.")
    operating_points: Any = OperatingPointOutput(
        many=True, help_text="Cut-offs of your site: the latest 50, what waits and counts first."
    )
