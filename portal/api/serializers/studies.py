from typing import Any

from rest_framework import serializers

from portal.api.serializers.fields import ChoiceOrNull, TextOrNull
from portal.api.serializers.predictions import PredictionOutput
from portal.api.serializers.reviews import ReviewOutput
from portal.reviews.models import Presence
from portal.reviews.selectors import REPORT_STATUSES
from portal.studies.models import Instance


class InstanceOutput(serializers.ModelSerializer[Instance]):
    """One image, as it arrived."""

    series_instance_uid = serializers.CharField(source="series.series_instance_uid")
    modality = TextOrNull(source="series.modality")
    transfer_syntax_uid = TextOrNull()

    class Meta:
        model = Instance
        fields = (
            "sop_instance_uid", "series_instance_uid", "sop_class_uid", "transfer_syntax_uid",
            "modality", "kind", "rows", "columns", "size", "sha256", "received_at",
        )  # fmt: skip
        read_only_fields = fields


class StudySummary(serializers.Serializer[Any]):
    """A row of the worklist, with the prediction that stands for the study."""

    study_instance_uid = serializers.CharField()
    patient_id = TextOrNull()
    patient_name = TextOrNull()
    accession_number = TextOrNull()
    study_date = serializers.DateField(allow_null=True)
    modality = TextOrNull()
    received_at = serializers.DateTimeField()
    report_status = serializers.ChoiceField(REPORT_STATUSES)
    read_as = ChoiceOrNull(Presence.choices)
    read_by = TextOrNull()
    held_by = TextOrNull(help_text="Who has taken it from the worklist and not read it yet.")
    held_until = serializers.DateTimeField(allow_null=True)
    prediction = PredictionOutput(allow_null=True)


class LeaseOutput(serializers.Serializer[Any]):
    """A study in somebody's hands."""

    study_instance_uid = serializers.CharField(source="study.study_instance_uid")
    held_by = serializers.CharField(source="reader", help_text="Your name.")
    held_until = serializers.DateTimeField(
        source="until", help_text="Then it is back on the worklist, read or not."
    )


class StudiesOutput(serializers.Serializer[Any]):
    """One page of studies, newest first."""

    studies = StudySummary(many=True)
    next = TextOrNull(help_text="Send it as `cursor` for the page after; null on the last one.")


class StudyOutput(serializers.Serializer[Any]):
    """One study with everything that was said of it."""

    study_instance_uid = serializers.CharField(source="study.study_instance_uid")
    patient_id = TextOrNull(source="study.patient_id")
    patient_name = TextOrNull(source="study.patient_name")
    patient_birth_date = serializers.DateField(source="study.patient_birth_date", allow_null=True)
    patient_sex = TextOrNull(source="study.patient_sex")
    accession_number = TextOrNull(source="study.accession_number")
    study_date = serializers.DateField(source="study.study_date", allow_null=True)
    study_description = TextOrNull(source="study.study_description")
    received_at = serializers.DateTimeField(source="study.received_at")
    report_status = serializers.ChoiceField(REPORT_STATUSES)
    predictions = PredictionOutput(many=True)
    reviews = ReviewOutput(many=True)
    instances = InstanceOutput(many=True)


class ResultsOutput(serializers.Serializer[Any]):
    """What stands: the person's review, if any, and what the machine said of each image."""

    study_instance_uid = serializers.CharField()
    report_status = serializers.ChoiceField(REPORT_STATUSES)
    review = ReviewOutput(allow_null=True)
    predictions = PredictionOutput(many=True)


class EntryOutput(serializers.Serializer[Any]):
    """One thing that happened to a study."""

    at = serializers.DateTimeField()
    event = serializers.CharField(help_text="As in the audit trail, such as `review.signed`.")
    by = TextOrNull(help_text="A username; null: the machine.")
    subject = serializers.CharField(help_text="Id of the image, prediction or review.")
    what = TextOrNull(help_text="The outcome, code or finding it ended with.")


class HistoryOutput(serializers.Serializer[Any]):
    """What happened to a study, oldest first."""

    study_instance_uid = serializers.CharField()
    history = EntryOutput(many=True)
