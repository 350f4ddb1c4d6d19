from typing import Any

from rest_framework import serializers

from portal.api.serializers.uploads import VerdictOutput


class ProblemOutput(serializers.Serializer[Any]):
    """RFC 9457. ``code`` is stable; ``title`` is for people."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    invalid = serializers.DictField(required=False, help_text="Messages by field.")


class UploadsProblemOutput(ProblemOutput):
    """Every file of an upload was refused, or the request itself."""

    uploads = VerdictOutput(many=True, required=False)
