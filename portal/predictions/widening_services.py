"""Write side of widenings: signed by the person who proposes one, and by another who approves it.

Taking one back takes one person and no password, as the stop button does: what makes the model
score less must not wait.
"""

from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from portal.accounts.models import Site, User
from portal.accounts.roles import May
from portal.accounts.services import confirm_password
from portal.audit.services import Action, record
from portal.errors import Conflict
from portal.predictions.decision_rules import (
    NotLive,
    allow,
    allow_taking_back,
    answered_for,
    decided,
    fitting,
    locked_site,
    refuse_same,
    refuse_withdrawal_by_others,
    said,
)
from portal.predictions.deployment_models import ModelVersion
from portal.predictions.deployment_selectors import current_deployment
from portal.predictions.widening_models import Widening
from portal.predictions.wider import Wider, columns_of

State = Widening.State


class WideningWaits(Conflict):
    """One waits for a second person already."""

    code = "widening_waits"


class WideningOver(Conflict):
    """It was decided on, or taken back, meanwhile."""

    code = "widening_over"


def propose_widening(
    *, version: ModelVersion, wider: Wider, why: str, password: str, by: User
) -> Widening:
    """Return the signed proposal to score more than the intended use of ``version``. It waits.

    Raises
    ------
    MayNotDecide, PasswordWrong, TooManyAttempts, ReasonMissing, InvalidInput, NotLive,
    WideningWaits
    """
    with answered_for("propose widening", version, by):
        allow(by, May.EVALUATE_MODELS, words="Widening the use is proposed by data scientists.")
        why, columns = said(why), columns_of(wider, version)
        confirm_password(user=by, password=password)
        return _propose(version, columns, why, by)


def approve_widening(*, widening: Widening, note: str = "", password: str, by: User) -> Widening:
    """Return the widening, in force from now on; the one before it is replaced.

    Raises
    ------
    MayNotDecide, PasswordWrong, TooManyAttempts, WideningOver, SamePerson, NotLive, InvalidInput
    """
    with answered_for("approve widening", widening.model_version, by):
        allow(by, May.APPROVE_MODELS, words="Approving it is for reviewers and site admins.")
        note = fitting(note)
        confirm_password(user=by, password=password)
        return _approve(widening, note, by)


def decline_widening(*, widening: Widening, reason: str, by: User) -> Widening:
    """Return the proposal, refused by a second person with a reason.

    Raises
    ------
    MayNotDecide, ReasonMissing, WideningOver, SamePerson
    """
    with answered_for("decline widening", widening.model_version, by), transaction.atomic():
        allow(by, May.APPROVE_MODELS, words="Declining it is for reviewers and site admins.")
        row = _locked(widening, State.WAITING)
        refuse_same(row.proposed_by_id, by)
        row = _write(row, state=State.DECLINED, note=said(reason), **decided(by, Now()))
        _record(Action.WIDENING_DECLINED, row, by, reason=row.note)
    return row


def withdraw_widening(*, widening: Widening, reason: str, by: User) -> Widening:
    """Return the widening, taken back: what is claimed from now on is held to the rest again.

    One in force by anybody who may decide on models or pause one, one that waits by the person
    who proposed it. What was scored meanwhile keeps its score, and says so.

    Raises
    ------
    MayNotDecide, ReasonMissing, WideningOver
    """
    with answered_for("withdraw widening", widening.model_version, by), transaction.atomic():
        allow_taking_back(by)
        reason = said(reason)
        row = _locked(widening, State.WAITING, State.IN_FORCE)
        if row.state == State.WAITING:
            refuse_withdrawal_by_others(row.proposed_by_id, by)
        _end(row, State.WITHDRAWN, by, reason)
        _record(Action.WIDENING_WITHDRAWN, row, by, reason=reason)
    row.refresh_from_db()
    return row


@transaction.atomic
def _propose(version: ModelVersion, columns: dict[str, Any], why: str, by: User) -> Widening:
    site = locked_site(by.site)
    _refuse_absent(site, version)
    if Widening.objects.filter(site=site, model_version=version, state=State.WAITING).exists():
        raise WideningWaits(f"A widening of {version} waits for a second person already.")
    row = Widening.objects.create(
        site=site,
        model_version=version,
        why=why,
        proposed_by=by,
        proposed_name=str(by),
        proposed_at=Now(),
        **columns,
    )
    row.refresh_from_db(fields=("proposed_at",))
    _record(Action.WIDENING_PROPOSED, row, by, why=why)
    return row


@transaction.atomic
def _approve(widening: Widening, note: str, by: User) -> Widening:
    row = _locked(widening, State.WAITING)
    refuse_same(row.proposed_by_id, by)
    _refuse_absent(row.site, row.model_version)
    before = Widening.objects.filter(
        site=row.site, model_version=row.model_version, state=State.IN_FORCE
    ).first()
    if before:
        _end(before, State.REPLACED, by, "")
    row = _write(row, state=State.IN_FORCE, note=note, **decided(by, Now()))
    _record(
        Action.WIDENING_APPROVED,
        row,
        by,
        proposed_by=row.proposed_by.username,
        why=row.why,
        note=note,
        replaces=before.pk if before else None,
    )
    return row


def _locked(widening: Widening, *states: Widening.State) -> Widening:
    """Return the row as it is now, with its site locked: of two at once the second sees it."""
    locked_site(widening.site)
    row = Widening.objects.select_related("model_version", "site", "proposed_by").get(
        pk=widening.pk
    )
    if row.state not in states:
        raise WideningOver(f"It is {row.get_state_display()} already; look at the page again.")
    return row


def _refuse_absent(site: Site, version: ModelVersion) -> None:
    current = current_deployment(site)
    if current is None or current.model_version != version:
        raise NotLive(f"{version} is not live here, so its use cannot be widened.")


def _end(row: Widening, state: Widening.State, by: User, reason: str) -> None:
    _write(row, state=state, ended_by=by, ended_at=Now(), end_reason=reason)


def _write(row: Widening, **changes: Any) -> Widening:
    Widening.objects.filter(pk=row.pk).update(**changes)
    row.refresh_from_db()
    return row


def _record(action: Action, row: Widening, by: User, **detail: Any) -> None:
    subject = f"model:{row.model_version}"
    detail |= {"widening": row.pk, "allows": row.allows}
    record(action, chain=row.site.slug, subject=subject, by=by, **detail)
