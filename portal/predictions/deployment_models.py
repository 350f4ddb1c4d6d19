import hashlib

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from portal.accounts.models import Site


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


LARGEST_SHARE = 50
"""Percent. What reads more than half of the studies is the live version."""


class Proposal(models.Model):
    """That a version should read for the readers of a site. It waits for a second person."""

    class State(models.TextChoices):
        WAITING = "waiting"
        APPROVED = "approved"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"

    class Kind(models.TextChoices):
        LIVE = "live", "to be live"
        CANARY = "canary", "to read a share of the studies"
        ROLLBACK = "rollback", "to be live again"

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.LIVE, db_default="live")
    share = models.PositiveSmallIntegerField(
        null=True, help_text="Of a canary: percent of the studies that it should read."
    )
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    why = models.TextField()
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    compared = models.JSONField(
        null=True, help_text="What the comparison with the live version said when it was proposed."
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True, help_text="Why it was decided so.")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=~Q(why=""), name="proposal_says_why"),
            models.CheckConstraint(
                condition=Q(kind="canary", share__isnull=False)
                & Q(share__gte=1, share__lte=LARGEST_SHARE)
                | ~Q(kind="canary") & Q(share=None),
                name="proposal_share_only_of_a_canary",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_by=None, decided_at=None)
                | Q(state="withdrawn", decided_at__isnull=False, decided_by=F("proposed_by"))
                | Q(state__in=("approved", "declined"), decided_at__isnull=False)
                & Q(decided_by__isnull=False)
                & ~Q(decided_by=F("proposed_by")),
                name="proposal_decided_by_a_second_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="declined") | ~Q(note=""), name="proposal_declined_says_why"
            ),
            models.UniqueConstraint(
                fields=("site", "model_version"),
                condition=Q(state="waiting"),
                name="proposal_one_waiting_a_version",
            ),
        )
        indexes = (models.Index(fields=("site", "-proposed_at"), name="proposal_by_site"),)

    def __str__(self) -> str:
        return f"{self.model_version} proposed at {self.site} ({self.state})"


class Deployment(models.Model):
    """A model version at a site, from the decision for it until it ends.

    A challenger is in shadow, where no reader sees what it says, or a canary, which reads a share
    of the studies for the readers and the rest in shadow.
    """

    class Status(models.TextChoices):
        LIVE = "live"
        CANARY = "canary"
        SHADOW = "shadow"
        PAUSED = "paused"
        REPLACED = "replaced"

    site = models.ForeignKey(Site, models.PROTECT, related_name="deployments")
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="deployments")
    status = models.CharField(max_length=8, choices=Status)
    since = models.DateTimeField(auto_now_add=True)
    until = models.DateTimeField(null=True, help_text="When another took its place, or it ended.")
    proposal = models.OneToOneField(
        Proposal,
        models.PROTECT,
        null=True,
        related_name="deployment",
        help_text="Empty: it came with the installation, or is in shadow.",
    )
    reads_from = models.DateTimeField(
        null=True, help_text="Of a challenger: what was asked for since, it reads in shadow too."
    )
    share = models.PositiveSmallIntegerField(
        null=True, help_text="Of a canary: percent of the studies that it reads for the readers."
    )
    seed = models.CharField(
        max_length=32, blank=True, db_default="", help_text="By what a canary's share is drawn."
    )
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    why = models.TextField(blank=True, db_default="", help_text="Why it was put in shadow.")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=("live", "canary", "shadow", "paused"), until=None)
                | Q(status="replaced", until__isnull=False),
                name="deployment_ends_when_replaced",
            ),
            models.CheckConstraint(
                condition=Q(status="replaced")
                | Q(status__in=("live", "paused"), reads_from=None, share=None)
                | Q(status="shadow", reads_from__isnull=False, started_by__isnull=False, share=None)
                & ~Q(why="")
                | Q(status="canary", reads_from__isnull=False, proposal__isnull=False)
                & Q(share__isnull=False)
                & Q(share__gte=1, share__lte=LARGEST_SHARE)
                & ~Q(seed=""),
                name="deployment_fields_match_status",
            ),
            models.UniqueConstraint(
                fields=("site", "model_version"),
                condition=~Q(status="replaced"),
                name="deployment_once_a_version",
            ),
            models.UniqueConstraint(
                fields=("site",),
                condition=Q(status__in=("live", "paused")),
                name="deployment_one_live_a_site",
            ),
            models.UniqueConstraint(
                fields=("site",),
                condition=Q(status__in=("canary", "shadow")),
                name="deployment_one_challenger_a_site",
            ),
        )

    def __str__(self) -> str:
        return f"{self.model_version} {self.status} at {self.site}"

    @property
    def is_challenger(self) -> bool:
        """Whether it is, or was, beside a live version."""
        return self.reads_from is not None

    def reads_for_readers(self, study_instance_uid: str) -> bool:
        """Return whether a study is in the share of this canary: the same at every look."""
        drawn = hashlib.sha256(f"{self.seed}:{study_instance_uid}".encode()).digest()
        return int.from_bytes(drawn[:8], "big") % 100 < (self.share or 0)


class Pause(models.Model):
    """That somebody stopped a deployment, and who let it go on, if anybody did."""

    deployment = models.ForeignKey(Deployment, models.PROTECT, related_name="pauses")
    reason = models.TextField()
    paused_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    paused_at = models.DateTimeField()
    resumed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    resumed_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True, help_text="Why it may go on.")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=~Q(reason=""), name="pause_has_reason"),
            models.CheckConstraint(
                condition=Q(resumed_by=None, resumed_at=None)
                | Q(resumed_by__isnull=False, resumed_at__isnull=False)
                & ~Q(resumed_by=F("paused_by")),
                name="pause_resumed_by_a_second_person",
            ),
            models.UniqueConstraint(
                fields=("deployment",), condition=Q(resumed_at=None), name="pause_one_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"pause of {self.deployment}"
