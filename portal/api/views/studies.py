from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.accounts.models import User
from portal.api import examples
from portal.api.documented import IF_NONE_MATCH, STUDY_UID, operation
from portal.api.forms import NoQuery, PageQuery, SearchForm, StudiesQuery, body, query
from portal.api.limits import Scope
from portal.api.paging import page_of_studies
from portal.api.permissions import MaySee
from portal.api.preconditions import versioned
from portal.api.serializers.studies import (
    HistoryOutput,
    ResultsOutput,
    StudiesOutput,
    StudyOutput,
)
from portal.errors import InvalidInput
from portal.http.requests import AuthenticatedRequest
from portal.predictions.models import Prediction
from portal.predictions.selectors import leading_predictions, shown_predictions
from portal.reviews.history_selectors import history_of
from portal.reviews.lease_selectors import leases_of
from portal.reviews.selectors import current_review, report_status, reviews_of
from portal.reviews.worklist_selectors import described, worklist
from portal.studies.access_services import open_study, record_search
from portal.studies.models import Study
from portal.studies.selectors import identified, visible_instances

_LOOKUPS = {"received_after": "received_at__gt", "received_before": "received_at__lt"}


class NothingToSearch(InvalidInput):
    """A search says at least one thing."""

    code = "nothing_to_search"


class ListStudies(APIView):
    """``GET studies``: the worklist."""

    permission_classes = (MaySee,)

    @operation(
        "list_studies",
        "The studies you may see, newest first",
        query=StudiesQuery,
        answers={200: StudiesOutput},
        refusals=(400,),
        example=examples.STUDIES,
    )
    def get(self, request: AuthenticatedRequest) -> Response:
        """Return one page."""
        asked = query(StudiesQuery, request.query_params)
        page = {"limit": asked.pop("limit"), "cursor": asked.pop("cursor", None)}
        lookups = {_LOOKUPS[name]: asked[name] for name in _LOOKUPS if name in asked}
        chosen = worklist(
            request.user,
            report_status=asked.get("report_status", ""),
            ai=[asked[name] for name in ("state", "outcome") if name in asked],
            modality=asked.get("modality", ""),
        )
        return _answer(request.user, chosen.filter(**lookups), page, fields=asked)


class SearchStudies(APIView):
    """``POST studies/search``: whom to look for is in the body, never in the address."""

    permission_classes = (MaySee,)
    throttle_scope = Scope.READS

    @operation(
        "search_studies",
        "The studies of a patient or an order, newest first",
        query=PageQuery,
        request=SearchForm,
        answers={200: StudiesOutput},
        refusals=(400, 413, 415, 422),
        example=examples.STUDIES,
        sent=examples.SEARCH,
    )
    def post(self, request: AuthenticatedRequest) -> Response:
        """Return one page."""
        page = {"cursor": None, **query(PageQuery, request.query_params)}
        words = body(SearchForm, request.data)
        if not words:
            raise NothingToSearch("Say a patient_id, a patient_name or an accession_number.")
        found = identified(worklist(request.user), **words)
        return _answer(request.user, found, page, fields=words)


class ReadStudy(APIView):
    """``GET studies/{StudyInstanceUID}``."""

    permission_classes = (MaySee,)

    @operation(
        "read_study",
        "One study: its report status, predictions, reviews and images",
        parameters=(STUDY_UID, IF_NONE_MATCH),
        answers={200: StudyOutput, 304: None},
        refusals=(400, 404),
        example=examples.STUDY,
        etag=200,
    )
    def get(self, request: AuthenticatedRequest, study_instance_uid: str) -> Response:
        """Return the study; its ETag is what a review sends as If-Match."""
        query(NoQuery, request.query_params)
        study = open_study(study_instance_uid=study_instance_uid, by=request.user)
        return versioned(request, study, lambda: StudyOutput(_whole(request.user, study)).data)


class ReadResults(APIView):
    """``GET studies/{StudyInstanceUID}/results``."""

    permission_classes = (MaySee,)

    @operation(
        "read_results",
        "What stands: the person's review and the machine's predictions",
        parameters=(STUDY_UID, IF_NONE_MATCH),
        answers={200: ResultsOutput, 304: None},
        refusals=(400, 404),
        example=examples.RESULTS,
        etag=200,
    )
    def get(self, request: AuthenticatedRequest, study_instance_uid: str) -> Response:
        """Return them."""
        query(NoQuery, request.query_params)
        study = open_study(study_instance_uid=study_instance_uid, by=request.user)
        return versioned(request, study, lambda: ResultsOutput(_standing(request.user, study)).data)


class ReadHistory(APIView):
    """``GET studies/{StudyInstanceUID}/history``."""

    permission_classes = (MaySee,)

    @operation(
        "read_history",
        "What happened to a study, oldest first",
        parameters=(STUDY_UID,),
        answers={200: HistoryOutput},
        refusals=(400, 404),
        example=examples.HISTORY,
    )
    def get(self, request: AuthenticatedRequest, study_instance_uid: str) -> Response:
        """Return it."""
        query(NoQuery, request.query_params)
        study = open_study(study_instance_uid=study_instance_uid, by=request.user)
        happened = history_of(request.user, study)
        answer = {"study_instance_uid": study.study_instance_uid, "history": happened}
        return Response(HistoryOutput(answer).data)


def _answer(
    user: User, chosen: QuerySet[Study], page: dict[str, Any], *, fields: Iterable[str]
) -> Response:
    """Return one page of ``chosen`` and record that it was shown."""
    found, following = page_of_studies(chosen, **page)
    studies = described(user, found)
    leading, held = leading_predictions(user, studies), leases_of(studies)
    for study in studies:
        lease = held.get(study.pk)
        columns = {
            "prediction": leading.get(study.pk),
            "held_by": lease and lease.reader,
            "held_until": lease and lease.until,
        }
        for name, value in columns.items():
            setattr(study, name, value)
    record_search(by=user, fields=fields, found=len(studies))
    return Response(StudiesOutput({"studies": studies, "next": following}).data)


def _whole(user: User, study: Study) -> dict[str, Any]:
    """Return ``study`` with everything that ``user`` may see of it."""
    images = visible_instances(user).filter(series__study=study)
    return {
        "study": study,
        "report_status": report_status(study),
        "predictions": _predictions(user, study),
        "reviews": reviews_of(study).select_related("study"),
        "instances": images.select_related("series").order_by("pk"),
    }


def _standing(user: User, study: Study) -> dict[str, Any]:
    return {
        "study_instance_uid": study.study_instance_uid,
        "report_status": report_status(study),
        "review": current_review(study),
        "predictions": _predictions(user, study),
    }


def _predictions(user: User, study: Study) -> QuerySet[Prediction]:
    """Return what the machine says of the images of ``study`` that ``user`` may see."""
    seen = shown_predictions(user).filter(instance__series__study=study)
    return seen.order_by("requested_at", "pk")
