"""Write side of what is live at a site: proposed by one, approved by another; stopped by anyone.

Four eyes look at the person, not at the role. Every act locks the site first, so that of two at
once the second sees what the first has done; refusals are audited too.
"""

from contextlib import AbstractContextManager
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from portal.accounts.models import Site, User
from portal.accounts.roles import May
from portal.audit.services import Action, record, refusals_recorded
from portal.errors import Conflict, Forbidden, InvalidInput, ReasonMissing
from portal.predictions.cancel_services import cancel_all_waiting, cancel_batch
from portal.predictions.deployment_models import Deployment, ModelVersion, Pause, Proposal
from portal.predictions.operating_point_selectors import BUNDLES_OWN, point_in_force
from portal.predictions.report_selectors import report_of

Status = Deployment.Status
State = Proposal.State
LONGEST = 2000  # characters of a reason


class MayNotDecide(Forbidden):
    """The roles of the person do not allow this act on a model."""

    code = "may_not_decide_on_models"


class SamePerson(Forbidden):
    """It takes a second person, whatever the roles of the first."""

    code = "same_person"


class AlreadyHere(Conflict):
    """The version is live, paused or proposed at the site already."""

    code = "model_already_here"


class WithoutReport(Conflict):
    """Nobody could judge the version: its bundle was registered without a report."""

    code = "model_without_report"


class NothingProposed(Conflict):
    """No proposal of this version waits at the site."""

    code = "nothing_proposed"


class NotLive(Conflict):
    """The version is not live at the site."""

    code = "model_not_live"


class NotPaused(Conflict):
    """The version is not paused at the site."""

    code = "model_not_paused"


def propose_deployment(*, version: ModelVersion, why: str, by: User) -> Proposal:
    """Return the proposal that ``version`` becomes live at the site of ``by``. It waits.

    Raises
    ------
    MayNotDecide, ReasonMissing, AlreadyHere, WithoutReport
    """
    with _answered_for("propose", version, by), transaction.atomic():
        _allow(by, May.EVALUATE_MODELS, "Proposing a model is for data scientists.")
        why, site = _said(why), _lock(by.site)
        if current := _current(site, version):
            raise AlreadyHere(f"{version} is {current.status} here already.")
        if _waiting(site, version):
            raise AlreadyHere(f"{version} is proposed already and waits for a second person.")
        if report_of(version) is None:
            raise WithoutReport(
                f"{version} came without a report of what was measured of it: register its bundle "
                "with one."
            )
        proposal = Proposal.objects.create(
            site=site, model_version=version, why=why, proposed_by=by, proposed_at=timezone.now()
        )
        _record(Action.MODEL_PROPOSED, version, by, why=why)
    return proposal


def approve_deployment(*, version: ModelVersion, note: str = "", by: User) -> Deployment:
    """Return the deployment that is live now; the one that it replaces stays in the history.

    What waits for a version that is replaced while it is live is still read by it; what waits
    for a paused one is cancelled.

    Raises
    ------
    MayNotDecide, NothingProposed, SamePerson, InvalidInput
    """
    with _answered_for("approve", version, by), transaction.atomic():
        proposal = _decide(version, State.APPROVED, _fitting(note), by)
        replaced = _replace_current(proposal.site)
        point = point_in_force(proposal.site, version)
        deployment = Deployment.objects.create(
            site=proposal.site, model_version=version, status=Status.LIVE, proposal=proposal
        )
        _record(
            Action.MODEL_DEPLOYED,
            version,
            by,
            status=Status.LIVE.value,
            proposed_by=proposal.proposed_by.username,
            why=proposal.why,
            note=proposal.note,
            replaces=str(replaced.model_version) if replaced else "",
            operating_point=point.pk if point else BUNDLES_OWN,
        )
    return deployment


def decline_deployment(*, version: ModelVersion, reason: str, by: User) -> Proposal:
    """Return the proposal, refused by a second person with a reason.

    Raises
    ------
    MayNotDecide, ReasonMissing, NothingProposed, SamePerson
    """
    with _answered_for("decline", version, by), transaction.atomic():
        proposal = _decide(version, State.DECLINED, _said(reason), by)
        _record(Action.MODEL_DECLINED, version, by, reason=proposal.note)
    return proposal


def withdraw_proposal(*, version: ModelVersion, note: str = "", by: User) -> Proposal:
    """Return the proposal, taken back by the person who made it.

    Raises
    ------
    NothingProposed, MayNotDecide, InvalidInput
    """
    with _answered_for("withdraw", version, by), transaction.atomic():
        note = _fitting(note)
        proposal = _waiting(_lock(by.site), version)
        if proposal is None:
            raise NothingProposed(f"Nobody has proposed {version} here.")
        if proposal.proposed_by_id != by.pk:
            raise MayNotDecide("Only the person who proposed it may withdraw it; decline it.")
        _close(proposal, State.WITHDRAWN, note, by)
        _record(Action.MODEL_WITHDRAWN, version, by, note=note)
    return proposal


