"""Upload: a plain multipart form. The script of the page sends the same form file by file."""

from collections import Counter
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from portal.accounts.roles import May
from portal.http.requests import AuthenticatedHttpRequest
from portal.http.uploads import received_files
from portal.intake import accept_uploads
from portal.web.access import PermittedView
from portal.web.forms.upload import DescribedForm


class Upload(PermittedView):
    """``/upload``."""

    act = May.UPLOAD

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show the form."""
        return _page(request, DescribedForm())

    def post(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Take the files and show a verdict for each; a script gets the verdicts alone."""
        form = DescribedForm(request.POST)
        files = received_files(request.FILES)
        if not files or not form.is_valid():
            return _page(request, form, status=422, no_files=not files)
        described = form.described(files)
        verdicts = accept_uploads(files=files, described=described, by=request.user)
        if request.htmx:
            return render(request, "partials/verdicts.html", {"verdicts": verdicts})
        counts = Counter(verdict.status for verdict in verdicts)
        accepted = counts["accepted"] + counts["duplicate"]
        status = 200 if accepted else 422
        return _page(
            request, DescribedForm(), status, verdicts=verdicts, accepted=accepted,
            refused=counts["refused"],
        )  # fmt: skip


def _page(
    request: AuthenticatedHttpRequest, form: DescribedForm, status: int = 200, **context: Any
) -> HttpResponse:
    context |= {"described": form, "limit": settings.OVERREAD_MAX_UPLOAD_BYTES}
    return render(request, "studies/upload.html", context, status=status)
