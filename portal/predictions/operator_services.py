"""Write side of what a PACS administrator does to work that did not go through by itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.audit.services import Action, record, refusals_recorded
from portal.errors import Conflict, Forbidden
from portal.predictions.cancel_services import cancel_waiting
from portal.predictions.deployment_selectors import live_version
from portal.predictions.models import Prediction
from portal.predictions.selectors import latest_prediction
from portal.predictions.services import request_prediction
from portal.predictions.widening_selectors import widening_in_force
from portal.studies.models import Instance

State = Prediction.State


class MayNotOperate(Forbidden):
    """The roles of the person do not allow it."""

    code = "may_not_operate"


class NotFailed(Conflict):
    """Only what failed can be acknowledged; tried again also what a pause cancelled.

    And what was outside the intended use, once a widening that may let it in is signed.
    """

    code = "prediction_not_failed"


class NotQueued(Conflict):
    """Only what still waits can be cancelled."""

    code = "prediction_not_queued"


class RetriedAlready(Conflict):
    """Another prediction of the same image was asked for since."""

    code = "prediction_retried_already"


class AcknowledgedAlready(Conflict):
    """Somebody took note of this failure already."""

    code = "prediction_acknowledged_already"


class NoLiveModel(Conflict):
    """Nothing could read it: no model is live at the site, or it is paused."""

    code = "no_live_model"


def retry_prediction(*, prediction: Prediction, by: User) -> Prediction:
    """Return a new prediction of the image of one that failed or that a pause cancelled.

    Also of one that was outside the intended use, if a widening was signed since. By what is live
    now; the old row stays as it is. Of two who retry at once one gets the new row.

    Raises
    ------
    MayNotOperate, NotFailed, RetriedAlready, NoLiveModel
    """
    with _answered_for("retry", prediction, by), transaction.atomic():
        instance = Instance.objects.select_for_update(no_key=True).get(pk=prediction.instance_id)
        latest = latest_prediction(instance)
        if latest != prediction:
            raise RetriedAlready("It was retried already; look at the newer prediction.")
        if not (latest.may_be_retried or _is_let_in(latest)):
            why = "only what failed, what a pause cancelled or what a widening lets in since"
            raise NotFailed(f"It is {latest.state}; {why} can be retried.")
        again = request_prediction(
            instance=instance, by=by, priority=latest.priority, retry_of=latest
        )
        if again is None:
            raise NoLiveModel("No model is live at this site, so nothing would read it.")
    return again


def cancel_prediction(*, prediction: Prediction, by: User) -> None:
    """Take a waiting prediction out of the queue for good.

    Raises
    ------
    MayNotOperate, NotQueued
    """
    with _answered_for("cancel", prediction, by), transaction.atomic():
        cancelled = cancel_waiting(
            prediction,
            by=by,
            code="cancelled_by_operator",
            detail="It was taken out of the queue before the AI read it.",
            remedy="Read the study without the AI.",
        )
        if not cancelled:
            raise NotQueued("It no longer waits; only what waits can be cancelled.")


def acknowledge_failure(*, prediction: Prediction, by: User) -> None:
    """Take note of a failure: it leaves the list of failed work, and stays failed.

    Raises
    ------
    MayNotOperate, NotFailed, AcknowledgedAlready
    """
    with _answered_for("acknowledge", prediction, by), transaction.atomic():
        row = Prediction.objects.select_for_update(of=("self",)).get(pk=prediction.pk)
        if row.state != State.FAILED:
            raise NotFailed(f"It is {row.state}; only a failure can be acknowledged.")
        if row.acknowledged_at:
            raise AcknowledgedAlready("Somebody took note of it already.")
        row.acknowledged_by, row.acknowledged_at = by, timezone.now()
        row.save(update_fields=("acknowledged_by", "acknowledged_at"))
        record(
            Action.PREDICTION_ACKNOWLEDGED,
            chain=prediction.site.slug,
            subject=f"prediction:{row.pk}",
            by=by,
            code=row.code,
        )


@contextmanager
def _answered_for(act: str, prediction: Prediction, by: User) -> Iterator[None]:
    """Let in who may; audit a refusal, once the transaction inside is undone."""
    subject = f"prediction:{prediction.pk}"
    with refusals_recorded(
        Action.PREDICTION_REFUSED, chain=by.site.slug, subject=subject, by=by, act=act
    ):
        _allow(by)
        yield


def _is_let_in(prediction: Prediction) -> bool:
    """Return whether the site has signed since that the live version may score more."""
    version = live_version(prediction.site)
    return version is not None and prediction.is_let_in_by(
        widening_in_force(prediction.site, version)
    )


def _allow(by: User) -> None:
    if not by.may(May.OPERATE):
        raise MayNotOperate("Retry, cancel and acknowledge are for PACS administrators.")
