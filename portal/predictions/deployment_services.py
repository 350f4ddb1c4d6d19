"""Write side of what reads for the readers of a site: proposed by one, approved by another.

Four eyes look at the person, not at the role. Every act locks the site first, so that of two at
once the second sees what the first has done; refusals are audited too.
"""

import secrets
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from portal.accounts.models import Site, User
from portal.accounts.roles import DECIDES_ON_MODELS, May
from portal.audit.services import Action
from portal.errors import Conflict, InvalidInput
from portal.predictions.cancel_services import cancel_all_waiting
from portal.predictions.decision_rules import (
    NotLive,
    allow,
    answered_for,
    fitting,
    locked_site,
    record_on,
    refuse_challenger,
    refuse_same,
    refuse_withdrawal_by_others,
    said,
    serving_at,
    waiting_proposal,
)
from portal.predictions.deployment_models import (
    LARGEST_SHARE,
    Deployment,
    ModelVersion,
    Proposal,
)
from portal.predictions.deployment_selectors import challenger_at, version_before
from portal.predictions.operating_point_selectors import BUNDLES_OWN, point_in_force
from portal.predictions.report_selectors import report_of

Status = Deployment.Status
State = Proposal.State
Kind = Proposal.Kind
Compare = Callable[[Site, ModelVersion], dict[str, Any]]
"""What says how a version does beside the live one at a site: the proposal keeps it."""


class AlreadyHere(Conflict):
    """The version is live, paused or proposed at the site already."""

    code = "model_already_here"


class WithoutReport(Conflict):
    """Nobody could judge the version: its bundle was registered without a report."""

    code = "model_without_report"


class NothingProposed(Conflict):
    """No proposal of this version waits at the site."""

    code = "nothing_proposed"


class NothingBefore(Conflict):
    """No other version was live at the site before."""

    code = "no_version_before"


def propose_deployment(
    *,
    version: ModelVersion,
    why: str,
    by: User,
    share: int | None = None,
    compare: Compare | None = None,
) -> Proposal:
    """Return the proposal that ``version`` becomes live at the site of ``by``. It waits.

    With a ``share``, 1 to `LARGEST_SHARE` percent, that it becomes a canary: it reads so much of
    the studies for the readers, beside the live version. What ``compare`` says is kept with it;
    it is asked before anything is locked, so that nobody waits for it.

    Raises
    ------
    MayNotDecide, ReasonMissing, InvalidInput, AlreadyHere, NotLive, ChallengerThere, WithoutReport
    """
    with answered_for("propose", version, by):
        allow(by, May.EVALUATE_MODELS, words="Proposing a model is for data scientists.")
        why = said(why)
        compared = compare(by.site, version) if compare else None
        with transaction.atomic():
            site = locked_site(by.site)
            _refuse_unfit(site, version, share)
            kind = Kind.LIVE if share is None else Kind.CANARY
            return _propose(site, version, why, by, kind=kind, share=share, compared=compared)


def propose_rollback(
    *, version: ModelVersion, why: str, by: User, compare: Compare | None = None
) -> Proposal:
    """Return the proposal that what was live before ``version`` takes its place again. It waits.

    What ``compare`` says of that one is kept with it.

    Raises
    ------
    MayNotDecide, ReasonMissing, NotLive, NothingBefore, AlreadyHere
    """
    with answered_for("rollback", version, by):
        allow(
            by, *DECIDES_ON_MODELS, words="Rolling a model back is for people who decide on models."
        )
        why, looked_at = said(why), version_before(by.site)
        compared = compare(by.site, looked_at) if compare and looked_at else None
        with transaction.atomic():
            site = locked_site(by.site)
            if serving_at(site, version) is None:
                raise NotLive(f"{version} is not live here, so there is nothing to roll back.")
            before = version_before(site)
            if before is None:
                raise NothingBefore(f"No other version was live here before {version}.")
            kept = compared if before == looked_at else None  # else another went live meanwhile
            return _propose(site, before, why, by, kind=Kind.ROLLBACK, compared=kept)


def approve_deployment(*, version: ModelVersion, note: str = "", by: User) -> Deployment:
    """Return the deployment that reads from now on; what it replaces stays in the history.

    What waits for a version that is replaced while it is live is still read by it; what waits
    for a paused one is cancelled. Of an approved canary the live version stays.

    Raises
    ------
    MayNotDecide, NothingProposed, SamePerson, InvalidInput, NotLive, ChallengerThere
    """
    with answered_for("approve", version, by), transaction.atomic():
        proposal = _decide(version, State.APPROVED, fitting(note), by)
        site, replaced = proposal.site, None
        if proposal.kind == Kind.CANARY:
            _refuse_canary(site, version, proposal.share or 0)
        else:
            replaced = _replace_current(site)
        if (tried := challenger_at(site)) and tried.model_version == version:
            end_row(tried, by, reason=f"It is {proposal.get_kind_display()}.")
        point = point_in_force(site, version)
        deployment = _deploy(proposal)
        detail = {"share": deployment.share} if deployment.share else {}
        record_on(
            Action.MODEL_DEPLOYED,
            version,
            by,
            status=deployment.status,
            proposed_by=proposal.proposed_by.username,
            why=proposal.why,
            note=proposal.note,
            replaces=str(replaced.model_version) if replaced else "",
            operating_point=point.pk if point else BUNDLES_OWN,
            **detail,
        )
    return deployment


