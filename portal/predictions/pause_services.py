"""The stop button: anybody who signs stops the model, and a second person lets it go on."""

from django.db import transaction
from django.db.models.functions import Now

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.audit.services import Action
from portal.errors import Conflict
from portal.predictions.cancel_services import cancel_batch
from portal.predictions.challenger_services import stop_canary
from portal.predictions.decision_rules import (
    NotLive,
    SamePerson,
    allow,
    answered_for,
    fitting,
    locked_site,
    record_on,
    said,
    serving_at,
)
from portal.predictions.deployment_models import Deployment, ModelVersion, Pause

Status = Deployment.Status


class NotPaused(Conflict):
    """The version is not paused at the site."""

    code = "model_not_paused"


def pause_model(*, version: ModelVersion, reason: str, by: User) -> Pause:
    """Stop ``version`` at the site of ``by``: from the commit on no new inference starts.

    A batch that runs may finish. What waits is cancelled: a first part before this returns, the
    rest by the sweep. Studies flow on and are read without the AI. A canary beside it ends.

    Raises
    ------
    MayNotDecide, ReasonMissing, NotLive
    """
    with answered_for("pause", version, by), transaction.atomic():
        allow(by, May.PAUSE_MODEL, words="Pausing a model is for reviewers and adjudicators.")
        reason = said(reason)
        deployment = serving_at(locked_site(by.site), version, Status.LIVE)
        if deployment is None:
            raise NotLive(f"{version} is not live here, so it cannot be paused.")
        Deployment.objects.filter(pk=deployment.pk).update(status=Status.PAUSED)
        pause = Pause.objects.create(
            deployment=deployment, reason=reason, paused_by=by, paused_at=Now()
        )
        pause.refresh_from_db(fields=("paused_at",))  # by the clock that inferences start by
        record_on(Action.MODEL_PAUSED, version, by, reason=reason)
        stop_canary(deployment.site, by, reason=f"{version} was paused: {reason}")
    cancel_batch(deployment.pk)
    return pause


def resume_model(*, version: ModelVersion, note: str = "", by: User) -> Pause:
    """Let a paused version go on, by another person than the one who paused it.

    Studies that came meanwhile stay read without the AI.

    Raises
    ------
    MayNotDecide, NotPaused, SamePerson, InvalidInput
    """
    with answered_for("resume", version, by), transaction.atomic():
        allow(by, May.APPROVE_MODELS, words="Resuming a model is for reviewers and site admins.")
        note = fitting(note)
        deployment = serving_at(locked_site(by.site), version, Status.PAUSED)
        if deployment is None:
            raise NotPaused(f"{version} is not paused here.")
        pause = Pause.objects.get(deployment=deployment, resumed_at=None)
        if pause.paused_by_id == by.pk:
            raise SamePerson("You paused it yourself; somebody else has to let it go on.")
        Pause.objects.filter(pk=pause.pk).update(resumed_by=by, resumed_at=Now(), note=note)
        pause.refresh_from_db()
        Deployment.objects.filter(pk=deployment.pk).update(status=Status.LIVE)
        record_on(
            Action.MODEL_RESUMED, version, by, paused_by=pause.paused_by.username, note=pause.note
        )
    return pause
