from typing import Any

from rest_framework import serializers

from portal.api.serializers.fields import TextOrNull
from portal.reviews.change_selectors import KINDS


class ChangeOutput(serializers.Serializer[Any]):
    """One thing that changed. It names nobody: read the study for that."""

    kind = serializers.ChoiceField([kind.value for kind in KINDS])
    at = serializers.DateTimeField()
    study_instance_uid = serializers.CharField()
    sop_instance_uid = TextOrNull()
    prediction = serializers.UUIDField(allow_null=True)
    review = serializers.IntegerField(allow_null=True)


class ChangesOutput(serializers.Serializer[Any]):
    """One page of changes, oldest first."""

    changes = ChangeOutput(many=True)
    cursor = serializers.CharField(help_text="Send it the next time, after an empty page too.")
    more = serializers.BooleanField(help_text="Whether there is more to be asked for at once.")
