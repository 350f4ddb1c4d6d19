"""What may be sent. Shape only: the rules are the services'."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.problems import MalformedRequest, UnknownField
from portal.audit.models import AuditEvent
from portal.predictions.challenger_services import MOST_DAYS
from portal.predictions.deployment_models import LARGEST_SHARE
from portal.predictions.models import Prediction
from portal.reviews.models import Presence
from portal.reviews.reasons import Reason
from portal.reviews.selectors import REPORT_STATUSES
from portal.reviews.signed_selectors import usual_days

Form = serializers.Serializer[Any]
PAGE, MOST = 50, 200  # rows


class Text(serializers.CharField):
    """A JSON string; a number is not text."""

    def to_internal_value(self, data: Any) -> str:
        """Return the string."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class WholeNumber(serializers.IntegerField):
    """A JSON number without a fraction; a string of digits is not one."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number."""
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class Number(serializers.FloatField):
    """A JSON number; a string of digits is not one."""

    def to_internal_value(self, data: Any) -> float:
        """Return the number."""
        if type(data) not in {int, float}:
            self.fail("invalid")
        return super().to_internal_value(data)


class DescribedForm(serializers.Serializer[Any]):
    """What the uploader says of one PNG or JPEG; a DICOM file says it itself."""

    patient_id = Text(max_length=64, required=False, allow_blank=True)
    patient_name = Text(max_length=324, required=False, allow_blank=True)
    age = Text(max_length=16, required=False, allow_blank=True)
    sex = Text(max_length=16, required=False, allow_blank=True)
    view = Text(max_length=16, required=False, allow_blank=True)
    group = Text(max_length=64, required=False, allow_blank=True)


class UploadForm(serializers.Serializer[Any]):
    """The fields beside the files."""

    metadata = serializers.CharField(required=False, trim_whitespace=False)
    priority = serializers.IntegerField(required=False, min_value=0, max_value=9)


@extend_schema_field({"type": "string", "enum": [*Presence.values]})
class PresenceText(Text):
    """What a person says of pneumonia; the service refuses other words."""


@extend_schema_field({"type": "string", "enum": ["", *Reason.values], "nullable": True})
class ReasonText(Text):
    """Why a person disagrees; the service refuses other codes and those that do not fit."""


class ReviewForm(serializers.Serializer[Any]):
    """One finding and the signature under it."""

    finding = PresenceText(max_length=32)
    reason_code = ReasonText(max_length=32, default="", allow_blank=True, allow_null=True)
    comment = Text(max_length=4000, default="", allow_blank=True, allow_null=True)
    confidence = WholeNumber(
        default=None, allow_null=True, min_value=1, max_value=5, help_text="1 guess, 5 certain."
    )
    password = Text(max_length=4096, trim_whitespace=False, write_only=True)


class AmendForm(ReviewForm):
    """A finding that takes the place of one's own, and why."""

    amend_reason = Text(max_length=4000, allow_blank=True)


class SearchForm(serializers.Serializer[Any]):
    """Whom to look for. In the body, so that no log of addresses knows a patient."""

    patient_id = Text(max_length=64, required=False, help_text="The whole id.")
    patient_name = Text(max_length=324, required=False, help_text="A part of the name.")
    accession_number = Text(max_length=16, required=False, help_text="The whole number.")


class WhyForm(serializers.Serializer[Any]):
    """Why it should be so."""

    why = Text(max_length=2000, allow_blank=True)


class ProposeForm(WhyForm):
    """Why it should be so, and for how many of the studies."""

    share = WholeNumber(
        default=None,
        allow_null=True,
        min_value=1,
        max_value=LARGEST_SHARE,
        help_text="Percent of the studies, beside the live version; null: live for all.",
    )


class ShadowForm(WhyForm):
    """Why it should be tried, and on what."""

    days = WholeNumber(
        default=0,
        min_value=0,
        max_value=MOST_DAYS,
        help_text="It also reads what was asked for in so many days before.",
    )


class ReasonForm(serializers.Serializer[Any]):
    """Why it has to be so."""

    reason = Text(max_length=2000, allow_blank=True)


class NoteForm(serializers.Serializer[Any]):
    """What there is to say; nothing will do."""

    note = Text(max_length=2000, default="", allow_blank=True, allow_null=True)


