import uuid

from django.db import models
from django.db.models import F, Q

from portal.accounts.models import Site
from portal.studies.models import Instance


class ModelVersion(models.Model):
    """One frozen classifier: weights, calibration, threshold and intended use together."""

    name = models.CharField(max_length=64)
    version = models.CharField(max_length=32)
    weights_sha256 = models.CharField(max_length=64)
    threshold = models.FloatField(help_text="Probability at or above which a finding is present.")
    prevalence = models.FloatField(help_text="Share of pneumonia in the validation images, 0 to 1.")
    disclaimer_version = models.CharField(max_length=16)
    disclaimer = models.TextField()
    manifest = models.JSONField()
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("name", "version"), name="model_version_unique"),
            models.CheckConstraint(
                condition=Q(threshold__gt=0, threshold__lt=1), name="model_version_threshold_in_0_1"
            ),
            models.CheckConstraint(
                condition=Q(prevalence__gte=0, prevalence__lte=1),
                name="model_version_prevalence_in_0_1",
            ),
            models.CheckConstraint(
                condition=~Q(disclaimer="") & ~Q(disclaimer_version=""),
                name="model_version_has_disclaimer",
            ),
            models.CheckConstraint(
                condition=Q(weights_sha256__regex=r"^[0-9a-f]{64}\Z"),
                name="model_version_sha256_is_hex",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Deployment(models.Model):
    """A model version at a site."""

    class Status(models.TextChoices):
        LIVE = "live"
        SHADOW = "shadow"
        PAUSED = "paused"

    site = models.ForeignKey(Site, models.PROTECT, related_name="deployments")
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="deployments")
    status = models.CharField(max_length=8, choices=Status)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("site", "model_version"), name="deployment_once_a_version"
            ),
            models.UniqueConstraint(
                fields=("site",), condition=Q(status="live"), name="deployment_one_live_a_site"
            ),
        )

    def __str__(self) -> str:
        return f"{self.model_version} {self.status} at {self.site}"


class Prediction(models.Model):
    """What one model version says about one instance. Machines predict; people find.

    ``queued`` -claim-> ``running`` -complete-> ``done``, or -fail-> ``failed``; the sweep takes
    ``running`` back to ``queued`` or, after the third attempt, to ``failed``; ``queued``
    -cancel-> ``cancelled``. A new try after a failure is a new row.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Outcome(models.TextChoices):
        SCORED = "scored"
        NOT_APPLICABLE = "not_applicable", "not applicable"
        REJECTED_QUALITY = "rejected_quality", "rejected for quality"

    class Presence(models.TextChoices):
        PRESENT = "present"
        ABSENT = "absent"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    instance = models.ForeignKey(Instance, models.PROTECT, related_name="predictions")
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    priority = models.PositiveSmallIntegerField(default=5, help_text="0 is most urgent, 9 least.")
    attempt = models.PositiveSmallIntegerField(default=0)
    requested_at = models.DateTimeField()
    rung_at = models.DateTimeField(help_text="When the doorbell was last rung for this row.")
    started_at = models.DateTimeField(null=True, help_text="Start of the latest attempt.")
    finished_at = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=120, blank=True, help_text="Who holds or held it.")
    request_id = models.CharField(
        max_length=32, blank=True, db_default="", help_text="Of the request that asked for it."
    )

    outcome = models.CharField(max_length=16, choices=Outcome, blank=True)
    score = models.FloatField(null=True, help_text="Calibrated P(pneumonia), 0 to 1.")
    threshold = models.FloatField(null=True, help_text="The cut-off the score was held against.")
    finding = models.CharField(max_length=8, choices=Presence, blank=True)
    disclaimer = models.TextField(blank=True, help_text="The wording when the result was stored.")
    code = models.CharField(max_length=48, blank=True, help_text="Why there is no number.")
    detail = models.TextField(blank=True, help_text="The same in a sentence.")
    remedy = models.TextField(blank=True, help_text="What can be done about it.")
    unknown = models.JSONField(default=list, help_text="What of the intended use was not known.")
    provenance = models.JSONField(default=dict, help_text="Hashes, engine and library versions.")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(score__isnull=True) | Q(score__gte=0, score__lte=1),
                name="prediction_score_in_0_1",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state="done", outcome="scored", score__isnull=False, threshold__isnull=False)
                    & ~Q(finding="")
                    & ~Q(disclaimer="")
                    | ~Q(outcome="scored")
                    & Q(score__isnull=True, threshold__isnull=True, finding="")
                ),
                name="prediction_number_only_when_scored",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state="queued", finished_at=None, outcome="", lease_token=None)
                    & Q(lease_until=None)
                    | Q(state="running", finished_at=None, outcome="", attempt__gte=1)
                    & Q(started_at__isnull=False, lease_token__isnull=False)
                    & Q(lease_until__isnull=False)
                    | Q(state="done", finished_at__isnull=False, started_at__isnull=False)
                    & ~Q(outcome="")
                    & ~Q(disclaimer="")
                    | Q(state="failed", finished_at__isnull=False, outcome="") & ~Q(code="")
                    | Q(state="cancelled", finished_at__isnull=False, outcome="")
                ),
                name="prediction_fields_match_state",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=("", "scored")) | ~Q(code=""),
                name="prediction_refusal_has_code",
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None)
                | Q(started_at=None)
                | Q(finished_at__gte=F("started_at")),
                name="prediction_finishes_after_start",
            ),
            models.UniqueConstraint(
                fields=("instance", "model_version"),
                condition=~Q(state__in=("failed", "cancelled")),
                name="prediction_one_live_per_version",
            ),
        )
        indexes = (
            models.Index(
                fields=("priority", "requested_at"),
                condition=Q(state="queued"),
                name="prediction_queue",
            ),
            models.Index(
                fields=("lease_until",), condition=Q(state="running"), name="prediction_leases"
            ),
        )

    def __str__(self) -> str:
        return f"prediction {self.pk} ({self.state})"


class Worker(models.Model):
    """A process that serves the queue, as it last said of itself."""

    name = models.CharField(max_length=120, primary_key=True)
    queue = models.CharField(max_length=16)
    device = models.CharField(max_length=8, blank=True)
    model = models.CharField(max_length=100, blank=True, help_text="Empty while it is loading.")
    started_at = models.DateTimeField()
    last_seen = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
