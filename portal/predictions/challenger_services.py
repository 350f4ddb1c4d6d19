"""Write side of what is tried beside the live version: put in shadow by one, ended by one.

Neither changes what a reader sees, so neither waits for a second person; that a challenger reads
for the readers, as a canary or live, is a proposal like any other.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import Site, User
from portal.accounts.roles import DECIDES_ON_MODELS, May
from portal.audit.services import Action
from portal.errors import Conflict, InvalidInput
from portal.predictions.cancel_services import cancel_ended
from portal.predictions.decision_rules import (
    allow,
    answered_for,
    locked_site,
    record_on,
    refuse_challenger,
    said,
    serving_at,
)
from portal.predictions.deployment_models import Deployment, ModelVersion
from portal.predictions.deployment_selectors import challenger_at
from portal.predictions.deployment_services import AlreadyHere, WithoutReport, end_row
from portal.predictions.report_selectors import report_of

Status = Deployment.Status
MOST_DAYS = 365
"""How far back a challenger may read what came before it."""


class NotChallenging(Conflict):
    """The version is neither in shadow nor a canary at the site."""

    code = "model_not_a_challenger"


def start_shadow(*, version: ModelVersion, why: str, days: int = 0, by: User) -> Deployment:
    """Return the deployment by which ``version`` reads in shadow what the live version reads.

    What arrives from now on, and what was asked for in the last ``days``, 0 to `MOST_DAYS`: by
    what is signed of that it can be judged at once. No reader sees what it says.

    Raises
    ------
    MayNotDecide, ReasonMissing, InvalidInput, AlreadyHere, NotLive, ChallengerThere, WithoutReport
    """
    with answered_for("shadow", version, by), transaction.atomic():
        allow(by, May.EVALUATE_MODELS, words="Trying a model in shadow is for data scientists.")
        why, site = said(why), locked_site(by.site)
        if not 0 <= days <= MOST_DAYS:
            raise InvalidInput(f"A challenger reads 0 to {MOST_DAYS} days of what came before it.")
        here = serving_at(site, version) or challenger_at(site, version)
        if here:
            raise AlreadyHere(f"{version} is {here.status} here already.")
        refuse_challenger(site, version)
        if report_of(version) is None:
            raise WithoutReport(f"{version} came without a report of what was measured of it.")
        deployment = Deployment.objects.create(
            site=site,
            model_version=version,
            status=Status.SHADOW,
            reads_from=timezone.now() - timedelta(days=days),
            started_by=by,
            why=why,
        )
        record_on(Action.MODEL_SHADOWED, version, by, why=why, days=days)
    return deployment


def end_challenger(*, version: ModelVersion, reason: str, by: User) -> Deployment:
    """Return the deployment that has ended: from the commit on it reads nothing.

    Out of shadow, or as a canary. A batch that runs may finish. What waits for a canary is
    cancelled, and may be asked for again: the live version reads it then.

    Raises
    ------
    MayNotDecide, ReasonMissing, NotChallenging
    """
    with answered_for("end", version, by), transaction.atomic():
        allow(by, *DECIDES_ON_MODELS, words="Ending a trial is for people who decide on models.")
        reason, site = said(reason), locked_site(by.site)
        serving_at(site)  # requests in progress end before, or see that it has ended
        challenger = challenger_at(site, version)
        if challenger is None:
            raise NotChallenging(f"{version} is not tried here.")
        _end(challenger, by, reason)
    challenger.refresh_from_db(fields=("status", "until"))
    return challenger


def stop_canary(site: Site, by: User, *, reason: str) -> None:
    """End the canary of ``site`` if it has one, inside the transaction that stops its model."""
    challenger = challenger_at(site)
    if challenger and challenger.status == Status.CANARY:
        _end(challenger, by, reason)


def _end(challenger: Deployment, by: User, reason: str) -> None:
    end_row(challenger, by, reason=reason)
    cancel_ended(challenger, by=by)
