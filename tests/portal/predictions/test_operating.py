"""Retry, cancel, acknowledge: what a PACS administrator may do to a prediction, and when."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal import logs
from portal.audit.models import AuditEvent
from portal.predictions.failure_selectors import causes_of_failure, open_failures
from portal.predictions.models import Prediction
from portal.predictions.operator_services import (
    AcknowledgedAlready,
    MayNotOperate,
    NoLiveModel,
    NotFailed,
    NotQueued,
    RetriedAlready,
    acknowledge_failure,
    cancel_prediction,
    retry_prediction,
)
from portal.predictions.pause_services import pause_model, resume_model
from portal.predictions.services import Answer, claim_predictions, fail_prediction
from portal.reviews.history_selectors import history_of
from portal.reviews.invariants import check_invariants
from tests.factories import (
    failed_study,
    finish,
    make_instance,
    make_prediction,
    make_study,
    make_user,
    scored_study,
    start,
)

STATES = ("queued", "running", "done", "failed", "cancelled")
ACTS = {
    "retry": (retry_prediction, {"failed"}, NotFailed),
    "cancel": (cancel_prediction, {"queued"}, NotQueued),
    "acknowledge": (acknowledge_failure, {"failed"}, NotFailed),
}


def only(study) -> Prediction:
    return Prediction.objects.select_related("site").get(instance__series__study=study)


def brought_to(site, state: str) -> Prediction:
    if state == "failed":
        return only(failed_study(site))
    if state == "done":
        return only(scored_study(site))
    row = make_prediction(make_instance(make_study(site)))
    if state == "running":
        start(row)
    if state == "cancelled":
        Prediction.objects.filter(pk=row.pk).update(state=state, finished_at=timezone.now())
    return row


def events(action: str) -> list[tuple[str, dict]]:
    found = AuditEvent.objects.filter(action=action).order_by("seq")
    return [(event.actor, event.detail) for event in found]


def broken() -> list[str]:
    return [breach for invariant in check_invariants() for breach in invariant.breaches]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", STATES)
def test_an_act_in_a_state_is_allowed_or_a_conflict(site, deployed, pacs_admin, state, act):
    do, allowed, conflict = ACTS[act]
    row = brought_to(site, state)
    before = Prediction.objects.values().get(pk=row.pk)
    if state in allowed:
        do(prediction=row, by=pacs_admin)
        return
    with pytest.raises(conflict):
        do(prediction=row, by=pacs_admin)
    assert Prediction.objects.values().get(pk=row.pk) == before
    assert Prediction.objects.count() == 1
    ((actor, detail),) = events("prediction.refused")
    assert (actor, detail) == ("pacs_admin", {"act": act, "code": conflict.code})


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(
    "role",
    ["uploader", "reader", "reviewer", "adjudicator", "data_scientist", "auditor", "site_admin"],
)
def test_nobody_else_may(site, deployed, role, act):
    do, allowed, _ = ACTS[act]
    row = brought_to(site, *allowed)
    with pytest.raises(MayNotOperate):
        do(prediction=row, by=make_user(site, role))
    assert events("prediction.refused")[0][1]["code"] == "may_not_operate"


def test_a_retry_is_a_new_row_and_the_failed_one_stays(site, deployed, pacs_admin):
    failed = only(failed_study(site))
    Prediction.objects.filter(pk=failed.pk).update(priority=2)
    before = Prediction.objects.values().get(pk=failed.pk)
    again = retry_prediction(prediction=failed, by=pacs_admin)
    again.refresh_from_db()
    assert (again.state, again.attempt, again.priority) == ("queued", 0, 2)
    assert (again.instance_id, again.model_version) == (failed.instance_id, deployed)
    assert Prediction.objects.values().get(pk=failed.pk) == before
    actor, detail = events("prediction.requested")[-1]
    assert (actor, detail["retry_of"]) == ("pacs_admin", str(failed.pk))
    assert [row.pk for row in claim_predictions(limit=9, worker="w", lease=timedelta(1))] == [
        again.pk
    ]
    assert broken() == []


def test_a_retry_belongs_to_the_request_that_asked_for_it(site, deployed, pacs_admin):
    with logs.bound(request_id="a" * 32):
        again = retry_prediction(prediction=only(failed_study(site)), by=pacs_admin)
    assert Prediction.objects.get(pk=again.pk).request_id == "a" * 32


def test_the_log_follows_a_prediction_to_its_cancellation(
    site, deployed, pacs_admin, caplog, django_capture_on_commit_callbacks
):
    with logs.bound(request_id="a" * 32):
        row = brought_to(site, "queued")
    with caplog.at_level("INFO"), django_capture_on_commit_callbacks(execute=True):
        cancel_prediction(prediction=row, by=pacs_admin)
    (line,) = [one for one in caplog.records if one.getMessage() == "prediction cancelled"]
    assert line.fields == {
        "prediction": str(row.pk), "request_id": "a" * 32, "code": "cancelled_by_operator",
    }  # fmt: skip


def test_a_failure_is_retried_once(site, deployed, pacs_admin):
    failed = only(failed_study(site))
    retry_prediction(prediction=failed, by=pacs_admin)
    with pytest.raises(RetriedAlready):
        retry_prediction(prediction=failed, by=pacs_admin)
    assert Prediction.objects.count() == 2


def test_what_failed_again_is_retried_again(site, deployed, pacs_admin):
    first = only(failed_study(site))
    second = start(retry_prediction(prediction=first, by=pacs_admin))
    fail_prediction(second, Answer(outcome="failed", code="gave_up"))
    with pytest.raises(RetriedAlready):
        retry_prediction(prediction=first, by=pacs_admin)
    retry_prediction(prediction=second, by=pacs_admin)
    assert Prediction.objects.count() == 3


@pytest.fixture
def paused_away(site, deployed, reviewer) -> Prediction:
    """A prediction that waited when its model was paused."""
    row = make_prediction(make_instance(make_study(site)))
    pause_model(version=deployed, reason="x", by=reviewer)
    row.refresh_from_db()
    assert (row.state, row.code) == ("cancelled", "model_paused")
    return row


def test_what_a_pause_cancelled_is_asked_for_again_once_the_model_goes_on(
    paused_away, deployed, pacs_admin, site_admin
):
    resume_model(version=deployed, by=site_admin)
    again = retry_prediction(prediction=paused_away, by=pacs_admin)
    assert (again.state, again.instance) == ("queued", paused_away.instance)
    paused_away.refresh_from_db()
    assert (paused_away.state, paused_away.code) == ("cancelled", "model_paused")
    asked = [detail["retry_of"] for _, detail in events("prediction.requested")]
    assert asked == ["", str(paused_away.pk)]
    with pytest.raises(RetriedAlready):
        retry_prediction(prediction=paused_away, by=pacs_admin)
    assert broken() == []


def test_while_the_model_rests_what_it_cancelled_is_not_asked_for(paused_away, pacs_admin):
    with pytest.raises(NoLiveModel):
        retry_prediction(prediction=paused_away, by=pacs_admin)
    assert Prediction.objects.count() == 1


def test_what_a_person_took_out_of_the_queue_stays_out(site, deployed, pacs_admin):
    row = make_prediction(make_instance(make_study(site)))
    cancel_prediction(prediction=row, by=pacs_admin)
    with pytest.raises(NotFailed):
        retry_prediction(prediction=row, by=pacs_admin)


def test_without_a_live_model_nothing_is_retried(site, deployed, pacs_admin, reviewer):
    failed = only(failed_study(site))
    pause_model(version=deployed, reason="x", by=reviewer)
    with pytest.raises(NoLiveModel):
        retry_prediction(prediction=failed, by=pacs_admin)
    assert Prediction.objects.count() == 1


def test_a_cancelled_row_is_not_claimed_and_says_why(site, deployed, pacs_admin):
    row = make_prediction(make_instance(make_study(site)))
    cancel_prediction(prediction=row, by=pacs_admin)
    assert claim_predictions(limit=9, worker="w", lease=timedelta(1)) == []
    row.refresh_from_db()
    assert (row.state, row.code) == ("cancelled", "cancelled_by_operator")
    assert events("prediction.cancelled") == [("pacs_admin", {"code": "cancelled_by_operator"})]
    assert broken() == []


def test_the_history_of_the_study_tells_a_cancellation_as_one(site, deployed, pacs_admin):
    row = make_prediction(make_instance(make_study(site)))
    cancel_prediction(prediction=row, by=pacs_admin)
    last = history_of(pacs_admin, row.instance.series.study)[-1]
    assert (last.event, last.what) == ("prediction.cancelled", "cancelled_by_operator")


def test_the_history_of_the_study_tells_who_asked_cancelled_and_took_note(
    site, deployed, pacs_admin, uploader
):
    first = only(failed_study(site, by=uploader))
    study = first.instance.series.study
    second = retry_prediction(prediction=first, by=pacs_admin)
    cancel_prediction(prediction=second, by=pacs_admin)
    acknowledge_failure(prediction=first, by=pacs_admin)
    told = sorted((e.event, e.subject, e.by) for e in history_of(pacs_admin, study)[1:])
    assert told == sorted(
        [
            ("prediction.requested", str(first.pk), "uploader"),
            ("prediction.failed", str(first.pk), ""),
            ("prediction.acknowledged", str(first.pk), "pacs_admin"),
            ("prediction.requested", str(second.pk), "pacs_admin"),
            ("prediction.cancelled", str(second.pk), "pacs_admin"),
        ]
    )


def test_what_a_pause_cancelled_is_told_with_who_paused(site, deployed, pacs_admin, reviewer):
    row = make_prediction(make_instance(make_study(site)))
    pause_model(version=deployed, reason="x", by=reviewer)
    last = history_of(pacs_admin, row.instance.series.study)[-1]
    assert (last.event, last.what, last.by) == ("prediction.cancelled", "model_paused", "reviewer")


def test_an_acknowledged_failure_leaves_the_list_and_stays_failed(site, deployed, pacs_admin):
    row = only(failed_study(site))
    acknowledge_failure(prediction=row, by=pacs_admin)
    row.refresh_from_db()
    assert (row.state, row.acknowledged_by) == ("failed", pacs_admin)
    assert not open_failures(pacs_admin).exists()
    assert len(events("prediction.acknowledged")) == 1
    with pytest.raises(AcknowledgedAlready):
        acknowledge_failure(prediction=row, by=pacs_admin)
    assert broken() == []


def test_the_database_acknowledges_only_failures_and_by_somebody(site, deployed, pacs_admin):
    done, failed = only(scored_study(site)), only(failed_study(site))
    whole = {"acknowledged_by": pacs_admin, "acknowledged_at": timezone.now()}
    for row, changes in (
        (done, whole),
        (failed, whole | {"acknowledged_by": None}),
        (failed, whole | {"acknowledged_at": None}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Prediction.objects.filter(pk=row.pk).update(**changes)
    Prediction.objects.filter(pk=failed.pk).update(**whole)


def test_failures_are_grouped_by_cause_the_commonest_first(site, other_site, deployed, pacs_admin):
    for code in ("gave_up", "pixels_undecodable", "pixels_undecodable"):
        failed_study(site, code=code)
    failed_study(other_site, code="gave_up")
    first, second = causes_of_failure(pacs_admin)
    assert (first.code, first.count, first.detail) == ("pixels_undecodable", 2, "Broken.")
    assert (second.code, second.count) == ("gave_up", 1)
    assert first.oldest < first.newest


def test_what_was_retried_is_no_longer_open_whatever_came_of_it(site, deployed, pacs_admin):
    failed = only(failed_study(site))
    answer = Answer(outcome="scored", score=0.3, finding="absent")
    finish(retry_prediction(prediction=failed, by=pacs_admin), answer)
    assert causes_of_failure(pacs_admin) == []