def decline_deployment(*, version: ModelVersion, reason: str, by: User) -> Proposal:
    """Return the proposal, refused by a second person with a reason.

    Raises
    ------
    MayNotDecide, ReasonMissing, NothingProposed, SamePerson
    """
    with answered_for("decline", version, by), transaction.atomic():
        proposal = _decide(version, State.DECLINED, said(reason), by)
        record_on(Action.MODEL_DECLINED, version, by, reason=proposal.note)
    return proposal


def withdraw_proposal(*, version: ModelVersion, note: str = "", by: User) -> Proposal:
    """Return the proposal, taken back by the person who made it.

    Raises
    ------
    NothingProposed, MayNotDecide, InvalidInput
    """
    with answered_for("withdraw", version, by), transaction.atomic():
        note = fitting(note)
        proposal = waiting_proposal(locked_site(by.site), version)
        if proposal is None:
            raise NothingProposed(f"Nobody has proposed {version} here.")
        refuse_withdrawal_by_others(proposal.proposed_by_id, by)
        _close(proposal, State.WITHDRAWN, note, by)
        record_on(Action.MODEL_WITHDRAWN, version, by, note=note)
    return proposal


def end_row(deployment: Deployment, by: User, *, reason: str) -> None:
    """End a challenger inside the caller's transaction, and tell the trail."""
    Deployment.objects.filter(pk=deployment.pk).update(status=Status.REPLACED, until=Now())
    record_on(
        Action.MODEL_ENDED, deployment.model_version, by, was=deployment.status, reason=reason
    )


def _propose(
    site: Site,
    version: ModelVersion,
    why: str,
    by: User,
    *,
    kind: Proposal.Kind,
    **asked: Any,
) -> Proposal:
    """Store a proposal; ``asked``: its share and what was compared, where there is any."""
    if waiting_proposal(site, version):
        raise AlreadyHere(f"{version} is proposed already and waits for a second person.")
    proposal = Proposal.objects.create(
        site=site,
        model_version=version,
        kind=kind,
        why=why,
        proposed_by=by,
        proposed_at=timezone.now(),
        **asked,
    )
    detail = {name: value for name, value in asked.items() if value is not None}
    record_on(Action.MODEL_PROPOSED, version, by, why=why, kind=kind.value, **detail)
    return proposal


def _deploy(proposal: Proposal) -> Deployment:
    """Return the deployment that an approved proposal asks for; its place is free."""
    fields: dict[str, Any] = {"status": Status.LIVE}
    if proposal.kind == Kind.CANARY:
        fields = {"status": Status.CANARY, "share": proposal.share, "seed": secrets.token_hex(16)}
        fields["reads_from"] = proposal.decided_at
    return Deployment.objects.create(
        site=proposal.site, model_version=proposal.model_version, proposal=proposal, **fields
    )


def _refuse_unfit(site: Site, version: ModelVersion, share: int | None) -> None:
    if current := serving_at(site, version):
        raise AlreadyHere(f"{version} is {current.status} here already.")
    if share is not None:
        _refuse_canary(site, version, share)
    if report_of(version) is None:
        raise WithoutReport(
            f"{version} came without a report of what was measured of it: register its bundle "
            "with one."
        )


def _refuse_canary(site: Site, version: ModelVersion, share: int) -> None:
    if not 1 <= share <= LARGEST_SHARE:
        raise InvalidInput(f"A canary reads 1 to {LARGEST_SHARE} percent of the studies.")
    refuse_challenger(site, version)


def _decide(version: ModelVersion, state: Proposal.State, note: str, by: User) -> Proposal:
    """Return the waiting proposal of ``version``, closed by a second person."""
    allow(by, May.APPROVE_MODELS, words="Deciding on a model is for reviewers and site admins.")
    proposal = waiting_proposal(locked_site(by.site), version)
    if proposal is None:
        raise NothingProposed(f"No proposal of {version} waits here.")
    refuse_same(proposal.proposed_by_id, by)
    return _close(proposal, state, note, by)


def _close(proposal: Proposal, state: Proposal.State, note: str, by: User) -> Proposal:
    proposal.state, proposal.note = state, note
    proposal.decided_by, proposal.decided_at = by, timezone.now()
    proposal.save(update_fields=("state", "note", "decided_by", "decided_at"))
    return proposal


def _replace_current(site: Site) -> Deployment | None:
    current = serving_at(site)
    if current is None:
        return None
    if current.status == Status.PAUSED:
        cancel_all_waiting(current)
    Deployment.objects.filter(pk=current.pk).update(status=Status.REPLACED, until=Now())
    return current
