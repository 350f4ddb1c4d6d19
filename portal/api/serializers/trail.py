from typing import Any

from rest_framework import serializers

from portal.api.serializers.fields import TextOrNull
from portal.audit.models import AuditEvent


class EventOutput(serializers.ModelSerializer[AuditEvent]):
    """One event, as it was hashed."""

    actor = TextOrNull(help_text="A username; null: the system.")
    detail = serializers.DictField(read_only=True)

    class Meta:
        model = AuditEvent
        fields = (
            "seq", "at", "actor", "action", "subject", "outcome", "detail",
            "previous_digest", "digest",
        )  # fmt: skip
        read_only_fields = fields


class EventsOutput(serializers.Serializer[Any]):
    """One page of the trail of a site, newest first."""

    chain = serializers.CharField()
    events = EventOutput(many=True)
    next = TextOrNull(help_text="Send it as `cursor` for the page after; null on the last one.")


class VerificationOutput(serializers.Serializer[Any]):
    """Whether the trail of a site is what was once written."""

    chain = serializers.CharField()
    intact = serializers.BooleanField()
    events = serializers.IntegerField(help_text="How many were checked and found good.")
    seq = serializers.IntegerField(allow_null=True, help_text="The first bad event.")
    problem = TextOrNull()
