from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.serializers.fields import TextOrNull
from portal.predictions.models import OperatingPoint


class ShareOutput(serializers.Serializer[Any]):
    """So many of so many, with Wilson's 95 % interval; null of nothing."""

    found = serializers.IntegerField()
    of = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class SitesCutOffOutput(serializers.ModelSerializer[OperatingPoint]):
    """A cut-off of the site's own: on which signed studies it was chosen, and who signed it."""

    sensitivity = ShareOutput(read_only=True)
    specificity = ShareOutput(read_only=True)

    class Meta:
        model = OperatingPoint
        fields: tuple[str, ...] = (
            "id", "threshold", "set_name", "since", "until", "set_sha256", "n_present", "n_absent",
            "left_out", "saw_ai", "sensitivity", "specificity", "why", "proposed_name",
            "proposed_at", "decided_name", "decided_at", "note",
        )  # fmt: skip
        read_only_fields = fields


class OperatingPointOutput(SitesCutOffOutput):
    """The same with its version, where it stands, and why it holds no longer."""

    model: Any = serializers.CharField(source="model_version", read_only=True)
    model_id = serializers.IntegerField(source="model_version_id", read_only=True)
    end_reason = TextOrNull()

    class Meta(SitesCutOffOutput.Meta):
        fields = (
            *SitesCutOffOutput.Meta.fields, "model", "model_id", "state", "ended_at", "end_reason",
        )  # fmt: skip
        read_only_fields = fields


class CandidateOutput(serializers.Serializer[Any]):
    """A cut-off that may be chosen; null where none reaches what is asked."""

    why = serializers.CharField()
    threshold = serializers.FloatField(source="cut_off.threshold", default=None, allow_null=True)
    sensitivity = ShareOutput(source="cut_off.sensitivity", default=None, allow_null=True)
    specificity = ShareOutput(source="cut_off.specificity", default=None, allow_null=True)


class SignedSetOutput(serializers.Serializer[Any]):
    """Signed studies of some days, and what each cut-off would have said on them."""

    model = serializers.CharField(source="version")
    model_id = serializers.IntegerField(source="version.pk")
    since = serializers.DateField()
    until = serializers.DateField()
    set_sha256 = serializers.CharField(
        source="found.sha256", help_text="Send it with the proposal: only what was seen is signed."
    )
    n_present = serializers.SerializerMethodField()
    n_absent = serializers.SerializerMethodField()
    left_out = serializers.IntegerField(source="found.left_out", help_text="Indeterminate.")
    saw_ai = serializers.IntegerField(
        source="found.saw_ai", help_text="How many readers had been shown an answer of the AI."
    )
    cut_offs: Any = CandidateOutput(source="rows", many=True)

    @extend_schema_field(int)
    def get_n_present(self, shown: Mapping[str, Any]) -> int:
        """Return how many show pneumonia."""
        return len(shown["found"].present)

    @extend_schema_field(int)
    def get_n_absent(self, shown: Mapping[str, Any]) -> int:
        """Return how many do not."""
        return len(shown["found"].absent)
