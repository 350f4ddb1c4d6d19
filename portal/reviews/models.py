from django.conf import settings
from django.db import models
from django.db.models import F, Q

from portal.predictions.models import Prediction
from portal.reviews.reasons import Reason
from portal.studies.models import Study


class Presence(models.TextChoices):
    """What is said of pneumonia (SCT 52101004, 272519000, 373068000)."""

    PRESENT = "present"
    ABSENT = "absent"
    INDETERMINATE = "indeterminate"


class Purpose(models.TextChoices):
    """Which read of the study a finding belongs to."""

    FIRST = "first"
    SECOND = "second"
    ADJUDICATION = "adjudication"


class StudyLease(models.Model):
    """That a person has taken a study from the worklist, or had it last.

    It belongs to them until ``until``, by the database's clock; what ran out or was put back
    needs no clearing up. Somebody with the study open may sign it nevertheless.
    """

    study = models.OneToOneField(Study, models.PROTECT, related_name="lease")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    until = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=("reader", "until"), name="lease_by_reader"),)

    def __str__(self) -> str:
        return f"study {self.study_id} is {self.reader_id}'s until {self.until:%H:%M:%S}"


class Finding(models.Model):
    """What a person saw. Never edited: a change of mind is a new row."""

    class Stage(models.TextChoices):
        BEFORE = "before", "before the AI was shown"
        AFTER = "after", "after the AI was shown"

    study = models.ForeignKey(Study, models.PROTECT, related_name="findings")
    prediction = models.ForeignKey(Prediction, models.PROTECT, null=True, related_name="+")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=12, choices=Purpose, default=Purpose.FIRST)
    stage = models.CharField(max_length=6, choices=Stage, default=Stage.AFTER)
    shown = models.CharField(
        max_length=8,
        choices=Prediction.Presence,
        blank=True,
        help_text="What the machine said, if it was visible.",
    )
    presence = models.CharField(
        max_length=13, choices=Presence, help_text="What the reader decided."
    )
    confidence = models.PositiveSmallIntegerField(null=True, help_text="1 (guess) to 5 (certain).")
    reason_code = models.CharField(max_length=20, choices=Reason, blank=True)
    comment = models.TextField(blank=True, max_length=4000)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(shown="") | Q(presence=F("shown")) | ~Q(reason_code=""),
                name="finding_override_needs_reason",
            ),
            models.CheckConstraint(
                condition=Q(confidence=None) | Q(confidence__gte=1, confidence__lte=5),
                name="finding_confidence_1_to_5",
            ),
            models.CheckConstraint(
                condition=Q(shown="") | Q(prediction__isnull=False),
                name="finding_shown_names_prediction",
            ),
        )

    def __str__(self) -> str:
        return f"finding {self.pk}: {self.presence}"

    @property
    def is_override(self) -> bool:
        """Whether the person disagreed with what the machine showed."""
        return bool(self.shown) and self.presence != self.shown


class Review(models.Model):
    """The signature under a finding. Never edited: an amendment supersedes (21 CFR 11.50)."""

    class Meaning(models.TextChoices):
        REVIEWED = "reviewed"
        AMENDED = "amended"

    study = models.ForeignKey(Study, models.PROTECT, related_name="reviews")
    finding = models.OneToOneField(Finding, models.PROTECT, related_name="review")
    purpose = models.CharField(max_length=12, choices=Purpose, default=Purpose.FIRST)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    reviewer_name = models.CharField(max_length=150, help_text="As it was when it was signed.")
    meaning = models.CharField(max_length=8, choices=Meaning, default=Meaning.REVIEWED)
    amend_reason = models.TextField(blank=True, max_length=4000)
    signed_at = models.DateTimeField()
    supersedes = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="superseded_by"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("study", "purpose"),
                condition=Q(supersedes=None),
                name="review_one_original_per_purpose",
            ),
            models.CheckConstraint(
                condition=Q(supersedes=None, meaning="reviewed")
                | Q(supersedes__isnull=False, meaning="amended") & ~Q(amend_reason=""),
                name="review_amendment_says_why",
            ),
        )

    def __str__(self) -> str:
        return f"review {self.pk} of study {self.study_id}"


class ReviewAnswer(models.Model):
    """Which review a client was answered with for an Idempotency-Key."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of what was sent.")
    review = models.ForeignKey(Review, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "key"), name="review_key_once_a_user"),
        )
        indexes = (models.Index(fields=("created_at",), name="review_answer_by_age"),)

    def __str__(self) -> str:
        return f"answer {self.pk}"
