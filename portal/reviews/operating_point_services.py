"""Write side of operating points: signed by who proposes one, and by a second who signs studies.

The set of studies is named by its days of signing and by the moment of the proposal; reviews and
scores only grow, so the approval computes the same set again. Going back to the bundle's own
cut-off takes one person and no password.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.accounts.services import confirm_password
from portal.audit.services import Action, record
from portal.errors import Conflict, InvalidInput, Stale
from portal.predictions.decision_rules import (
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
from portal.predictions.models import ModelVersion, OperatingPoint
from portal.predictions.operating_point_models import FEWEST
from portal.reviews.operating_point_selectors import (
    counts_of,
    has_scored,
    set_holds,
    signed_set,
)

State = OperatingPoint.State
PLACES = 4
"""Decimals of a cut-off, on every page."""
LONGEST_NAME = 120  # characters of a set's name


class OperatingPointWaits(Conflict):
    """One waits for a second person already."""

    code = "operating_point_waits"


class OperatingPointOver(Conflict):
    """It was decided on, or taken back, meanwhile."""

    code = "operating_point_over"


class NothingScored(Conflict):
    """The version has not scored anything at the site."""

    code = "nothing_scored"


class SetTooSmall(InvalidInput):
    """Too few signed studies of one kind to choose a cut-off on."""

    code = "set_too_small"


class SetChanged(Stale):
    """The set is another than the one that was looked at, or signed."""

    code = "set_changed"


@dataclass(frozen=True, slots=True)
class Choice:
    """A cut-off, and the signed studies that it was chosen on.

    ``since`` and ``until`` are days of signing, in UTC, both included; ``seen`` the SHA-256 of the
    set as it was shown to whoever signs: empty, nothing was.
    """

    threshold: float
    set_name: str
    since: date
    until: date
    seen: str = ""


def propose_operating_point(
    *, version: ModelVersion, choice: Choice, why: str, password: str, by: User
) -> OperatingPoint:
    """Return the signed proposal to hold scores of ``version`` against a cut-off of the site's own.

    It waits.

    Raises
    ------
    MayNotDecide, PasswordWrong, TooManyAttempts, ReasonMissing, InvalidInput, NothingScored,
    SetTooSmall, SetChanged, OperatingPointWaits
    """
    with answered_for("propose operating point", version, by):
        allow(by, May.EVALUATE_MODELS, words="A cut-off is proposed by data scientists.")
        why = said(why)
        _refuse_unfit(choice)
        confirm_password(user=by, password=password)
        return _propose(version, choice, why, by)


def approve_operating_point(
    *, point: OperatingPoint, note: str = "", password: str, by: User
) -> OperatingPoint:
    """Return the operating point, in force from now on; the one before it is replaced.

    What was scored before keeps the cut-off that it was held against.

    Raises
    ------
    MayNotDecide, PasswordWrong, TooManyAttempts, OperatingPointOver, SamePerson, SetChanged,
    InvalidInput
    """
    with answered_for("approve operating point", point.model_version, by):
        _allow_deciding(by)
        note = fitting(note)
        confirm_password(user=by, password=password)
        return _approve(point, note, by)


def decline_operating_point(*, point: OperatingPoint, reason: str, by: User) -> OperatingPoint:
    """Return the proposal, refused by a second person with a reason.

    Raises
    ------
    MayNotDecide, ReasonMissing, OperatingPointOver, SamePerson
    """
    with answered_for("decline operating point", point.model_version, by), transaction.atomic():
        _allow_deciding(by)
        row = _locked(point, State.WAITING)
        refuse_same(row.proposed_by_id, by)
        note = said(reason)
        row = _write(row, state=State.DECLINED, note=note, **decided(by, Now()))
        _record(Action.OPERATING_POINT_DECLINED, row, by, reason=note)
    return row


def withdraw_operating_point(*, point: OperatingPoint, reason: str, by: User) -> OperatingPoint:
    """Return the operating point, taken back: the bundle's own cut-off counts from now on.

    One in force by anybody who may decide on models or pause one, one that waits by the person
    who proposed it.

    Raises
    ------
    MayNotDecide, ReasonMissing, OperatingPointOver
    """
    with answered_for("withdraw operating point", point.model_version, by), transaction.atomic():
        allow_taking_back(by)
        reason = said(reason)
        row = _locked(point, State.WAITING, State.IN_FORCE)
        if row.state == State.WAITING:
            refuse_withdrawal_by_others(row.proposed_by_id, by)
        row = _end(row, State.WITHDRAWN, by, reason)
        _record(Action.OPERATING_POINT_WITHDRAWN, row, by, reason=reason)
    return row


def _allow_deciding(by: User) -> None:
    """Go on if ``by`` answers for studies: the second signature is a clinician's."""
    allow(by, May.SIGN, words="A cut-off is decided on by those who sign studies.")


