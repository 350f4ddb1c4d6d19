from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api import examples
from portal.api.documented import operation
from portal.api.forms import ChangesQuery, query
from portal.api.paging import numbers_in
from portal.api.permissions import MaySee
from portal.api.serializers.changes import ChangesOutput
from portal.http.requests import AuthenticatedRequest
from portal.reviews.change_selectors import changes_since


class ListChanges(APIView):
    """``GET changes``: for whoever polls, instead of reading everything again."""

    permission_classes = (MaySee,)

    @operation(
        "list_changes",
        "What changed at your site since a cursor, in the order it happened",
        query=ChangesQuery,
        answers={200: ChangesOutput},
        refusals=(400, 409),
        example=examples.CHANGES,
    )
    def get(self, request: AuthenticatedRequest) -> Response:
        """Return one page, and the cursor to come back with."""
        asked = query(ChangesQuery, request.query_params)
        (after,) = numbers_in(r"(\d{1,18})", asked.get("cursor", "0"))
        found = changes_since(request.user, after=after, limit=asked["limit"])
        return Response(ChangesOutput(found).data)
