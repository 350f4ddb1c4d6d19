from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api import examples
from portal.api.documented import STUDY_UID, operation
from portal.api.forms import NoQuery, query
from portal.api.permissions import MayTake
from portal.api.serializers.studies import LeaseOutput
from portal.http.requests import AuthenticatedRequest
from portal.reviews.lease_services import release_study, take_next_study
from portal.studies.selectors import study_of


class TakeNextStudy(APIView):
    """``POST worklist/next``."""

    permission_classes = (MayTake,)

    @operation(
        "take_next_study",
        "Take the unread study that is due first; it is yours for 15 minutes",
        answers={200: LeaseOutput, 204: None},
        refusals=(400,),
        example=examples.LEASE,
    )
    def post(self, request: AuthenticatedRequest) -> Response:
        """Return what was taken, or nothing if nothing waits. What you had before is put back."""
        query(NoQuery, request.query_params)
        lease = take_next_study(by=request.user)
        return Response(LeaseOutput(lease).data) if lease else Response(status=204)


class ReleaseStudy(APIView):
    """``POST worklist/{StudyInstanceUID}/release``."""

    permission_classes = (MayTake,)

    @operation(
        "release_study",
        "Put a study back on the worklist",
        parameters=(STUDY_UID,),
        answers={204: None},
        refusals=(400, 404, 409),
    )
    def post(self, request: AuthenticatedRequest, study_instance_uid: str) -> Response:
        """Return nothing."""
        query(NoQuery, request.query_params)
        release_study(study=study_of(request.user, study_instance_uid), by=request.user)
        return Response(status=204)
