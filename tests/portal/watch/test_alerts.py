"""Each rule fires beyond its bound and not before, once a week; answers are kept and audited."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from portal.accounts.models import User
from portal.audit.models import AuditEvent
from portal.errors import InvalidInput, ReasonMissing
from portal.predictions.challenger_services import start_shadow
from portal.predictions.decision_rules import MayNotDecide
from portal.predictions.deployment_services import approve_deployment, propose_deployment
from portal.predictions.pause_services import pause_model
from portal.predictions.prevalence_services import enter_prevalence
from portal.watch.alert_selectors import NoSuchAlert, alert_of, alerts_at
from portal.watch.models import Acknowledgement, Alert
from portal.watch.services import acknowledge_alert, raise_alerts
from portal.watch.view_selectors import versions_used
from tests.factories import make_model_version
from tests.portal.watch.worlds import NOW, days, scanned
from tests.reports import make_report

pytestmark = pytest.mark.django_db
TODAY = NOW.date()
MONDAY = TODAY - timedelta(days=TODAY.weekday())


@pytest.fixture
def make(site, deployed, reviewer):
    """Return what makes so many predictions alike."""

    def many(count, **more):
        for _ in range(count):
            scanned(site, deployed, reviewer, **more)

    return many


def rules():
    return [(a.rule, a.scanner, a.week) for a in raise_alerts(today=TODAY)]


def overridden(make, now, before, scanner=("Acme", "Ray 7")):
    """Have so many of 25 overridden this week, and of 50 in the weeks before."""
    for count, of, at in ((now, 25, NOW), (before, 50, days(14))):
        make(count, at=at, score=0.9, presence="absent", scanner=scanner)
        make(of - count, at=at, score=0.9, presence="present", scanner=scanner)


def test_overrides_that_double_at_a_scanner_are_an_alert_once(make):
    overridden(make, now=10, before=5)
    overridden(make, now=3, before=5, scanner=("Bolt", "DX-1"))
    assert [one for one in rules() if one[0] == "overrides"] == [
        ("overrides", "Acme Ray 7", MONDAY)
    ]
    assert rules() == []
    alert = Alert.objects.get(rule="overrides")
    assert alert.figures == {
        "rate": 0.4, "before": 0.1, "overridden": 10, "read": 25, "read_before": 50,
    }  # fmt: skip
    event = AuditEvent.objects.get(action="alert.raised", subject=f"alert:{alert.pk}")
    assert (event.actor, event.subject, event.detail["scanner"]) == (
        "",
        f"alert:{alert.pk}",
        "Acme Ray 7",
    )


@pytest.mark.parametrize(("now", "before"), [(9, 10), (4, 1)])
def test_fewer_overrides_are_none(make, now, before):
    overridden(make, now, before)
    assert [rule for rule, *_ in rules() if rule == "overrides"] == []


def test_a_canary_is_watched_and_a_version_in_shadow_has_nothing_to_watch(
    site, deployed, reviewer, data_scientist
):
    version = make_model_version(reported=True, version="2.0.0")
    start_shadow(version=version, why="Better.", by=data_scientist)
    assert versions_used(site) == [deployed]
    propose_deployment(version=version, why="Better.", share=10, by=data_scientist)
    approve_deployment(version=version, by=reviewer)
    assert versions_used(site) == [deployed, version]
    for _ in range(60):
        scanned(site, version, reviewer, outcome="rejected_quality")
    raised = raise_alerts(today=TODAY)
    assert {(one.rule, one.model_version) for one in raised} == {("refusals", version)}


def test_an_unknown_scanner_doubles_nothing(make):
    overridden(make, now=10, before=5, scanner=())
    assert [rule for rule, *_ in rules() if rule == "overrides"] == []


@pytest.mark.parametrize(("refused", "fires"), [(16, False), (40, True)])
def test_many_images_that_are_not_scored_are_an_alert(make, refused, fires):
    make(refused, outcome="not_applicable")
    make(80 - refused, score=0.5)
    assert rules() == ([("refusals", "", MONDAY)] if fires else [])


@pytest.mark.parametrize(("failed", "fires"), [(3, False), (12, True)])
def test_many_images_that_fail_are_an_alert(make, failed, fires):
    make(failed, state="failed")
    make(60 - failed, score=0.5)
    assert rules() == ([("failures", "", MONDAY)] if fires else [])


@pytest.mark.parametrize(("present", "fires"), [(48, False), (20, True)])
def test_a_calibration_that_is_off_is_an_alert(make, present, fires):
    make(present, score=0.8, presence="present")
    make(60 - present, score=0.8, presence="absent", shown="")
    assert rules() == ([("calibration", "", MONDAY)] if fires else [])


def test_scores_that_have_shifted_are_an_alert_at_the_site_and_the_scanner(make, deployed):
    make(120, score=0.52)
    assert rules() == []  # there is no report to compare with
    make_report(deployed)
    assert rules() == [("drift", "", MONDAY), ("drift", "Acme Ray 7", MONDAY)]


def test_few_scores_have_not_shifted(make, deployed):
    make_report(deployed)
    make(99, score=0.52)
    assert rules() == []


def test_what_is_common_here_is_no_drift_once_it_is_entered(make, deployed, data_scientist):
    """The tests' report has 33 of 231 normal scores in the lowest bin, and 10 in each after it."""
    make_report(deployed)
    for place, count in enumerate([33] + [10] * 18 + [18]):
        make(count, score=(place + 0.5) / 20)
    enter_prevalence(share=0.001, basis="Counted.", by=data_scientist)
    assert rules() == []
    enter_prevalence(share=None, basis="Taken back.", by=data_scientist)
    assert [rule for rule, *_ in rules()] == ["drift", "drift"]


