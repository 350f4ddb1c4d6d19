"""Write side of the watch: alerts are raised once, and whoever acts on one says what was done."""

from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import Site, User
from portal.accounts.roles import May
from portal.audit.services import Action, record, refusals_recorded
from portal.errors import InvalidInput, ReasonMissing
from portal.predictions.decision_rules import LONGEST, MayNotDecide
from portal.predictions.deployment_models import Deployment, ModelVersion
from portal.predictions.prevalence_selectors import prevalence_at
from portal.predictions.report_selectors import report_of
from portal.watch.figures import reference_of
from portal.watch.models import Acknowledgement, Alert
from portal.watch.rules import BEFORE, Found, found_in
from portal.watch.selectors import Scope, counted_by_scanner, monday


def raise_alerts(*, today: date | None = None) -> list[Alert]:
    """Return the alerts that are new: of what reads for readers, in this week and the one before.

    What was raised once for a rule, a scanner and a week is not raised again.
    """
    this_week = monday(today or timezone.now().date())
    raised: list[Alert] = []
    reads = (Deployment.Status.LIVE, Deployment.Status.CANARY)
    reading = Deployment.objects.filter(status__in=reads).order_by("pk")
    for deployment in reading.select_related("site", "model_version"):
        raised += _raise_at(deployment.site, deployment.model_version, this_week)
    return raised


def acknowledge_alert(*, alert: Alert, act: str, words: str, by: User) -> Acknowledgement:
    """Return what ``by`` says was done about ``alert``. It can be said again, of a later act.

    Parameters
    ----------
    act : str
        One of `Acknowledgement.Act`.
    words : str
        What was done, and what came of it. Names no patient.

    Raises
    ------
    MayNotDecide, InvalidInput, ReasonMissing
    """
    told = refusals_recorded(
        Action.ALERT_REFUSED, chain=alert.site.slug, subject=f"alert:{alert.pk}", by=by
    )
    with told, transaction.atomic():
        if by.site_id != alert.site_id or not by.may(May.ANSWER_ALERTS):
            raise MayNotDecide("Alerts are answered by those who read, approve or pause a model.")
        words = words.strip()
        if act not in Acknowledgement.Act.values:
            raise InvalidInput("Choose what was done.")
        if not words:
            raise ReasonMissing("Say what was done.")
        if len(words) > LONGEST:
            raise InvalidInput(f"What was done is said in at most {LONGEST} characters.")
        row = Acknowledgement.objects.create(
            alert=alert, act=act, words=words, by=by, by_name=str(by)
        )
        record(
            Action.ALERT_ACKNOWLEDGED,
            chain=alert.site.slug,
            subject=f"alert:{alert.pk}",
            by=by,
            act=act,
            words=words,
        )
    return row


def _raise_at(site: Site, version: ModelVersion, this_week: date) -> list[Alert]:
    scope = Scope(site, version, this_week - timedelta(weeks=BEFORE + 1), this_week + _A_WEEK)
    weeks = counted_by_scanner(scope)
    report, here = report_of(version), prevalence_at(site)
    reference = reference_of(report.document if report else None, here.share if here else None)
    raised = []
    for week in (this_week - timedelta(weeks=1), this_week):
        for found in found_in(weeks, week, reference):
            alert = _raise_once(site, version, week, found)
            raised += [alert] if alert else []
    return raised


@transaction.atomic
def _raise_once(site: Site, version: ModelVersion, week: date, found: Found) -> Alert | None:
    alert, is_new = Alert.objects.get_or_create(
        site=site,
        model_version=version,
        rule=found.rule,
        scanner=found.scanner,
        week=week,
        defaults={"figures": found.figures},
    )
    if not is_new:
        return None
    record(
        Action.ALERT_RAISED,
        chain=site.slug,
        subject=f"alert:{alert.pk}",
        by=None,
        rule=str(found.rule),
        model=str(version),
        scanner=found.scanner,
        week=week.isoformat(),
        figures=found.figures,
    )
    return alert


_A_WEEK = timedelta(days=6)
