import json
from typing import Any

from django.db import models
from django.db.models import Q

from portal.predictions.deployment_models import ModelVersion


class ModelReport(models.Model):
    """What was measured of a model version: once, by rows that only grow.

    A table of its own: a version is read with every prediction, its report by few.
    """

    model_version = models.OneToOneField(ModelVersion, models.PROTECT, related_name="report")
    text = models.TextField(help_text="JSON; as text it keeps its order, which jsonb does not.")
    stored_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"report of {self.model_version}"

    @property
    def document(self) -> dict[str, Any]:
        """What ``report.json`` says, its parts in their order."""
        return dict(json.loads(self.text))


class ReportPicture(models.Model):
    """A plot of a report, as its file was. The portal hands it on and never opens it."""

    report = models.ForeignKey(ModelReport, models.PROTECT, related_name="pictures")
    name = models.CharField(max_length=64)
    content = models.BinaryField(help_text="A PNG.")
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("report", "name"), name="report_picture_name_unique"),
            models.CheckConstraint(
                condition=Q(name__regex=r"^[a-z0-9_-]+\.png\Z"), name="report_picture_named_plainly"
            ),
            models.CheckConstraint(
                condition=Q(sha256__regex=r"^[0-9a-f]{64}\Z"), name="report_picture_sha256_is_hex"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} of {self.report}"