class SignedNoteForm(NoteForm):
    """The same, and the password: it is a signature."""

    password = Text(max_length=4096, trim_whitespace=False, write_only=True)


class CutOffForm(serializers.Serializer[Any]):
    """A cut-off, the signed studies that it was chosen on, and the signature."""

    threshold = Number(help_text="Between 0 and 1, at most 4 decimals.")
    set_name = Text(max_length=120, allow_blank=True, help_text="Names no patient.")
    since = serializers.DateField(help_text="First day of signing, in UTC.")
    until = serializers.DateField(help_text="Last day of signing, included.")
    set_sha256 = Text(max_length=64, default="", allow_blank=True, allow_null=True)
    why = Text(max_length=2000, allow_blank=True)
    password = Text(max_length=4096, trim_whitespace=False, write_only=True)


class DaysQuery(serializers.Serializer[Any]):
    """Which days of signing."""

    since = serializers.DateField(
        default=None, help_text="In UTC, as 2026-01-31; without it 365 days before the last."
    )
    until = serializers.DateField(default=None, help_text="Included; without it today.")


class NothingForm(serializers.Serializer[Any]):
    """Nothing: the address says it all. An empty object, or no body."""


class PageQuery(serializers.Serializer[Any]):
    """Where to go on."""

    limit = serializers.IntegerField(default=PAGE, min_value=1, max_value=MOST)
    cursor = serializers.CharField(
        required=False, max_length=40, help_text="`next` of the page before."
    )


class StudiesQuery(PageQuery):
    """Which studies."""

    report_status = serializers.ChoiceField(choices=REPORT_STATUSES, required=False)
    outcome = serializers.ChoiceField(choices=Prediction.Outcome.choices, required=False)
    state = serializers.ChoiceField(choices=Prediction.State.choices, required=False)
    modality = serializers.CharField(
        max_length=16, required=False, help_text="Of the first image, such as `DX`."
    )
    received_after = serializers.DateTimeField(
        required=False, help_text="ISO 8601; without an offset UTC is meant."
    )
    received_before = serializers.DateTimeField(required=False)


class ChangesQuery(serializers.Serializer[Any]):
    """Since when."""

    limit = serializers.IntegerField(default=PAGE, min_value=1, max_value=1000)
    cursor = serializers.CharField(
        required=False, max_length=18, help_text="`cursor` of the answer before; none: all."
    )


class EventsQuery(PageQuery):
    """Which events of the trail."""

    action = serializers.ChoiceField(choices=AuditEvent.Action.choices, required=False)
    actor = serializers.CharField(max_length=150, required=False, help_text="A username.")
    subject = serializers.CharField(
        max_length=160, required=False, help_text="Such as `study:1.2.3`."
    )


class NoQuery(serializers.Serializer[Any]):
    """Nothing."""


def days_of(asked: Mapping[str, Any]) -> tuple[date, date]:
    """Return the days of a `DaysQuery`: the usual ones where it leaves them open."""
    since, until = usual_days(asked["until"])
    return asked["since"] or since, until


def body(form: type[Form], data: Any) -> dict[str, Any]:
    """Return what was sent, checked.

    Raises
    ------
    UnknownField
        A key that the form does not have.
    ValidationError
    """
    if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(form().fields))):
        raise UnknownField(f"Unknown field {unknown[0][:60]!a}; {_known(form)}.")
    given = form(data=data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def query(form: type[Form], params: QueryDict) -> dict[str, Any]:
    """Return the parameters of the address, checked.

    Raises
    ------
    MalformedRequest
        One is unknown, given twice or not what it should be.
    """
    fields = set(form().fields)
    for name, values in params.lists():
        if name not in fields:
            raise MalformedRequest(f"Unknown parameter {name[:60]!a}; {_known(form)}.")
        if len(values) > 1:
            raise MalformedRequest(f"The parameter {name} is given twice.")
    given = form(data=params.dict())
    if not given.is_valid():
        name, messages = next(iter(given.errors.items()))
        raise MalformedRequest(f"The parameter {name}: {messages[0]}")
    return dict(given.validated_data)


def _known(form: type[Form]) -> str:
    return f"known are {', '.join(form().fields) or 'none'}"
