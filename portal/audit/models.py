from django.db import models
from django.db.models.functions import Length

models.CharField.register_lookup(Length)


class AuditEvent(models.Model):
    """One thing somebody did. Rows are only ever added; the database enforces it.

    Sites and people are named by their slug and username, not by foreign keys, so that an
    exported chain can be checked without the rest of the database.
    """

    class Action(models.TextChoices):
        SIGNED_IN = "user.signed_in"
        SIGN_IN_REFUSED = "user.sign_in_refused"
        SIGN_IN_THROTTLED = "user.sign_in_throttled"
        SIGNED_OUT = "user.signed_out"
        SESSION_ENDED = "session.ended"
        SITE_CREATED = "site.created"
        USER_CREATED = "user.created"
        USER_DISABLED = "user.disabled"
        USER_ENABLED = "user.enabled"
        ROLE_GRANTED = "role.granted"
        ROLE_REVOKED = "role.revoked"
        LINK_MADE = "user.link_made"
        PASSWORD_SET = "user.password_set"  # noqa: S105 (an action, not a password)
        USER_CHANGE_REFUSED = "user.change_refused"
        TOKEN_CREATED = "token.created"  # noqa: S105
        TOKEN_REVOKED = "token.revoked"  # noqa: S105
        UPLOAD_REFUSED = "upload.refused"
        UPLOAD_REPEATED = "upload.repeated"
        REQUEST_LIMITED = "request.limited"
        INSTANCE_RECEIVED = "instance.received"
        PREDICTION_REQUESTED = "prediction.requested"
        PREDICTION_COMPLETED = "prediction.completed"
        PREDICTION_FAILED = "prediction.failed"
        PREDICTION_CANCELLED = "prediction.cancelled"
        PREDICTION_ACKNOWLEDGED = "prediction.acknowledged"
        PREDICTION_REFUSED = "prediction.refused"
        PREDICTION_NOT_REPRODUCED = "prediction.not_reproduced"
        REVIEW_SIGNED = "review.signed"
        REVIEW_AMENDED = "review.amended"
        REVIEW_REPEATED = "review.repeated"
        REVIEW_REFUSED = "review.refused"
        WORKLIST_TAKEN = "worklist.taken"
        WORKLIST_RELEASED = "worklist.released"
        WORKLIST_REFUSED = "worklist.refused"
        STUDY_OPENED = "study.opened"
        IMAGE_VIEWED = "image.viewed"
        STUDIES_SEARCHED = "studies.searched"
        AUDIT_READ = "audit.read"
        AUDIT_VERIFIED = "audit.verified"
        MODEL_REGISTERED = "model.registered"
        MODEL_REPORTED = "model.reported"
        MODEL_DEPLOYED = "model.deployed"
        MODEL_PROPOSED = "model.proposed"
        MODEL_DECLINED = "model.declined"
        MODEL_WITHDRAWN = "model.withdrawn"
        MODEL_PAUSED = "model.paused"
        MODEL_RESUMED = "model.resumed"
        MODEL_SHADOWED = "model.shadowed"
        MODEL_ENDED = "model.ended"
        MODEL_REFUSED = "model.refused"
        MODEL_DRIFTED = "model.drifted"
        PREVALENCE_ENTERED = "prevalence.entered"
        WIDENING_PROPOSED = "widening.proposed"
        WIDENING_APPROVED = "widening.approved"
        WIDENING_DECLINED = "widening.declined"
        WIDENING_WITHDRAWN = "widening.withdrawn"
        OPERATING_POINT_PROPOSED = "operating_point.proposed"
        OPERATING_POINT_APPROVED = "operating_point.approved"
        OPERATING_POINT_DECLINED = "operating_point.declined"
        OPERATING_POINT_WITHDRAWN = "operating_point.withdrawn"
        ALERT_RAISED = "alert.raised"
        ALERT_ACKNOWLEDGED = "alert.acknowledged"
        ALERT_REFUSED = "alert.refused"
        EVIDENCE_EXPORTED = "evidence.exported"
        EVIDENCE_REFUSED = "evidence.refused"
        LABELS_EXPORTED = "labels.exported"

    class Outcome(models.TextChoices):
        SUCCESS = "success"
        REFUSED = "refused"

    chain = models.CharField(max_length=40, help_text="Slug of the site, or 'system'.")
    seq = models.PositiveBigIntegerField(help_text="1, 2, 3 ... within the chain, without gaps.")
    at = models.DateTimeField()
    actor = models.CharField(max_length=150, blank=True, help_text="Username; empty: the system.")
    action = models.CharField(max_length=40, choices=Action)
    subject = models.CharField(max_length=160)
    outcome = models.CharField(max_length=8, choices=Outcome, default=Outcome.SUCCESS)
    detail = models.JSONField(default=dict)
    previous_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)
    signature = models.CharField(max_length=128, help_text="Ed25519 of the digest, in hex.")

    class Meta:
        ordering = ("chain", "seq")
        constraints = (
            models.UniqueConstraint(fields=("chain", "seq"), name="audit_chain_seq_unique"),
            models.UniqueConstraint(
                fields=("chain", "previous_digest"), name="audit_chain_does_not_fork"
            ),
            models.CheckConstraint(condition=models.Q(seq__gte=1), name="audit_seq_from_one"),
            models.CheckConstraint(
                condition=models.Q(
                    digest__length=64, previous_digest__length=64, signature__length=128
                ),
                name="audit_digests_are_sha256",
            ),
        )
        indexes = (models.Index(fields=("chain", "subject", "action"), name="audit_by_subject"),)

    def __str__(self) -> str:
        return f"{self.chain}/{self.seq} {self.at:%Y-%m-%d %H:%M:%S} {self.action} {self.subject}"


class AuditHead(models.Model):
    """Where a chain ends. Locking this row is what makes a chain one line.

    The signature is the last event's: whoever cuts the tail cannot make an older head look
    new without the exported heads contradicting it.
    """

    chain = models.CharField(max_length=40, primary_key=True)
    seq = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    signature = models.CharField(max_length=128, blank=True)

    def __str__(self) -> str:
        return f"{self.chain}/{self.seq}"


class Tally(models.Model):
    """How often something happened on a chain, and how many seconds it took altogether."""

    chain = models.CharField(max_length=40)
    name = models.CharField(max_length=40)
    label = models.CharField(max_length=48, blank=True)
    count = models.PositiveBigIntegerField()
    seconds = models.FloatField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("chain", "name", "label"), name="tally_once_a_kind"),
        )

    def __str__(self) -> str:
        return f"{self.chain} {self.name} {self.label}: {self.count}"
