from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api import examples
from portal.api.documented import operation
from portal.api.forms import NoQuery, query
from portal.api.serializers.registry import ModelsOutput
from portal.http.requests import AuthenticatedRequest
from portal.predictions.selectors import versions_at


class ListModels(APIView):
    """``GET models``: whoever is signed in may know what the machine is."""

    permission_classes = (IsAuthenticated,)

    @operation(
        "list_models",
        "The registered model versions, and where yours stands",
        answers={200: ModelsOutput},
        refusals=(400,),
        example=examples.MODELS,
    )
    def get(self, request: AuthenticatedRequest) -> Response:
        """Return every version, newest first."""
        query(NoQuery, request.query_params)
        return Response(ModelsOutput({"models": versions_at(request.user.site)}).data)
