"""The audit trail, for auditors. Reading it is in it. A patient is named in a body, never a URL."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render

from portal.accounts.roles import May
from portal.audit.selectors import Verification, events_of, lookers_in, verify_chain
from portal.audit.services import Action, record_alone
from portal.http.requests import AuthenticatedHttpRequest
from portal.web.access import PermittedView
from portal.web.forms.audit import AuditFilterForm, PatientForm

PAGE_LENGTH = 50  # events


class AuditTrail(PermittedView):
    """``/audit``."""

    act = May.READ_AUDIT

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show the events, newest first."""
        return _page(request, AuditFilterForm(request.GET, site_slug=request.user.site.slug))

    def post(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show what was done with the studies of one patient, and who saw them."""
        form = PatientForm(request.POST, site=request.user.site)
        events = form.narrow(events_of(request.user.site.slug))
        _note(request, form.wanted_chain, form.applied())
        context = {
            "form": AuditFilterForm({}, site_slug=request.user.site.slug),
            "patient": form,
            "page": Paginator(events, PAGE_LENGTH).get_page(request.POST.get("page")),
            "lookers": lookers_in(events),
        }
        return render(request, "audit/events.html", context, status=200 if form.is_valid() else 422)


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
        return _page(request, form, found)


def _page(
    request: AuthenticatedHttpRequest, form: AuditFilterForm, found: Verification | None = None
) -> HttpResponse:
    _note(request, form.wanted_chain, form.applied())
    events = form.narrow(events_of(form.wanted_chain))
    page = Paginator(events, PAGE_LENGTH).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "form": form,
        "patient": PatientForm(site=request.user.site),
        "page": page,
        "verification": found,
        "query": query.urlencode(),
    }
    return render(request, "audit/events.html", context, status=200 if form.is_valid() else 422)


def _note(request: AuthenticatedHttpRequest, chain: str, filters: list[str]) -> None:
    record_alone(
        Action.AUDIT_READ,
        chain=request.user.site.slug,
        subject=f"audit:{chain}",
        by=request.user,
        filters=filters,
    )
