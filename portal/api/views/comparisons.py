from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api import comparison_examples as examples
from portal.api.documented import operation
from portal.api.forms import DaysQuery, days_of, query
from portal.api.permissions import MayWatch
from portal.api.serializers.comparisons import ComparisonOutput
from portal.http.requests import AuthenticatedRequest
from portal.predictions.deployment_selectors import version_of
from portal.watch.comparison_selectors import NothingToCompare, comparison_for


class CompareModel(APIView):
    """``GET models/{id}/comparison``: figures for whoever watches, studies for some of them."""

    permission_classes = (MayWatch,)

    @operation(
        "compare_model",
        "A version beside what is live at your site, on the studies signed in some days",
        query=DaysQuery,
        answers={200: ComparisonOutput},
        refusals=(400, 404),
        example=examples.COMPARISON,
    )
    def get(self, request: AuthenticatedRequest, model_id: int) -> Response:
        """Return both, and by how much they differ."""
        days = days_of(query(DaysQuery, request.query_params))
        version = version_of(model_id)
        found = comparison_for(request.user, version, days)
        if found is None:
            raise NothingToCompare(f"There is nothing live here to compare {version} with.")
        return Response(ComparisonOutput(found).data)
