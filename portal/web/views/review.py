"""Signing. A refusal is shown beside the form, with everything that was typed but the password."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from portal.accounts.roles import May
from portal.errors import PortalError
from portal.http.refusals import as_refused
from portal.http.requests import AuthenticatedHttpRequest
from portal.reviews.models import Review
from portal.reviews.selectors import review_of
from portal.reviews.services import amend_review, sign_review
from portal.studies.models import Study
from portal.studies.selectors import study_of
from portal.web.access import PermittedView
from portal.web.forms.review import AmendForm, ReviewForm
from portal.web.study_page import show_study


class SignReview(PermittedView):
    """``/studies/<StudyInstanceUID>/review``. Who may sign is the service's to say."""

    act = May.SEE_OWN_UPLOADS

    def get(self, request: AuthenticatedHttpRequest, study_instance_uid: str) -> HttpResponse:
        """Go to the study: after a refusal this is the address in the browser."""
        return redirect("study", study_of(request.user, study_instance_uid).study_instance_uid)

    def post(self, request: AuthenticatedHttpRequest, study_instance_uid: str) -> HttpResponse:
        """Sign the first review."""
        study, form = study_of(request.user, study_instance_uid), ReviewForm(request.POST)

        def sign() -> Review:
            password = form.cleaned_data["password"]
            return sign_review(study=study, read=form.read(), password=password, by=request.user)

        return _answer(request, study, form, sign)


class AmendReview(PermittedView):
    """``/reviews/<id>/amend``."""

    act = May.SEE_OWN_UPLOADS

    def get(self, request: AuthenticatedHttpRequest, review_id: int) -> HttpResponse:
        """Go to the study."""
        return redirect("study", review_of(request.user, review_id).study.study_instance_uid)

    def post(self, request: AuthenticatedHttpRequest, review_id: int) -> HttpResponse:
        """Sign a review that supersedes one's own."""
        review, form = review_of(request.user, review_id), AmendForm(request.POST)

        def sign() -> Review:
            data = form.cleaned_data
            return amend_review(
                review=review,
                read=form.read(),
                amend_reason=data["amend_reason"],
                password=data["password"],
                by=request.user,
            )

        return _answer(request, review.study, form, sign)


def _answer(
    request: AuthenticatedHttpRequest, study: Study, form: ReviewForm, sign: Callable[[], Review]
) -> HttpResponse:
    """Return to the study once it is signed; else show it again with what was typed."""
    if not form.is_valid():
        return show_study(request, study, sent=form, status=422)
    try:
        review = sign()
    except PortalError as refusal:
        form.refuse(refusal)
        return as_refused(show_study(request, study, sent=form), refusal)
    messages.success(request, f"Signed as {review.reviewer_name}.")
    return redirect("study", study.study_instance_uid)
