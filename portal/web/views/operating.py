"""Failed and waiting work, for PACS administrators: grouped by cause, one or many at a time."""

from collections.abc import Callable, Iterable
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.forms import UUIDField
from django.http import HttpResponse
from django.shortcuts import redirect, render

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.audit.selectors import refusals_lately
from portal.audit.services import Action
from portal.errors import PortalError
from portal.http.requests import AuthenticatedHttpRequest
from portal.predictions.failure_selectors import causes_of_failure, open_failures
from portal.predictions.models import Prediction
from portal.predictions.operator_services import (
    acknowledge_failure,
    cancel_prediction,
    retry_prediction,
)
from portal.predictions.selectors import prediction_of
from portal.web.access import PermittedView

PAGE_LENGTH = 50  # studies
AT_ONCE = 200  # predictions that one press of a button acts on
TOLD = 5  # refusals that are said one by one
Act = Callable[[Prediction, User], None]


class FailedWork(PermittedView):
    """``/failed``."""

    act = May.OPERATE

    def get(self, request: AuthenticatedHttpRequest) -> HttpResponse:
        """Show what failed, by cause, and what was refused at the door lately."""
        refusals = refusals_lately(request.user.site.slug, Action.UPLOAD_REFUSED)
        context = {"causes": causes_of_failure(request.user), "refusals": refusals}
        return render(request, "predictions/failed.html", context)


class FailedCause(PermittedView):
    """``/failed/<code>``."""

    act = May.OPERATE

    def get(self, request: AuthenticatedHttpRequest, code: str) -> HttpResponse:
        """Show the studies of one cause."""
        rows = open_failures(request.user).filter(code=code)
        page = Paginator(rows, PAGE_LENGTH).get_page(request.GET.get("page"))
        context = {"code": code, "page": page, "first": next(iter(page.object_list), None)}
        return render(request, "predictions/cause.html", context | {"at_once": AT_ONCE})


class RetryFailed(PermittedView):
    """``/failed/<code>/retry``: those that were chosen, or all of the cause."""

    act = May.OPERATE

    def get(self, request: AuthenticatedHttpRequest, code: str) -> HttpResponse:  # noqa: ARG002 (Django's)
        """Go to the cause."""
        return redirect("failed-cause", code)

    def post(self, request: AuthenticatedHttpRequest, code: str) -> HttpResponse:
        """Try each again; each is answered by itself."""
        return _act_on_many(request, code, _retry, "wait for the AI again")


class AcknowledgeFailed(PermittedView):
    """``/failed/<code>/acknowledge``: those that were chosen, or all of the cause."""

    act = May.OPERATE

    def get(self, request: AuthenticatedHttpRequest, code: str) -> HttpResponse:  # noqa: ARG002 (Django's)
        """Go to the cause."""
        return redirect("failed-cause", code)

    def post(self, request: AuthenticatedHttpRequest, code: str) -> HttpResponse:
        """Take note of each; they leave the list."""
        return _act_on_many(request, code, _acknowledge, "are acknowledged")


class RetryOne(PermittedView):
    """``/predictions/<id>/retry``: from the page of the study."""

    act = May.OPERATE

    def get(self, request: AuthenticatedHttpRequest, prediction_id: UUID) -> HttpResponse:
        """Go to the study."""
        return _to_study(prediction_of(request.user, prediction_id))

    def post(self, request: AuthenticatedHttpRequest, prediction_id: UUID) -> HttpResponse:
        """Try it again."""
        return _act_on_one(request, prediction_id, _retry, "The image waits for the AI again.")


class CancelOne(PermittedView):
    """``/predictions/<id>/cancel``: from the page of the study."""

    act = May.OPERATE

    def get(self, request: AuthenticatedHttpRequest, prediction_id: UUID) -> HttpResponse:
        """Go to the study."""
        return _to_study(prediction_of(request.user, prediction_id))

    def post(self, request: AuthenticatedHttpRequest, prediction_id: UUID) -> HttpResponse:
        """Take it out of the queue."""
        return _act_on_one(request, prediction_id, _cancel, "The image is read without AI.")


def _retry(prediction: Prediction, by: User) -> None:
    retry_prediction(prediction=prediction, by=by)


def _cancel(prediction: Prediction, by: User) -> None:
    cancel_prediction(prediction=prediction, by=by)


def _acknowledge(prediction: Prediction, by: User) -> None:
    acknowledge_failure(prediction=prediction, by=by)


def _act_on_one(
    request: AuthenticatedHttpRequest, prediction_id: UUID, act: Act, done: str
) -> HttpResponse:
    prediction = prediction_of(request.user, prediction_id)
    try:
        act(prediction, request.user)
    except PortalError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    return _to_study(prediction)


def _act_on_many(request: AuthenticatedHttpRequest, code: str, act: Act, done: str) -> HttpResponse:
    rows = open_failures(request.user).filter(code=code)
    if request.POST.get("which") != "all":
        rows = rows.filter(pk__in=_chosen(request.POST.getlist("prediction")))
    chosen = list(rows[:AT_ONCE])
    refusals = [why for row in chosen if (why := _refusal(act, row, request.user))]
    if not chosen:
        messages.error(request, "Nothing was chosen that still stands in this list.")
    elif count := len(chosen) - len(refusals):
        messages.success(request, f"{count} of {len(chosen)} {done}.")
    for why in refusals[:TOLD]:
        messages.error(request, why)
    left = open_failures(request.user).filter(code=code).exists()
    return redirect("failed-cause", code) if left else redirect("failed")


def _refusal(act: Act, prediction: Prediction, by: User) -> str:
    """Return why the act was refused, with the study that it is about; empty if it was done."""
    try:
        act(prediction, by)
    except PortalError as refusal:
        return f"{prediction.instance.series.study}: {refusal}"
    return ""


def _chosen(sent: Iterable[str]) -> list[UUID]:
    """Return the ids among what was sent; anything else was no row of the page."""
    found = []
    for text in list(sent)[:AT_ONCE]:
        try:
            found.append(UUIDField().clean(text))
        except ValidationError:
            continue
    return found


def _to_study(prediction: Prediction) -> HttpResponse:
    return redirect("study", prediction.instance.series.study.study_instance_uid)
