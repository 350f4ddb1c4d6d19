from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api import examples
from portal.api.documented import NOTHING, operation
from portal.api.forms import NoQuery, NothingForm, body, query
from portal.api.permissions import MayOperate, MaySee
from portal.api.serializers.predictions import PredictionOutput
from portal.http.pictures import map_answer
from portal.http.requests import AuthenticatedRequest
from portal.predictions.models import Prediction
from portal.predictions.operator_services import (
    acknowledge_failure,
    cancel_prediction,
    retry_prediction,
)
from portal.predictions.selectors import prediction_of

REFUSALS = (400, 404, 409, 413, 415, 422)


class ReadPrediction(APIView):
    """``GET predictions/{id}``: to be polled until the state is done, failed or cancelled."""

    permission_classes = (MaySee,)

    @operation(
        "read_prediction",
        "What the machine says of one image, or where it is in the queue",
        answers={200: PredictionOutput},
        refusals=(400, 404),
        example=examples.PREDICTION,
    )
    def get(self, request: AuthenticatedRequest, prediction_id: UUID) -> Response:
        """Return the prediction."""
        query(NoQuery, request.query_params)
        prediction = prediction_of(request.user, prediction_id)
        return Response(PredictionOutput(prediction).data)


class ReadMap(APIView):
    """``GET predictions/{id}/map``: a PNG, like the plots of a report."""

    permission_classes = (MaySee,)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002 (REST framework's)
        """Take whatever is accepted: a map is a PNG, a refusal JSON."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(exclude=True)
    def get(self, request: AuthenticatedRequest, prediction_id: UUID) -> HttpResponse:
        """Return the PNG."""
        query(NoQuery, request.query_params)
        return map_answer(request, prediction_of(request.user, prediction_id))


class RetryPrediction(APIView):
    """``POST predictions/{id}/retry``."""

    permission_classes = (MayOperate,)

    @operation(
        "retry_prediction",
        "Try a failed prediction again: a new one, by the version that is live now",
        request=NOTHING,
        answers={201: PredictionOutput},
        refusals=REFUSALS,
        example=examples.WAITING,
        sent={},
    )
    def post(self, request: AuthenticatedRequest, prediction_id: UUID) -> Response:
        """Return the new prediction."""
        prediction = _asked_for(request, prediction_id)
        again = retry_prediction(prediction=prediction, by=request.user)
        return _told(request, again.pk, status=201)


class CancelPrediction(APIView):
    """``POST predictions/{id}/cancel``."""

    permission_classes = (MayOperate,)

    @operation(
        "cancel_prediction",
        "Take a waiting prediction out of the queue; the study is read without AI",
        request=NOTHING,
        answers={200: PredictionOutput},
        refusals=REFUSALS,
        example=examples.CANCELLED,
        sent={},
    )
    def post(self, request: AuthenticatedRequest, prediction_id: UUID) -> Response:
        """Return the prediction, cancelled."""
        prediction = _asked_for(request, prediction_id)
        cancel_prediction(prediction=prediction, by=request.user)
        return _told(request, prediction.pk)


class AcknowledgeFailure(APIView):
    """``POST predictions/{id}/acknowledge``."""

    permission_classes = (MayOperate,)

    @operation(
        "acknowledge_failure",
        "Take note of a failed prediction, so that it leaves the list of failed work",
        request=NOTHING,
        answers={200: PredictionOutput},
        refusals=REFUSALS,
        example=examples.FAILED,
        sent={},
    )
    def post(self, request: AuthenticatedRequest, prediction_id: UUID) -> Response:
        """Return the prediction, failed as before."""
        prediction = _asked_for(request, prediction_id)
        acknowledge_failure(prediction=prediction, by=request.user)
        return _told(request, prediction.pk)


def _asked_for(request: AuthenticatedRequest, prediction_id: UUID) -> Prediction:
    query(NoQuery, request.query_params)
    body(NothingForm, request.data)
    return prediction_of(request.user, prediction_id)


def _told(request: AuthenticatedRequest, prediction_id: UUID, *, status: int = 200) -> Response:
    prediction = prediction_of(request.user, prediction_id)
    return Response(PredictionOutput(prediction).data, status=status)
