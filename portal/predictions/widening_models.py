from django.conf import settings
from django.db import models
from django.db.models import F, Q

from portal.accounts.models import Site
from portal.predictions.deployment_models import ModelVersion

OLDEST = 130
"""Completed years. No person is older."""
_DECIDED = Q(decided_by__isnull=False, decided_at__isnull=False) & ~Q(decided_name="")
_ENDED = Q(ended_by__isnull=False, ended_at__isnull=False)
DECIDED_BY_A_SECOND_PERSON = Q(decided_by=None, decided_at=None) | _DECIDED & ~Q(
    decided_by=F("proposed_by")
)
FIELDS_MATCH_STATE = (
    Q(state="waiting", decided_by=None, ended_by=None, ended_at=None)
    | Q(state="in_force", ended_by=None, ended_at=None) & _DECIDED
    | Q(state="declined", ended_by=None, ended_at=None) & _DECIDED & ~Q(note="")
    | Q(state="replaced") & _DECIDED & _ENDED
    | Q(state="withdrawn") & _ENDED & ~Q(end_reason="")
)


class Widening(models.Model):
    """That a site lets one model version score more than its intended use: signed by two persons.

    ``waiting`` -approve-> ``in_force`` -withdraw-> ``withdrawn``, or ``replaced`` by the next;
    ``waiting`` -decline-> ``declined``, or -withdraw-> ``withdrawn``. It only ever adds to what
    the manifest says. The names are those that the signers had when they signed.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        IN_FORCE = "in_force", "in force"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"
        REPLACED = "replaced"

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    youngest = models.PositiveSmallIntegerField(null=True, help_text="Completed years.")
    oldest = models.PositiveSmallIntegerField(null=True, help_text="Completed years, included.")
    modalities = models.JSONField(default=list, help_text="Those allowed besides.")
    body_parts = models.JSONField(default=list, help_text="Those allowed besides.")
    views = models.JSONField(default=list, help_text="Those allowed besides.")
    why = models.TextField()
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    proposed_name = models.CharField(max_length=150)
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    decided_name = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True, help_text="Why it was decided so.")
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True)
    end_reason = models.TextField(blank=True, help_text="Why it holds no longer.")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~Q(why="") & ~Q(proposed_name=""), name="widening_says_who_and_why"
            ),
            models.CheckConstraint(
                condition=Q(youngest=None, oldest=None)
                | Q(youngest__isnull=False, oldest__isnull=False, youngest__gte=0)
                & Q(oldest__gte=F("youngest"), oldest__lte=OLDEST),
                name="widening_ages_are_a_range",
            ),
            models.CheckConstraint(
                condition=DECIDED_BY_A_SECOND_PERSON,
                name="widening_decided_by_a_second_person",
            ),
            models.CheckConstraint(
                condition=FIELDS_MATCH_STATE,
                name="widening_fields_match_state",
            ),
            models.UniqueConstraint(
                fields=("site", "model_version"),
                condition=Q(state="waiting"),
                name="widening_one_waiting",
            ),
            models.UniqueConstraint(
                fields=("site", "model_version"),
                condition=Q(state="in_force"),
                name="widening_one_in_force",
            ),
        )
        indexes = (models.Index(fields=("site", "-id"), name="widening_newest"),)

    def __str__(self) -> str:
        return f"{self.allows} for {self.model_version} at {self.site}"

    @property
    def allows(self) -> str:
        """Return in words what may be scored besides the intended use."""
        parts = [] if self.oldest is None else [f"ages {self.youngest} to {self.oldest}"]
        named = (("views", self.views), ("modalities", self.modalities))
        for name, words in (*named, ("body parts", self.body_parts)):
            parts += [f"{name} {', '.join(words)}"] if words else []
        return "; ".join(parts)
