"""The worklist. What names a patient travels in the body of a POST, never in a URL."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import salted_hmac

from portal.accounts.roles import May
from portal.http.requests import AuthenticatedHttpRequest
from portal.reviews.lease_selectors import may_take
from portal.reviews.lease_services import take_next_study
from portal.studies.access_services import record_search
from portal.web.access import PermittedView
from portal.web.forms.worklist import FilterForm, SearchForm
from portal.web.listing import Listing, listing


class Worklist(PermittedView):
    """``/worklist``."""

    act = May.SEE_OWN_UPLOADS

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show what is there; filters may be in the URL, names may not."""
        form = FilterForm(request.GET)
        return _page(request, form, listing(request.user, form))

    def post(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Search; without words there is nothing to hide, and a link will do."""
        form = SearchForm(request.POST)
        found = listing(request.user, form)
        if form.is_valid() and not found.words:
            return redirect(f"{reverse('worklist')}?{found.query}".rstrip("?"))
        _remember_search(request, found)
        return _page(request, form, found)


class NextStudy(PermittedView):
    """``/worklist/next``. Who may take a study is the service's to say."""

    act = May.SEE_STUDIES

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:  # noqa: ARG002 (Django's)
        """Go to the worklist: nothing is taken by following a link."""
        return redirect("worklist")

    def post(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Go to the study that was taken, or say that nothing waits."""
        lease = take_next_study(by=request.user)
        if lease is None:
            messages.info(request, "Nothing waits to be read, or colleagues have it in hand.")
            return redirect("worklist")
        return redirect("study", lease.study.study_instance_uid)


class WorklistRows(PermittedView):
    """``/worklist/rows``: the table alone, for the page that keeps itself up to date."""

    act = May.SEE_OWN_UPLOADS
    is_poll = True

    def post(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Return the rows, or 204 if they are those that the page has."""
        found = listing(request.user, SearchForm(request.POST))
        if found.words and request.session.get("searched") != _fingerprint(found.words):
            _remember_search(request, found)
        if request.POST.get("seen") == found.digest:
            return HttpResponse(status=204)
        return render(request, "partials/worklist_table.html", {"listing": found})


def _page(request: AuthenticatedHttpRequest, form: FilterForm, found: Listing) -> HttpResponse:
    applied = {name: getattr(found, name) for name in ("words", "report_status", "outcome")}
    search = form if isinstance(form, SearchForm) else SearchForm(applied)
    valid = form.is_valid()
    context = {"form": search, "listing": found, "valid": valid}
    context["may_take"] = may_take(request.user)
    return render(request, "reviews/worklist.html", context, status=200 if valid else 422)


def _remember_search(request: AuthenticatedHttpRequest, found: Listing) -> None:
    """Write the search to the trail; the polls that follow it are the same search."""
    fields = ("patient_id", "accession_number", "patient_name")
    record_search(by=request.user, fields=fields, found=len(found.page.studies))
    request.session["searched"] = _fingerprint(found.words)


def _fingerprint(words: str) -> str:
    return salted_hmac("portal.web.searched", words).hexdigest()
