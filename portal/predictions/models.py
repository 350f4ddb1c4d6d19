import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from portal.accounts.models import Site
from portal.predictions.deployment_models import Deployment, ModelVersion, Pause, Proposal
from portal.predictions.operating_point_models import OperatingPoint
from portal.predictions.prevalence_models import SitePrevalence
from portal.predictions.report_models import ModelReport, ReportPicture
from portal.predictions.shadow_models import ShadowScore
from portal.predictions.widening_models import Widening
from portal.studies.models import Instance

__all__ = [
    "Deployment",
    "ModelReport",
    "ModelVersion",
    "OperatingPoint",
    "Pause",
    "Prediction",
    "Proposal",
    "ReportPicture",
    "ShadowScore",
    "SitePrevalence",
    "Widening",
    "Worker",
]

MODEL_PAUSED = "model_paused"
"""The code of what was cancelled because its model was paused, and not by anybody who meant it."""


LARGEST = 1e30
"""What no map comes near; PostgreSQL holds NaN to be larger."""
WIDENABLE = (
    "age_outside_range",
    "body_part_not_chest",
    "modality_not_supported",
    "view_not_frontal",
)
"""Codes of what the intended use refuses and a site may let in by a widening."""


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
    map_png = models.BinaryField(
        null=True, help_text="Where the network looked: 14 x 14, 8-bit, of the squashed square."
    )
    map_maximum = models.FloatField(null=True, help_text="What the brightest of it stands for.")
    widening = models.ForeignKey(
        Widening,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Why there is a score outside the intended use.",
    )
    operating_point = models.ForeignKey(
        OperatingPoint,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Whose cut-off it was held against; null: the bundle's own.",
    )
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Who took note of the failure: it needs no more work.",
    )
    acknowledged_at = models.DateTimeField(null=True)

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
                condition=Q(widening=None) | Q(outcome="scored"),
                name="prediction_widened_only_when_scored",
            ),
            models.CheckConstraint(
                condition=Q(operating_point=None) | Q(outcome="scored"),
                name="prediction_held_only_when_scored",
            ),
            models.CheckConstraint(
                condition=Q(map_png=None, map_maximum=None)
                | Q(outcome="scored", map_png__isnull=False, map_maximum__isnull=False)
                & Q(map_maximum__gte=0, map_maximum__lte=LARGEST),
                name="prediction_map_only_when_scored",
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None)
                | Q(started_at=None)
                | Q(finished_at__gte=F("started_at")),
                name="prediction_finishes_after_start",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_by=None, acknowledged_at=None)
                | Q(state="failed", acknowledged_by__isnull=False, acknowledged_at__isnull=False),
                name="prediction_acknowledged_when_failed",
            ),
            models.UniqueConstraint(
                fields=("instance", "model_version"),
                condition=~Q(state__in=("failed", "cancelled"))
                & ~Q(outcome="not_applicable", code__in=WIDENABLE),
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
                fields=("site", "model_version", "requested_at"), name="prediction_by_version"
            ),
            models.Index(
                fields=("lease_until",), condition=Q(state="running"), name="prediction_leases"
            ),
            models.Index(
                fields=("site", "outcome"),
                condition=Q(outcome__in=("not_applicable", "rejected_quality")),
                name="prediction_without_score",
            ),
            models.Index(
                fields=("site", "code", "-requested_at"),
                condition=Q(state="failed", acknowledged_at=None),
                name="prediction_failures",
            ),
        )

    def __str__(self) -> str:
        return f"prediction {self.pk} ({self.state})"

    @property
    def may_be_retried(self) -> bool:
        """Whether the model may be asked again: it failed, or never came to it."""
        paused = self.state == self.State.CANCELLED and self.code == MODEL_PAUSED
        return paused or self.state == self.State.FAILED

    def is_let_in_by(self, widening: Widening | None) -> bool:
        """Return whether a widening was signed since that could let in what was refused."""
        if widening is None or widening.decided_at is None or self.finished_at is None:
            return False
        return self.code in WIDENABLE and widening.decided_at > self.finished_at


class Worker(models.Model):
    """A process that serves the queue, as it last said of itself."""

    name = models.CharField(max_length=120, primary_key=True)
    queue = models.CharField(max_length=16)
    device = models.CharField(max_length=8, blank=True)
    model = models.TextField(blank=True, help_text="Empty while it is loading.")
    trouble = models.TextField(
        blank=True, db_default="", help_text="Which live version it cannot run, and why."
    )
    started_at = models.DateTimeField()
    last_seen = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