def pause_model(*, version: ModelVersion, reason: str, by: User) -> Pause:
    """Stop ``version`` at the site of ``by``: from the commit on no new inference starts.

    A batch that runs may finish. What waits is cancelled: a first part before this returns, the
    rest by the sweep. Studies flow on and are read without the AI.

    Raises
    ------
    MayNotDecide, ReasonMissing, NotLive
    """
    with _answered_for("pause", version, by), transaction.atomic():
        _allow(by, May.PAUSE_MODEL, "Pausing a model is for reviewers and adjudicators.")
        reason = _said(reason)
        deployment = _current(_lock(by.site), version, Status.LIVE)
        if deployment is None:
            raise NotLive(f"{version} is not live here, so it cannot be paused.")
        Deployment.objects.filter(pk=deployment.pk).update(status=Status.PAUSED)
        pause = Pause.objects.create(
            deployment=deployment, reason=reason, paused_by=by, paused_at=Now()
        )
        pause.refresh_from_db(fields=("paused_at",))  # by the clock that inferences start by
        _record(Action.MODEL_PAUSED, version, by, reason=reason)
    cancel_batch(deployment.pk)
    return pause


def resume_model(*, version: ModelVersion, note: str = "", by: User) -> Pause:
    """Let a paused version go on, by another person than the one who paused it.

    Studies that came meanwhile stay read without the AI.

    Raises
    ------
    MayNotDecide, NotPaused, SamePerson, InvalidInput
    """
    with _answered_for("resume", version, by), transaction.atomic():
        _allow(by, May.APPROVE_MODELS, "Resuming a model is for reviewers and site admins.")
        note = _fitting(note)
        deployment = _current(_lock(by.site), version, Status.PAUSED)
        if deployment is None:
            raise NotPaused(f"{version} is not paused here.")
        pause = Pause.objects.get(deployment=deployment, resumed_at=None)
        if pause.paused_by_id == by.pk:
            raise SamePerson("You paused it yourself; somebody else has to let it go on.")
        Pause.objects.filter(pk=pause.pk).update(resumed_by=by, resumed_at=Now(), note=note)
        pause.refresh_from_db()
        Deployment.objects.filter(pk=deployment.pk).update(status=Status.LIVE)
        _record(
            Action.MODEL_RESUMED, version, by, paused_by=pause.paused_by.username, note=pause.note
        )
    return pause


def _decide(version: ModelVersion, state: Proposal.State, note: str, by: User) -> Proposal:
    """Return the waiting proposal of ``version``, closed by a second person."""
    _allow(by, May.APPROVE_MODELS, "Deciding on a model is for reviewers and site admins.")
    proposal = _waiting(_lock(by.site), version)
    if proposal is None:
        raise NothingProposed(f"No proposal of {version} waits here.")
    if proposal.proposed_by_id == by.pk:
        raise SamePerson("You proposed it yourself; somebody else has to decide.")
    return _close(proposal, state, note, by)


def _close(proposal: Proposal, state: Proposal.State, note: str, by: User) -> Proposal:
    proposal.state, proposal.note = state, note
    proposal.decided_by, proposal.decided_at = by, timezone.now()
    proposal.save(update_fields=("state", "note", "decided_by", "decided_at"))
    return proposal


def _replace_current(site: Site) -> Deployment | None:
    current = _current(site)
    if current is None:
        return None
    if current.status == Status.PAUSED:
        cancel_all_waiting(current)
    Deployment.objects.filter(pk=current.pk).update(status=Status.REPLACED, until=Now())
    return current


def _lock(site: Site) -> Site:
    """Return the site with its row locked; rows that merely refer to it are not held up."""
    return Site.objects.select_for_update(no_key=True).get(pk=site.pk)


def _current(site: Site, version: ModelVersion | None = None, *status: str) -> Deployment | None:
    """Return what is live or paused, locked: requests in progress have ended or will see us."""
    serving = Deployment.objects.filter(
        site=site, status__in=status or (Status.LIVE, Status.PAUSED)
    )
    if version:
        serving = serving.filter(model_version=version)
    locked = serving.select_for_update(of=("self",), no_key=True)
    return locked.select_related("model_version").first()


def _waiting(site: Site, version: ModelVersion) -> Proposal | None:
    waiting = Proposal.objects.filter(site=site, model_version=version, state=State.WAITING)
    return waiting.select_related("site", "proposed_by").first()


def _allow(by: User, act: May, words: str) -> None:
    if not by.may(act):
        raise MayNotDecide(words)


def _said(reason: str) -> str:
    if not reason.strip():
        raise ReasonMissing("Say why.")
    return _fitting(reason)


def _fitting(words: str) -> str:
    if len(words) > LONGEST:
        raise InvalidInput(f"A reason has at most {LONGEST} characters.")
    return words.strip()


def _answered_for(act: str, version: ModelVersion, by: User) -> AbstractContextManager[None]:
    subject = f"model:{version}"
    return refusals_recorded(
        Action.MODEL_REFUSED, chain=by.site.slug, subject=subject, by=by, act=act
    )


def _record(action: Action, version: ModelVersion, by: User, **detail: Any) -> None:
    record(action, chain=by.site.slug, subject=f"model:{version}", by=by, **detail)
