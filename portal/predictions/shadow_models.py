import uuid

from django.db import models
from django.db.models import Q

from portal.predictions.deployment_models import Deployment
from portal.studies.models import Instance

_OUTCOMES = ("scored", "not_applicable", "rejected_quality")


class ShadowScore(models.Model):
    """What a challenger says of an image that the live version has read. No reader sees it.

    A table of its own, so that nothing that shows, counts or sorts predictions can come by it.
    ``running`` -complete-> ``done``, or -fail-> ``failed``; a lease that ran out is claimed anew,
    three times.
    """

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    deployment = models.ForeignKey(Deployment, models.PROTECT, related_name="shadow_scores")
    instance = models.ForeignKey(Instance, models.PROTECT, related_name="+")
    state = models.CharField(max_length=7, choices=State, default=State.RUNNING)
    attempt = models.PositiveSmallIntegerField(default=1)
    lease_token = models.UUIDField(default=uuid.uuid4)
    lease_until = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, blank=True)
    score = models.FloatField(null=True, help_text="Calibrated P(pneumonia), 0 to 1.")
    code = models.CharField(max_length=48, blank=True, help_text="Why there is no number.")
    provenance = models.JSONField(default=dict, help_text="Hashes, engine and library versions.")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("deployment", "instance"), name="shadow_score_once_an_image"
            ),
            models.CheckConstraint(
                condition=Q(score=None) | Q(score__gte=0, score__lte=1),
                name="shadow_score_in_0_1",
            ),
            models.CheckConstraint(
                condition=Q(state="running", finished_at=None, outcome="", score=None)
                | Q(state="failed", finished_at__isnull=False, outcome="", score=None) & ~Q(code="")
                | Q(state="done", finished_at__isnull=False, outcome__in=_OUTCOMES)
                & (
                    Q(outcome="scored", score__isnull=False)
                    | ~Q(outcome="scored") & Q(score=None) & ~Q(code="")
                ),
                name="shadow_score_fields_match_state",
            ),
        )
        indexes = (
            models.Index(
                fields=("lease_until",), condition=Q(state="running"), name="shadow_score_leases"
            ),
        )

    def __str__(self) -> str:
        return f"shadow score {self.pk} ({self.state})"
