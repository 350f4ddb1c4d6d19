from uuid import UUID

from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api import examples
from portal.api.documented import operation
from portal.api.forms import NoQuery, query
from portal.api.permissions import MaySee
from portal.api.serializers.predictions import PredictionOutput
from portal.http.requests import AuthenticatedRequest
from portal.predictions.selectors import prediction_of


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
