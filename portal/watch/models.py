from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.accounts.models import Site
from portal.predictions.models import ModelVersion


class Alert(models.Model):
    """That a figure of one version at one site crossed a bound in one week. Never edited."""

    class Rule(models.TextChoices):
        DRIFT = "drift", "Scores have shifted"
        OVERRIDES = "overrides", "Overrides have doubled"
        REFUSALS = "refusals", "Many images are not scored"
        FAILURES = "failures", "Many images fail"
        CALIBRATION = "calibration", "Scores and readers disagree on how common pneumonia is"

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="+")
    rule = models.CharField(max_length=12, choices=Rule)
    scanner = models.CharField(max_length=132, blank=True, help_text="Empty: the whole site.")
    week = models.DateField(help_text="Its Monday.")
    figures = models.JSONField(help_text="As they were when it was raised.")
    raised_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("site", "model_version", "rule", "scanner", "week"),
                name="alert_once_a_week",
            ),
            models.CheckConstraint(
                condition=Q(week__iso_week_day=1), name="alert_week_is_a_monday"
            ),
        )
        indexes = (models.Index(fields=("site", "-week"), name="alert_by_site"),)

    def __str__(self) -> str:
        return f"{self.get_rule_display()}: {self.about}, week of {self.week}"

    @property
    def about(self) -> str:
        """Return what it is about, in words."""
        return f"scanner {self.scanner}" if self.scanner else "the whole site"


class Acknowledgement(models.Model):
    """What somebody did about an alert. Never edited: what is done later is a new row."""

    class Act(models.TextChoices):
        NOTHING_WRONG = "nothing_wrong", "Looked into, nothing is wrong"
        WATCHED = "watched", "Watched further"
        SCANNER_CHECKED = "scanner_checked", "Scanner or its settings are looked at"
        READERS_TOLD = "readers_told", "Readers are told"
        MODEL_PAUSED = "model_paused", "The model is paused"
        MAKER_TOLD = "maker_told", "Whoever made the model is told"
        OTHER = "other", "Something else"

    alert = models.ForeignKey(Alert, models.PROTECT, related_name="acknowledgements")
    act = models.CharField(max_length=16, choices=Act)
    words = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=150, help_text="As it was when it was done.")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~Q(words="") & ~Q(by_name=""), name="acknowledgement_says_who_and_what"
            ),
            models.CheckConstraint(
                condition=Q(
                    act__in=(
                        "nothing_wrong",
                        "watched",
                        "scanner_checked",
                        "readers_told",
                        "model_paused",
                        "maker_told",
                        "other",
                    )
                ),
                name="acknowledgement_act_is_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.act} by {self.by_name}"
