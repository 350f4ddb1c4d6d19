from django.conf import settings
from django.db import models
from django.db.models import F, Q

from portal.accounts.models import Site
from portal.predictions.deployment_models import ModelVersion
from portal.predictions.widening_models import DECIDED_BY_A_SECOND_PERSON, FIELDS_MATCH_STATE
from portal.shares import Share

FEWEST = 10
"""Signed studies of each kind, with pneumonia and without, below which nothing is chosen."""


class OperatingPoint(models.Model):
    """The cut-off of one model version at one site, chosen on signed studies: by two persons.

    ``waiting`` -approve-> ``in_force`` -withdraw-> ``withdrawn``, or ``replaced`` by the next;
    ``waiting`` -decline-> ``declined``, or -withdraw-> ``withdrawn``. Where none is in force the
    bundle's own cut-off counts. The names are those that the signers had when they signed.
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
    threshold = models.FloatField(help_text="Score at or above which a finding is present.")
    set_name = models.CharField(max_length=120, help_text="What the set of studies is called.")
    since = models.DateField(help_text="First day of signing of the set, in UTC.")
    until = models.DateField(help_text="Last day of signing of the set, included.")
    set_sha256 = models.CharField(
        max_length=64,
        help_text="Of sorted lines: StudyInstanceUID, review, score.",
    )
    n_present = models.PositiveIntegerField(help_text="Signed studies with pneumonia.")
    n_absent = models.PositiveIntegerField(help_text="Signed studies without.")
    left_out = models.PositiveIntegerField(help_text="Indeterminate: they count for neither.")
    saw_ai = models.PositiveIntegerField(
        help_text="Of those counted, how many readers had been shown the AI."
    )
    true_positives = models.PositiveIntegerField()
    true_negatives = models.PositiveIntegerField()
    why = models.TextField()
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    proposed_name = models.CharField(max_length=150)
    proposed_at = models.DateTimeField(help_text="The set is what was signed by then.")
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
                condition=Q(threshold__gt=0, threshold__lt=1), name="operating_point_in_0_1"
            ),
            models.CheckConstraint(
                condition=~Q(why="") & ~Q(proposed_name="") & ~Q(set_name=""),
                name="operating_point_says_who_and_why",
            ),
            models.CheckConstraint(
                condition=Q(set_sha256__regex=r"^[0-9a-f]{64}\Z", until__gte=F("since")),
                name="operating_point_names_its_set",
            ),
            models.CheckConstraint(
                condition=Q(n_present__gte=FEWEST, n_absent__gte=FEWEST)
                & Q(true_positives__lte=F("n_present"), true_negatives__lte=F("n_absent"))
                & Q(saw_ai__lte=F("n_present") + F("n_absent")),
                name="operating_point_counts_enough",
            ),
            models.CheckConstraint(
                condition=DECIDED_BY_A_SECOND_PERSON,
                name="operating_point_decided_by_a_second_person",
            ),
            models.CheckConstraint(
                condition=FIELDS_MATCH_STATE,
                name="operating_point_fields_match_state",
            ),
            models.UniqueConstraint(
                fields=("site", "model_version"),
                condition=Q(state="waiting"),
                name="operating_point_one_waiting",
            ),
            models.UniqueConstraint(
                fields=("site", "model_version"),
                condition=Q(state="in_force"),
                name="operating_point_one_in_force",
            ),
        )
        indexes = (models.Index(fields=("site", "-id"), name="operating_point_newest"),)

    def __str__(self) -> str:
        return f"{self.threshold} for {self.model_version} at {self.site}"

    @property
    def sensitivity(self) -> Share:
        """Of the studies with pneumonia, how many reach the cut-off."""
        return Share(self.n_present, self.true_positives)

    @property
    def specificity(self) -> Share:
        """Of the studies without, how many stay below it."""
        return Share(self.n_absent, self.true_negatives)

    @property
    def counted(self) -> int:
        """On how many signed studies it was chosen."""
        return self.n_present + self.n_absent