def _refuse_unfit(choice: Choice) -> None:
    if not 0 < choice.threshold < 1:  # NaN is refused too
        raise InvalidInput("A cut-off lies between 0 and 1, neither included.")
    if round(choice.threshold, PLACES) != choice.threshold:  # what is shown is what counts
        raise InvalidInput(f"A cut-off has at most {PLACES} decimals.")
    if not 0 < len(choice.set_name.strip()) <= LONGEST_NAME:
        raise InvalidInput(f"Name the set, in at most {LONGEST_NAME} characters.")
    if choice.until < choice.since:
        raise InvalidInput("The days of the set end before they begin.")


@transaction.atomic
def _propose(version: ModelVersion, choice: Choice, why: str, by: User) -> OperatingPoint:
    site = locked_site(by.site)
    mine = {"site": site, "model_version": version}
    if not has_scored(site, version):
        raise NothingScored(f"{version} has not scored anything at {site}.")
    if OperatingPoint.objects.filter(**mine, state=State.WAITING).exists():
        raise OperatingPointWaits(f"A cut-off of {version} waits for a second person already.")
    now = timezone.now()  # the clock that reviews are signed by
    found = signed_set(site, version, choice.since, choice.until, as_of=now)
    counts = counts_of(found, choice.threshold)
    if choice.seen and choice.seen != counts["set_sha256"]:
        raise SetChanged("The set has changed since it was shown; look at its figures again.")
    _refuse_few(counts["n_present"], counts["n_absent"])
    row = OperatingPoint.objects.create(
        **mine,
        threshold=choice.threshold,
        set_name=choice.set_name.strip(),
        since=choice.since,
        until=choice.until,
        why=why,
        proposed_by=by,
        proposed_name=str(by),
        proposed_at=now,
        **counts,
    )
    _record(Action.OPERATING_POINT_PROPOSED, row, by, why=why)
    return row


@transaction.atomic
def _approve(point: OperatingPoint, note: str, by: User) -> OperatingPoint:
    row = _locked(point, State.WAITING)
    refuse_same(row.proposed_by_id, by)
    if not set_holds(row):
        raise SetChanged(
            "The signed studies are others than those it was chosen on: decline it, and let it be "
            "proposed again."
        )
    before = OperatingPoint.objects.filter(
        site=row.site, model_version=row.model_version, state=State.IN_FORCE
    ).first()
    if before:
        _end(before, State.REPLACED, by, "")
    row = _write(row, state=State.IN_FORCE, note=note, **decided(by, Now()))
    _record(
        Action.OPERATING_POINT_APPROVED,
        row,
        by,
        proposed_by=row.proposed_by.username,
        why=row.why,
        note=note,
        replaces=before.pk if before else None,
    )
    return row


def _refuse_few(present: int, absent: int) -> None:
    if min(present, absent) < FEWEST:
        raise SetTooSmall(
            f"The set has {present} signed studies with pneumonia and {absent} without; a cut-off "
            f"is chosen on at least {FEWEST} of each."
        )


def _locked(point: OperatingPoint, *states: OperatingPoint.State) -> OperatingPoint:
    locked_site(point.site)
    rows = OperatingPoint.objects.select_related("model_version", "site", "proposed_by")
    row = rows.get(pk=point.pk)
    if row.state not in states:
        raise OperatingPointOver(f"It is {row.get_state_display()} already; look again.")
    return row


def _end(row: OperatingPoint, state: OperatingPoint.State, by: User, reason: str) -> OperatingPoint:
    return _write(row, state=state, ended_by=by, ended_at=Now(), end_reason=reason)


def _write(row: OperatingPoint, **changes: Any) -> OperatingPoint:
    OperatingPoint.objects.filter(pk=row.pk).update(**changes)
    row.refresh_from_db()
    return row


def _record(action: Action, row: OperatingPoint, by: User, **detail: Any) -> None:
    detail |= {
        "operating_point": row.pk,
        "threshold": row.threshold,
        "set": row.set_name,
        "since": row.since.isoformat(),
        "until": row.until.isoformat(),
        "set_sha256": row.set_sha256,
        "sensitivity": f"{row.true_positives} of {row.n_present}",
        "specificity": f"{row.true_negatives} of {row.n_absent}",
    }
    subject = f"model:{row.model_version}"
    record(action, chain=row.site.slug, subject=subject, by=by, **detail)
