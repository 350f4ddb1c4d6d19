from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api import examples
from portal.api.documented import operation
from portal.api.forms import EventsQuery, NoQuery, query
from portal.api.paging import page_of_events
from portal.api.permissions import MayReadAudit
from portal.api.serializers.trail import EventsOutput, VerificationOutput
from portal.audit.selectors import events_of, verify_chain
from portal.audit.services import Action, record_alone
from portal.http.requests import AuthenticatedRequest


class ListEvents(APIView):
    """``GET audit/events``. Reading the trail is in the trail."""

    permission_classes = (MayReadAudit,)

    @operation(
        "list_audit_events",
        "The audit trail of your site, newest first",
        query=EventsQuery,
        answers={200: EventsOutput},
        refusals=(400,),
        example=examples.EVENTS,
    )
    def get(self, request: AuthenticatedRequest) -> Response:
        """Return one page."""
        asked = query(EventsQuery, request.query_params)
        limit, cursor = asked.pop("limit"), asked.pop("cursor", None)
        chain = request.user.site.slug
        events, following = page_of_events(
            events_of(chain).filter(**asked), limit=limit, cursor=cursor
        )
        record_alone(
            Action.AUDIT_READ, chain=chain, subject="audit", by=request.user, filters=asked
        )
        return Response(EventsOutput({"chain": chain, "events": events, "next": following}).data)


class VerifyTrail(APIView):
    """``GET audit/verify``."""

    permission_classes = (MayReadAudit,)

    @operation(
        "verify_audit",
        "Whether the trail of your site is what was once written",
        answers={200: VerificationOutput},
        refusals=(400,),
        example=examples.VERIFIED,
    )
    def get(self, request: AuthenticatedRequest) -> Response:
        """Return what checking the whole chain found."""
        query(NoQuery, request.query_params)
        chain = request.user.site.slug
        found = verify_chain(chain)
        record_alone(
            Action.AUDIT_VERIFIED,
            chain=chain,
            subject="audit",
            by=request.user,
            intact=found.intact,
        )
        return Response(VerificationOutput(found).data)