def test_last_week_is_looked_at_too_and_older_ones_are_not(make):
    make(60, at=days(7), state="failed")
    make(60, at=days(14), state="failed")
    assert rules() == [("failures", "", MONDAY - timedelta(weeks=1))]


def test_a_paused_model_raises_nothing(make, deployed, reviewer):
    make(60, state="failed")
    pause_model(version=deployed, reason="Stop.", by=reviewer)
    assert rules() == []


@pytest.fixture
def alert(site, deployed):
    return Alert.objects.create(
        site=site, model_version=deployed, rule="failures", week=MONDAY,
        figures={"rate": 0.5, "bound": 0.05, "found": 30, "of": 60},
    )  # fmt: skip


@pytest.mark.parametrize("who", ["reviewer", "adjudicator", "data_scientist", "site_admin"])
def test_whoever_acts_says_what_was_done(alert, who, request):
    by = request.getfixturevalue(who)
    row = acknowledge_alert(alert=alert, act="watched", words=" Until Friday. ", by=by)
    assert (row.act, row.words, row.by, row.by_name) == ("watched", "Until Friday.", by, str(by))
    event = AuditEvent.objects.get(action="alert.acknowledged")
    assert (event.actor, event.detail) == (who, {"act": "watched", "words": "Until Friday."})
    assert not alerts_at(alert.site).get().open


def test_more_can_be_done_later(alert, reviewer):
    for act in ("watched", "model_paused"):
        acknowledge_alert(alert=alert, act=act, words="So.", by=reviewer)
    assert [one.act for one in alert.acknowledgements.order_by("pk")] == ["watched", "model_paused"]


@pytest.mark.parametrize(
    ("who", "act", "words", "refusal"),
    [
        ("auditor", "watched", "So.", MayNotDecide),
        ("reader", "watched", "So.", MayNotDecide),
        ("other_reviewer", "watched", "So.", MayNotDecide),
        ("reviewer", "", "So.", InvalidInput),
        ("reviewer", "closed", "So.", InvalidInput),
        ("reviewer", "watched", "  ", ReasonMissing),
        ("reviewer", "watched", "x" * 4001, InvalidInput),
    ],
)
def test_a_refused_answer_is_in_the_trail(alert, who, act, words, refusal, request):
    by: User = request.getfixturevalue(who)
    with pytest.raises(refusal) as refused:
        acknowledge_alert(alert=alert, act=act, words=words, by=by)
    assert not Acknowledgement.objects.exists()
    event = AuditEvent.objects.get(action="alert.refused")
    assert (event.actor, event.detail["code"]) == (who, refused.value.code)


def test_an_alert_of_another_site_does_not_exist(alert, other_reviewer, reader, auditor):
    assert alert_of(auditor, alert.pk) == alert
    for stranger in (other_reviewer, reader):
        with pytest.raises(NoSuchAlert):
            alert_of(stranger, alert.pk)
    assert list(alerts_at(other_reviewer.site)) == []


def test_the_database_keeps_one_alert_a_week(alert):
    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.create(
            site=alert.site, model_version=alert.model_version, rule="failures", week=MONDAY,
            figures={},
        )  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.create(
            site=alert.site, model_version=alert.model_version, rule="drift", week=TODAY,
            figures={},
        )  # fmt: skip


@pytest.mark.parametrize("fields", [{"words": ""}, {"by_name": ""}, {"act": "closed"}])
def test_the_database_refuses_an_empty_answer(alert, reviewer, fields):
    said = {"act": "watched", "words": "So.", "by_name": "Dr R"} | fields
    with pytest.raises(IntegrityError), transaction.atomic():
        Acknowledgement.objects.create(alert=alert, by=reviewer, **said)


@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["watch_alert", "watch_acknowledgement"])
def test_neither_alerts_nor_answers_change(alert, reviewer, table, change):
    acknowledge_alert(alert=alert, act="watched", words="So.", by=reviewer)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(change.format(table))
