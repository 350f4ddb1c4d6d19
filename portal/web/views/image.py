"""The pictures of one instance: made by the airlock or the worker, as no file is opened here."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from portal.accounts.roles import May
from portal.http.pictures import map_answer
from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.selectors import prediction_of
from portal.studies.access_services import record_images_viewed
from portal.studies.selectors import instance_of, study_of
from portal.web.access import PermittedView
from portal.web.picture import draw
from portal.web.window import WindowForm


class Rendition(PermittedView):
    """``/studies/<StudyInstanceUID>/images/<SOPInstanceUID>.png``."""

    act = May.SEE_OWN_UPLOADS

    def get(
        self, request: AuthenticatedHttpRequest, study_instance_uid: str, sop_instance_uid: str
    ) -> HttpResponse:
        """Return a PNG; what cannot be drawn becomes a picture that says why."""
        study = study_of(request.user, study_instance_uid)
        instance = instance_of(request.user, study, sop_instance_uid)
        record_images_viewed(study=study, by=request.user)
        drawn = draw(instance, WindowForm(request.GET).window())
        if isinstance(drawn, bytes):
            return HttpResponse(drawn, content_type="image/png")
        context = {"code": drawn.code, "detail": drawn.detail}
        return render(request, "partials/no_picture.svg", context, content_type="image/svg+xml")


class PredictionMap(PermittedView):
    """``/predictions/<id>/map.png``: where the network looked."""

    act = May.SEE_OWN_UPLOADS

    def get(self, request: AuthenticatedHttpRequest, prediction_id: UUID) -> HttpResponse:
        """Return the PNG, of the squashed square that the network saw."""
        return map_answer(request, prediction_of(request.user, prediction_id))
