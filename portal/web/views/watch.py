"""The model in use: its figures, as a page and as CSV, and what is done about alerts."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from portal.accounts.roles import May
from portal.errors import PortalError
from portal.http.refusals import status_of
from portal.http.requests import AuthenticatedHttpRequest
from portal.watch.alert_selectors import alert_of
from portal.watch.services import acknowledge_alert
from portal.watch.tables import csv_of
from portal.watch.view_selectors import versions_used, watched
from portal.web.access import PermittedView
from portal.web.forms.watch import WatchForm
from portal.web.watch_page import Unsaid, show_watch


class Watch(PermittedView):
    """``/watch``."""

    act = May.WATCH_MODEL

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show the figures of what was asked for."""
        return show_watch(request)


class WatchTable(PermittedView):
    """``/watch/<panel>.csv``."""

    act = May.WATCH_MODEL

    def get(self, request: AuthenticatedHttpRequest, panel: str) -> HttpResponse:
        """Return one table as a file."""
        versions = versions_used(request.user.site)
        form = WatchForm(request.GET, versions=versions)
        if not versions or not form.is_valid():
            raise Http404("There is no such table.")
        scope = form.scope(request.user.site)
        found = next((one for one in watched(scope).panels if one.slug == panel), None)
        if found is None:
            raise Http404("There is no such table.")
        named = f"{panel}-{scope.first}-to-{scope.last}.csv"
        return HttpResponse(
            csv_of(found),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{named}"'},
        )


class AnswerAlert(PermittedView):
    """``/watch/alerts/<id>/acknowledge``."""

    act = May.WATCH_MODEL

    def get(self, request: AuthenticatedHttpRequest, alert_id: int) -> HttpResponse:
        """Go to the watch: after a refusal this is the address in the browser."""
        alert_of(request.user, alert_id)
        return redirect("watch")

    def post(self, request: AuthenticatedHttpRequest, alert_id: int) -> HttpResponse:
        """Say what was done, or show the page again with what was typed."""
        alert = alert_of(request.user, alert_id)
        act, words = request.POST.get("act", ""), request.POST.get("words", "")
        try:
            acknowledge_alert(alert=alert, act=act, words=words, by=request.user)
        except PortalError as refusal:
            unsaid = Unsaid(alert.pk, str(refusal), act, words)
            return show_watch(request, unsaid=unsaid, status=status_of(refusal))
        messages.success(request, "What was done is noted, with your name.")
        return redirect("watch")
