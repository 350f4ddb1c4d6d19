from typing import Any

from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api import operating_point_examples as examples
from portal.api.documented import operation
from portal.api.forms import (
    CutOffForm,
    DaysQuery,
    NoQuery,
    ReasonForm,
    SignedNoteForm,
    body,
    days_of,
    query,
)
from portal.api.permissions import MayCosign, MayLookAtCutOffs, MayTakeBack
from portal.api.serializers.operating_points import OperatingPointOutput, SignedSetOutput
from portal.http.requests import AuthenticatedRequest
from portal.predictions.deployment_selectors import version_of
from portal.predictions.operating_point_selectors import point_in_force, point_of
from portal.reviews.operating_point_selectors import candidates, signed_set
from portal.reviews.operating_point_services import (
    Choice,
    approve_operating_point,
    decline_operating_point,
    propose_operating_point,
    withdraw_operating_point,
)

REFUSALS = (400, 404, 409, 412, 413, 415, 422)


class OperatingPoints(APIView):
    """``models/{id}/operating-point``: looked at by whoever decides, signed by who proposes."""

    permission_classes = (MayLookAtCutOffs,)

    @operation(
        "look_at_cut_offs",
        "What each cut-off would have said on the signed studies of some days",
        query=DaysQuery,
        answers={200: SignedSetOutput},
        refusals=(400, 404),
        example=examples.SIGNED_SET,
    )
    def get(self, request: AuthenticatedRequest, model_id: int) -> Response:
        """Return the set, and the cut-offs to choose from."""
        days = days_of(query(DaysQuery, request.query_params))
        site, version = request.user.site, version_of(model_id)
        found = signed_set(site, version, *days)
        rows = candidates(found, version, point_in_force(site, version))
        shown: dict[str, Any] = {"version": version, "found": found, "rows": list(rows)}
        shown |= dict(zip(("since", "until"), days, strict=True))
        return Response(SignedSetOutput(shown).data)

    @operation(
        "propose_operating_point",
        "Sign the proposal of a cut-off of your site's own; who signs studies decides",
        request=CutOffForm,
        answers={201: OperatingPointOutput},
        refusals=REFUSALS,
        example=examples.PROPOSED,
        sent=examples.PROPOSE,
    )
    def post(self, request: AuthenticatedRequest, model_id: int) -> Response:
        """Return the proposal that waits."""
        query(NoQuery, request.query_params)
        version, sent = version_of(model_id), body(CutOffForm, request.data)
        days, seen = (sent["since"], sent["until"]), sent["set_sha256"] or ""
        point = propose_operating_point(
            version=version,
            choice=Choice(sent["threshold"], sent["set_name"], *days, seen=seen),
            why=sent["why"],
            password=sent["password"],
            by=request.user,
        )
        return Response(OperatingPointOutput(point).data, status=201)


class ApproveOperatingPoint(APIView):
    """``POST operating-points/{id}/approve``."""

    permission_classes = (MayCosign,)

    @operation(
        "approve_operating_point",
        "Sign a proposed cut-off as a second person, who signs studies: it is in force from now on",
        request=SignedNoteForm,
        answers={200: OperatingPointOutput},
        refusals=REFUSALS,
        example=examples.APPROVED,
        sent=examples.SIGNED_NOTE,
    )
    def post(self, request: AuthenticatedRequest, point_id: int) -> Response:
        """Return what is in force."""
        query(NoQuery, request.query_params)
        point, sent = point_of(request.user, point_id), body(SignedNoteForm, request.data)
        words = {"note": sent["note"] or "", "password": sent["password"]}
        point = approve_operating_point(point=point, **words, by=request.user)
        return Response(OperatingPointOutput(point).data)


class DeclineOperatingPoint(APIView):
    """``POST operating-points/{id}/decline``."""

    permission_classes = (MayCosign,)

    @operation(
        "decline_operating_point",
        "Decline a proposed cut-off with a reason, as a second person",
        request=ReasonForm,
        answers={200: OperatingPointOutput},
        refusals=REFUSALS,
        example=examples.DECLINED,
        sent=examples.DECLINE,
    )
    def post(self, request: AuthenticatedRequest, point_id: int) -> Response:
        """Return the proposal, declined."""
        query(NoQuery, request.query_params)
        point, sent = point_of(request.user, point_id), body(ReasonForm, request.data)
        point = decline_operating_point(point=point, reason=sent["reason"], by=request.user)
        return Response(OperatingPointOutput(point).data)


class WithdrawOperatingPoint(APIView):
    """``POST operating-points/{id}/withdraw``."""

    permission_classes = (MayTakeBack,)

    @operation(
        "withdraw_operating_point",
        "Go back to the model's own cut-off, or take your own proposal back",
        request=ReasonForm,
        answers={200: OperatingPointOutput},
        refusals=REFUSALS,
        example=examples.WITHDRAWN,
        sent=examples.WITHDRAW,
    )
    def post(self, request: AuthenticatedRequest, point_id: int) -> Response:
        """Return it, withdrawn."""
        query(NoQuery, request.query_params)
        point, sent = point_of(request.user, point_id), body(ReasonForm, request.data)
        point = withdraw_operating_point(point=point, reason=sent["reason"], by=request.user)
        return Response(OperatingPointOutput(point).data)
