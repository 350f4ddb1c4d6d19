"""One act on one row that two persons sign: a widening, or a cut-off of the site's own."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from portal.accounts.models import User
from portal.errors import PortalError
from portal.http.refusals import status_of
from portal.http.requests import AuthenticatedHttpRequest
from portal.web.access import PermittedToAny
from portal.web.models_page import Refused, show_models


class ActOnDecision(PermittedToAny):
    """A form of the models page, with words and perhaps a password."""

    name: ClassVar[str]
    done: ClassVar[str]

    def get(self, request: AuthenticatedHttpRequest, row_id: int) -> HttpResponse:
        """Go to the models, if there is such a row at the site."""
        self.find(request.user, row_id)
        return redirect("models")

    def post(self, request: AuthenticatedHttpRequest, row_id: int) -> HttpResponse:
        """Do it, or show the page again with what was typed but the password."""
        row, words = self.find(request.user, row_id), request.POST.get("reason", "")
        try:
            self.do(row, words, request)
        except PortalError as refusal:
            refused = Refused(self.name, row.pk, str(refusal), words)
            return show_models(request, refused=refused, status=status_of(refusal))
        messages.success(request, self.done)
        return redirect("models")

    def find(self, user: User, row_id: int) -> Any:
        """Return the row of the person's site."""
        raise NotImplementedError

    def do(self, row: Any, words: str, request: AuthenticatedHttpRequest) -> None:
        """Call the service."""
        raise NotImplementedError
