"""The audit trail, for auditors. Reading it is in it."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render

from portal.accounts.roles import May
from portal.audit.selectors import Verification, events_of, verify_chain
from portal.audit.services import Action, record_alone
from portal.http.requests import AuthenticatedHttpRequest
from portal.web.access import PermittedView
from portal.web.forms.audit import AuditFilterForm

PAGE_LENGTH = 50  # events


class AuditTrail(PermittedView):
    """``/audit``."""

    act = May.READ_AUDIT

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show the events, newest first."""
        return _page(request)


class VerifyAudit(PermittedView):
    """``/audit/verify``."""

    act = May.READ_AUDIT

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:  # noqa: ARG002 (Django's)
        """Go to the trail: after checking this is the address in the browser."""
        return redirect("audit")

    def post(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Check the chain from its first event to its head, and say what was found."""
        form = AuditFilterForm(request.POST, site_slug=request.user.site.slug)
        found = verify_chain(form.wanted_chain)
        record_alone(
            Action.AUDIT_VERIFIED,
            chain=request.user.site.slug,
            subject=f"audit:{found.chain}",
            by=request.user,
            events=found.events,
            intact=found.intact,
        )
        return _page(request, found)


def _page(request: AuthenticatedHttpRequest, found: Verification | None = None) -> HttpResponse:
    form = AuditFilterForm(request.POST if found else request.GET, site_slug=request.user.site.slug)
    chain = form.wanted_chain
    record_alone(
        Action.AUDIT_READ,
        chain=request.user.site.slug,
        subject=f"audit:{chain}",
        by=request.user,
        filters=form.applied(),
    )
    page = Paginator(form.narrow(events_of(chain)), PAGE_LENGTH).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {"form": form, "page": page, "verification": found, "query": query.urlencode()}
    return render(request, "audit/events.html", context, status=200 if form.is_valid() else 422)
