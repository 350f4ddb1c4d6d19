from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length, Upper

from portal.accounts.models import Site

models.CharField.register_lookup(Length)
LEAST_URGENT = 9
DICOM_UID = r"^[0-2](\.(0|[1-9][0-9]*))+\Z"  # PS3.5 section 9.1; "$" would let a newline through


class Study(models.Model):
    """A DICOM Study: one visit to the X-ray room (PS3.3 A.1.2.2)."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="studies")
    study_instance_uid = models.CharField(max_length=64)
    patient_id = models.CharField(max_length=64, blank=True)
    patient_name = models.CharField(max_length=324, blank=True)
    patient_birth_date = models.DateField(null=True)
    patient_sex = models.CharField(max_length=1, blank=True)
    accession_number = models.CharField(max_length=16, blank=True)
    study_date = models.DateField(null=True)
    study_description = models.CharField(max_length=64, blank=True)
    priority = models.PositiveSmallIntegerField(
        default=5, db_default=5, help_text="0 is most urgent, 9 least: of its images' the first."
    )
    received_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "studies"
        constraints = (
            models.UniqueConstraint(
                fields=("site", "study_instance_uid"), name="study_unique_at_site"
            ),
            models.CheckConstraint(
                condition=Q(study_instance_uid__regex=DICOM_UID), name="study_uid_is_a_dicom_uid"
            ),
            models.CheckConstraint(
                condition=Q(priority__lte=LEAST_URGENT), name="study_priority_0_to_9"
            ),
        )
        indexes = (
            models.Index(fields=("site", "-received_at"), name="study_by_arrival"),
            models.Index(fields=("site", "patient_id"), name="study_by_patient"),
            models.Index(fields=("site", "accession_number"), name="study_by_accession"),
            models.Index(Upper("patient_id"), name="study_by_patient_any_case"),
            models.Index(Upper("accession_number"), name="study_by_accession_any_case"),
        )

    def __str__(self) -> str:
        return self.study_instance_uid


class Series(models.Model):
    """A DICOM Series: images of one study made alike."""

    study = models.ForeignKey(Study, models.PROTECT, related_name="series")
    series_instance_uid = models.CharField(max_length=64)
    modality = models.CharField(max_length=16, blank=True)
    series_description = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "series"
        constraints = (
            models.UniqueConstraint(
                fields=("study", "series_instance_uid"), name="series_unique_in_study"
            ),
            models.CheckConstraint(
                condition=Q(series_instance_uid__regex=DICOM_UID),
                name="series_uid_is_a_dicom_uid",
            ),
        )

    def __str__(self) -> str:
        return self.series_instance_uid


class Instance(models.Model):
    """A DICOM Instance: one image file, kept byte for byte as it arrived."""

    class Kind(models.TextChoices):
        DICOM = "dicom", "DICOM"
        PNG = "png", "PNG"
        JPEG = "jpeg", "JPEG"

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    series = models.ForeignKey(Series, models.PROTECT, related_name="instances")
    sop_instance_uid = models.CharField(max_length=64)
    sop_class_uid = models.CharField(max_length=64)
    kind = models.CharField(max_length=5, choices=Kind)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    transfer_syntax_uid = models.CharField(max_length=64, blank=True)
    rows = models.PositiveIntegerField(help_text="Pixels.")
    columns = models.PositiveIntegerField(help_text="Pixels.")
    facts = models.JSONField(
        default=dict, help_text="What the header, or the uploader, says of the image."
    )
    received_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("site", "sop_instance_uid"), name="instance_unique_at_site"
            ),
            models.CheckConstraint(
                condition=Q(sop_instance_uid__regex=DICOM_UID),
                name="instance_uid_is_a_dicom_uid",
            ),
            models.CheckConstraint(
                condition=Q(sha256__regex=r"^[0-9a-f]{64}\Z"), name="instance_sha256_is_hex"
            ),
        )
        indexes = (models.Index(fields=("sha256", "site"), name="instance_by_hash"),)

    def __str__(self) -> str:
        return self.sop_instance_uid


class UploadAnswer(models.Model):
    """What a client was told for an Idempotency-Key, so that the same answer comes again."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of what was sent.")
    uploads = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "key"), name="upload_key_once_a_user"),
        )
        indexes = (models.Index(fields=("created_at",), name="upload_answer_by_age"),)

    def __str__(self) -> str:
        return f"answer {self.pk}"
