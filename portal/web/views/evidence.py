"""The evidence pack of a version, as a file."""

import tempfile
from contextlib import ExitStack

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from portal.accounts.roles import May
from portal.evidence.services import export_evidence
from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.deployment_selectors import version_of
from portal.web.access import PermittedView
from portal.web.forms.watch import WatchForm


class EvidencePack(PermittedView):
    """``/models/<id>/evidence``."""

    act = May.READ_AUDIT

    def get(self, request: AuthenticatedHttpRequest, version_id: int) -> HttpResponse:  # noqa: ARG002 (Django's)
        """Go to the page about the version: the button is there."""
        return redirect("model", version_id)

    def post(self, request: AuthenticatedHttpRequest, version_id: int) -> HttpResponseBase:
        """Make the pack in a file of its own, and send it."""
        version = version_of(version_id)
        scope = WatchForm(request.POST, versions=[version]).scope(request.user.site)
        with ExitStack() as unless_sent:
            pack = unless_sent.enter_context(tempfile.TemporaryFile())
            export_evidence(scope=scope, to=pack, by=request.user)
            pack.seek(0)
            unless_sent.pop_all()  # the answer closes it
        named = f"evidence-{scope.site.slug}-{version.name}-{version.version}-{scope.last}.zip"
        return FileResponse(
            pack, as_attachment=True, filename=named, content_type="application/zip"
        )
