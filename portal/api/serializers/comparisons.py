from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.serializers.operating_points import ShareOutput
from portal.watch.comparison_selectors import Case, Comparison
from portal.watch.paired import Difference
from portal.watch.selectors import GROUPS


class SideOutput(serializers.Serializer[Any]):
    """One of the two: its cut-off at your site, and what it would have said at it."""

    model = serializers.CharField(source="version")
    model_id = serializers.IntegerField(source="version.pk")
    threshold = serializers.FloatField()
    is_own = serializers.BooleanField(help_text="Whether your site chose the cut-off.")
    auc = serializers.FloatField(allow_null=True)
    sensitivity = ShareOutput()
    specificity = ShareOutput()


class DifferenceOutput(serializers.Serializer[Any]):
    """Challenger minus live, with its 95 % interval and p; null where there is no spread."""

    value = serializers.FloatField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    p = serializers.FloatField(allow_null=True)


class DifferencesOutput(serializers.Serializer[Any]):
    """Of each figure; null of too few studies."""

    auc: Any = DifferenceOutput(allow_null=True)
    sensitivity: Any = DifferenceOutput(allow_null=True)
    specificity: Any = DifferenceOutput(allow_null=True)


class MatchedOutput(serializers.Serializer[Any]):
    """Of how many studies which of the two is right."""

    both = serializers.IntegerField()
    only_live = serializers.IntegerField(source="only_first")
    only_challenger = serializers.IntegerField(source="only_second")
    none = serializers.IntegerField()


class SharesOutput(serializers.Serializer[Any]):
    """A share of each of the two."""

    live = ShareOutput()
    challenger = ShareOutput()


class AucsOutput(serializers.Serializer[Any]):
    """The AUC of each of the two."""

    live = serializers.FloatField(allow_null=True)
    challenger = serializers.FloatField(allow_null=True)


class SubgroupOutput(serializers.Serializer[Any]):
    """The studies of one scanner, view or age band; a figure of too few of them is null."""

    group = serializers.ChoiceField(choices=list(GROUPS))
    value = serializers.CharField()
    n_present = serializers.IntegerField()
    n_absent = serializers.IntegerField()
    auc: Any = AucsOutput(allow_null=True)
    sensitivity: Any = SharesOutput(allow_null=True)
    specificity: Any = SharesOutput(allow_null=True)


class DifferingOutput(serializers.Serializer[Any]):
    """A signed study on which the findings of the two differ, and their scores."""

    study_instance_uid = serializers.CharField()
    signed_at = serializers.DateTimeField()
    finding = serializers.SerializerMethodField(help_text="What was signed.")
    live = serializers.FloatField()
    challenger = serializers.FloatField()
    challenger_is_right = serializers.BooleanField()

    @extend_schema_field(serializers.ChoiceField(choices=("present", "absent")))
    def get_finding(self, case: Case) -> str:
        """Return what was signed."""
        return "present" if case.is_present else "absent"


class ComparisonOutput(serializers.Serializer[Any]):
    """A version beside what is live, on what both have scored and somebody has signed."""

    since = serializers.DateField()
    until = serializers.DateField()
    set_sha256 = serializers.CharField()
    n_present = serializers.IntegerField()
    n_absent = serializers.IntegerField()
    left_out = serializers.IntegerField(help_text="Indeterminate.")
    saw_ai = serializers.IntegerField(
        help_text="How many readers had been shown an answer of the AI."
    )
    live = SideOutput()
    challenger = SideOutput()
    difference = serializers.SerializerMethodField()
    right_on_present = MatchedOutput(source="on_present")
    right_on_absent = MatchedOutput(source="on_absent")
    subgroups: Any = SubgroupOutput(many=True)
    studies: Any = DifferingOutput(
        source="cases",
        many=True,
        allow_null=True,
        help_text="The latest 100 on which they differ; null: they are not for you.",
    )
    more_studies = serializers.IntegerField(source="more_cases")

    @extend_schema_field(DifferencesOutput)
    def get_difference(self, found: Comparison) -> Mapping[str, Any]:
        """Return challenger minus live, of each figure."""
        named: dict[str, Difference | None] = {
            "auc": found.auc,
            "sensitivity": found.sensitivity,
            "specificity": found.specificity,
        }
        return dict(DifferencesOutput(named).data)


class RightOutput(serializers.Serializer[Any]):
    """So many right of so many."""

    found = serializers.IntegerField()
    of = serializers.IntegerField()


class KeptSideOutput(serializers.Serializer[Any]):
    """One of the two, as it was."""

    threshold = serializers.FloatField()
    auc = serializers.FloatField(allow_null=True)
    sensitivity = RightOutput()
    specificity = RightOutput()


class KeptComparisonOutput(serializers.Serializer[Any]):
    """What a comparison said at one moment; ``beside`` alone, null, where nothing was live.

    Of fewer than 10 studies of a kind it is the days and their number.
    """

    as_of = serializers.DateTimeField()
    beside = serializers.CharField(allow_null=True, help_text="The version that was live.")
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)
    set_sha256 = serializers.CharField(required=False)
    n_present = serializers.IntegerField(required=False)
    n_absent = serializers.IntegerField(required=False)
    left_out = serializers.IntegerField(required=False)
    live = KeptSideOutput(required=False)
    challenger = KeptSideOutput(required=False)
    difference = DifferencesOutput(required=False)
