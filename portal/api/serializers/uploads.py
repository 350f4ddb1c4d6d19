from typing import Any

from rest_framework import serializers

from portal.api.serializers.fields import TextOrNull


class VerdictOutput(serializers.Serializer[Any]):
    """What became of one file."""

    filename = serializers.CharField()
    status = serializers.ChoiceField(("accepted", "duplicate", "refused"))
    study_instance_uid = TextOrNull()
    sop_instance_uid = TextOrNull()
    prediction = serializers.UUIDField(allow_null=True)
    code = TextOrNull(help_text="Stable: why it was refused, or why it will not be read.")
    tag = TextOrNull(help_text="The DICOM element that the code is about.")
    found = TextOrNull(help_text="Its value as it was sent.")
    detail = TextOrNull()
    remedy = TextOrNull()


class UploadsOutput(serializers.Serializer[Any]):
    """A verdict for each file, in the order they were sent."""

    uploads = VerdictOutput(many=True)
