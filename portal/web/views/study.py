"""One study: its images, what the machine said, what people signed."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from portal.accounts.roles import May
from portal.http.requests import AuthenticatedHttpRequest
from portal.reviews.lease_services import HeldByAnother, release_study
from portal.studies.access_services import open_study
from portal.studies.selectors import study_of
from portal.web.access import PermittedView
from portal.web.study_page import answer_of, show_study, stage_of


class StudyPage(PermittedView):
    """``/studies/<StudyInstanceUID>``."""

    act = May.SEE_OWN_UPLOADS

    def get(self, request: AuthenticatedHttpRequest, study_instance_uid: str) -> HttpResponse:
        """Show the study; the trail says who looked. A script asks for the picture alone."""
        study = open_study(study_instance_uid=study_instance_uid, by=request.user)
        if request.htmx:
            return render(request, "partials/stage.html", stage_of(request, study))
        return show_study(request, study)


class ReleaseStudy(PermittedView):
    """``/studies/<StudyInstanceUID>/release``. Who may put it back is the service's to say."""

    act = May.SEE_STUDIES

    def get(self, request: AuthenticatedHttpRequest, study_instance_uid: str) -> HttpResponse:
        """Go to the study."""
        return redirect("study", study_of(request.user, study_instance_uid).study_instance_uid)

    def post(self, request: AuthenticatedHttpRequest, study_instance_uid: str) -> HttpResponse:
        """Put the study back on the worklist, and go there."""
        study = study_of(request.user, study_instance_uid)
        try:
            release_study(study=study, by=request.user)
        except HeldByAnother as refusal:
            messages.error(request, str(refusal))
            return redirect("study", study.study_instance_uid)
        messages.success(request, "The study is back on the worklist.")
        return redirect("worklist")


class StudyAnswer(PermittedView):
    """``/studies/<StudyInstanceUID>/answer``: what the machine said, for the page that waits."""

    act = May.SEE_OWN_UPLOADS
    is_poll = True

    def get(self, request: AuthenticatedHttpRequest, study_instance_uid: str) -> HttpResponse:
        """Return the partial; once it is final it no longer asks to be replaced."""
        study = study_of(request.user, study_instance_uid)
        return render(request, "partials/answer.html", answer_of(request, study))
