"""What is live at a site: proposed by one person, approved by another, stopped by any reviewer."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.errors import InvalidInput, ReasonMissing
from portal.predictions.cancel_services import BATCH, cancel_paused_predictions
from portal.predictions.decision_rules import (
    LONGEST,
    MayNotDecide,
    NotLive,
    SamePerson,
)
from portal.predictions.deployment_selectors import (
    current_deployment,
    deployments_at,
    live_version,
    open_pause,
    proposals_at,
    troubles,
)
from portal.predictions.deployment_services import (
    AlreadyHere,
    NothingProposed,
    WithoutReport,
    approve_deployment,
    decline_deployment,
    propose_deployment,
    withdraw_proposal,
)
from portal.predictions.models import Deployment, Pause, Prediction, Proposal
from portal.predictions.pause_services import NotPaused, pause_model, resume_model
from portal.predictions.services import (
    Answer,
    claim_predictions,
    complete_prediction,
    request_prediction,
    sweep,
)
from portal.predictions.worker_services import say_alive
from portal.reviews.invariants import check_invariants
from tests.factories import (
    make_instance,
    make_model_version,
    make_prediction,
    make_study,
    make_user,
    scored_study,
    start,
)
from tests.reports import make_report

WHY = "Fewer false alarms."


@pytest.fixture
def better(db):
    return make_model_version(reported=True, version="2.0.0")


@pytest.fixture
def proposed(better, deployed, data_scientist):
    return propose_deployment(version=better, why=WHY, by=data_scientist)


@pytest.fixture
def paused(deployed, adjudicator):
    return pause_model(version=deployed, reason="False alarms.", by=adjudicator)


def told(action: str) -> dict:
    """Return the detail of the only event of this kind."""
    event = AuditEvent.objects.get(chain="demo", action=action)
    return {"by": event.actor, "subject": event.subject} | event.detail


def refused() -> list[tuple[str, str, str]]:
    events = AuditEvent.objects.filter(action="model.refused").order_by("seq")
    assert {event.outcome for event in events} <= {"refused"}
    return [(e.actor, e.detail["act"], e.detail["code"]) for e in events]


def queued(site, version, count=1) -> list[Prediction]:
    studies = [make_study(site) for _ in range(count)]
    return [make_prediction(make_instance(study), version=version) for study in studies]


def claimed() -> list[Prediction]:
    return claim_predictions(limit=100, worker="w", lease=timedelta(minutes=1))


def broken() -> list[str]:
    return [breach for invariant in check_invariants() for breach in invariant.breaches]


# ---------------------------------------------------------------------- proposing and deciding


def test_a_proposal_waits_and_changes_nothing(site, proposed, deployed, better):
    assert (proposed.state, proposed.why, proposed.decided_by) == ("waiting", WHY, None)
    assert live_version(site) == deployed
    assert told("model.proposed") == {
        "by": "data_scientist", "subject": f"model:{better}", "why": WHY, "kind": "live",
    }  # fmt: skip


def test_a_second_person_makes_it_live_and_the_old_one_stays_in_the_history(
    site, proposed, deployed, better, reviewer
):
    approve_deployment(version=better, note="Agreed.", by=reviewer)
    assert live_version(site) == better
    now, before = deployments_at(site)
    assert (now.status, now.until, now.proposal.decided_by) == ("live", None, reviewer)
    assert (before.status, before.model_version, before.proposal) == ("replaced", deployed, None)
    assert before.until >= before.since
    event = AuditEvent.objects.filter(action="model.deployed", chain="demo").latest("seq")
    assert (event.actor, event.subject) == ("reviewer", f"model:{better}")
    assert event.detail == {
        "status": "live", "proposed_by": "data_scientist", "why": WHY, "note": "Agreed.",
        "replaces": str(deployed), "operating_point": "the bundle's own",
    }  # fmt: skip
    assert broken() == []


def test_the_other_site_keeps_what_it_has(other_site, proposed, deployed, better, reviewer):
    approve_deployment(version=better, by=reviewer)
    assert live_version(other_site) == deployed


def test_four_eyes_look_at_the_person_and_not_at_the_role(site, better, deployed):
    both = make_user(site, "data_scientist", "reviewer", username="both")
    propose_deployment(version=better, why=WHY, by=both)
    with pytest.raises(SamePerson):
        approve_deployment(version=better, by=both)
    with pytest.raises(SamePerson):
        decline_deployment(version=better, reason="No.", by=both)
    assert live_version(site) == deployed
    assert refused() == [("both", "approve", "same_person"), ("both", "decline", "same_person")]


def test_declining_says_why_and_changes_nothing(site, proposed, deployed, better, site_admin):
    with pytest.raises(ReasonMissing):
        decline_deployment(version=better, reason=" ", by=site_admin)
    decline_deployment(version=better, reason="One scanner only.", by=site_admin)
    (row,) = proposals_at(site)
    assert (row.state, row.note, row.decided_by) == ("declined", "One scanner only.", site_admin)
    assert live_version(site) == deployed
    assert told("model.declined")["reason"] == "One scanner only."


def test_only_who_proposed_it_withdraws_it(site, proposed, better, data_scientist):
    other = make_user(site, "data_scientist", username="other")
    with pytest.raises(MayNotDecide):
        withdraw_proposal(version=better, by=other)
    withdraw_proposal(version=better, note="A bug.", by=data_scientist)
    assert [(row.state, row.note) for row in proposals_at(site)] == [("withdrawn", "A bug.")]
    with pytest.raises(NothingProposed):
        withdraw_proposal(version=better, by=data_scientist)


def test_what_was_decided_is_not_decided_again(proposed, better, reviewer, site_admin):
    decline_deployment(version=better, reason="No.", by=reviewer)
    with pytest.raises(NothingProposed):
        approve_deployment(version=better, by=site_admin)


def test_after_a_refusal_it_may_be_proposed_again(proposed, better, reviewer, data_scientist):
    decline_deployment(version=better, reason="No.", by=reviewer)
    propose_deployment(version=better, why="With more data.", by=data_scientist)
    approve_deployment(version=better, by=reviewer)
    assert [row.state for row in proposals_at(reviewer.site)] == ["approved", "declined"]


def test_what_is_here_or_waits_is_not_proposed(proposed, better, deployed, data_scientist):
    for version in (better, deployed):
        with pytest.raises(AlreadyHere):
            propose_deployment(version=version, why=WHY, by=data_scientist)


def test_a_paused_version_is_resumed_and_not_proposed(paused, deployed, data_scientist):
    with pytest.raises(AlreadyHere, match="paused here already"):
        propose_deployment(version=deployed, why=WHY, by=data_scientist)


def test_an_earlier_version_may_come_back(
    site, proposed, better, deployed, reviewer, data_scientist
):
    make_report(deployed)
    approve_deployment(version=better, by=reviewer)
    propose_deployment(version=deployed, why="It was better.", by=data_scientist)
    approve_deployment(version=deployed, by=reviewer)
    assert live_version(site) == deployed
    statuses = [(row.model_version, row.status) for row in deployments_at(site)]
    assert statuses == [(deployed, "live"), (better, "replaced"), (deployed, "replaced")]
    assert broken() == []


def test_what_nobody_can_judge_is_not_proposed(deployed, data_scientist):
    bare = make_model_version(version="3.0.0")
    with pytest.raises(WithoutReport, match="came without a report"):
        propose_deployment(version=bare, why=WHY, by=data_scientist)
    assert not Proposal.objects.exists()
    assert refused() == [(data_scientist.username, "propose", "model_without_report")]
    make_report(bare)
    assert propose_deployment(version=bare, why=WHY, by=data_scientist).state == "waiting"


@pytest.mark.parametrize("why", ["", "  \n"])
def test_a_proposal_says_why(better, deployed, data_scientist, why):
    with pytest.raises(ReasonMissing):
        propose_deployment(version=better, why=why, by=data_scientist)


def test_a_reason_is_no_novel(deployed, reviewer):
    with pytest.raises(InvalidInput):
        pause_model(version=deployed, reason="x" * (LONGEST + 1), by=reviewer)


ACTS = {
    "propose": ({"data_scientist"}, lambda v, by: propose_deployment(version=v, why="x", by=by)),
    "approve": ({"reviewer", "site_admin"}, lambda v, by: approve_deployment(version=v, by=by)),
    "decline": (
        {"reviewer", "site_admin"},
        lambda v, by: decline_deployment(version=v, reason="x", by=by),
    ),
    "pause": (
        {"reviewer", "adjudicator"},
        lambda v, by: pause_model(version=v, reason="x", by=by),
    ),
    "resume": ({"reviewer", "site_admin"}, lambda v, by: resume_model(version=v, by=by)),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(
    "role",
    ["uploader", "reader", "reviewer", "adjudicator", "pacs_admin", "data_scientist", "auditor",
     "site_admin"],
)  # fmt: skip
def test_each_act_is_for_some_roles_and_the_others_are_told(site, better, role, act):
    allowed, do = ACTS[act]
    person = make_user(site, role, username="person")
    if role in allowed:
        try:
            do(better, person)
        except (NothingProposed, NotLive, NotPaused):
            return
        assert act == "propose"
        return
    with pytest.raises(MayNotDecide):
        do(better, person)
    assert refused() == [("person", act, "may_not_decide_on_models")]


# ---------------------------------------------------------------------- pausing and resuming


def test_a_paused_version_is_not_claimed_and_what_waits_is_cancelled(
    site, other_site, deployed, reviewer, other_reviewer
):
    here, elsewhere = queued(site, deployed, 3), queued(other_site, deployed)
    pause_model(version=deployed, reason="False alarms.", by=reviewer)
    assert [row.pk for row in claimed()] == [elsewhere[0].pk]
    for row in Prediction.objects.filter(pk__in=[row.pk for row in here]):
        assert (row.state, row.code, row.attempt) == ("cancelled", "model_paused", 0)
        assert row.remedy == "Read the study without the AI."
    cancelled = AuditEvent.objects.filter(action="prediction.cancelled")
    assert {(event.actor, event.detail["code"]) for event in cancelled} == {
        ("reviewer", "model_paused")
    }
    assert told("model.paused")["reason"] == "False alarms."
    assert broken() == []


def test_the_claim_itself_looks_at_the_deployment(site, deployed):
    queued(site, deployed)
    Deployment.objects.filter(site=site).update(status="paused")
    assert claimed() == []
    Deployment.objects.filter(site=site).update(status="live")
    assert len(claimed()) == 1


def test_a_batch_that_runs_may_finish_and_one_that_is_lost_is_not_run_again(
    site, deployed, reviewer
):
    running, lost = queued(site, deployed, 2)
    held = start(running)
    start(lost, lease=-timedelta(minutes=1))
    pause_model(version=deployed, reason="x", by=reviewer)
    assert Prediction.objects.get(pk=running.pk).state == "running"
    sweep()
    assert cancel_paused_predictions() == 1
    assert Prediction.objects.get(pk=lost.pk).code == "model_paused"
    complete_prediction(held, Answer(outcome="scored", score=0.9, finding="present"))
    assert Prediction.objects.get(pk=running.pk).outcome == "scored"
    assert broken() == []


def test_the_button_does_not_wait_for_what_is_cancelled_elsewhere(
    site, other_site, deployed, reviewer
):
    (elsewhere,) = queued(other_site, deployed)
    pause_model(version=deployed, reason="x", by=make_user(other_site, "reviewer"))
    Prediction.objects.filter(pk=elsewhere.pk).update(state="queued", finished_at=None, code="")
    (here,) = queued(site, deployed)
    pause_model(version=deployed, reason="x", by=reviewer)
    assert Prediction.objects.get(pk=here.pk).state == "cancelled"
    assert Prediction.objects.get(pk=elsewhere.pk).state == "queued"
    assert cancel_paused_predictions() == 1


def test_a_paused_site_where_nothing_waits_is_not_locked(paused, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert cancel_paused_predictions() == 0


def test_a_long_queue_is_cancelled_batch_by_batch(site, deployed, reviewer, monkeypatch):
    assert BATCH >= 100
    monkeypatch.setattr("portal.predictions.cancel_services.BATCH", 2)
    queued(site, deployed, 5)
    pause_model(version=deployed, reason="x", by=reviewer)
    waiting = Prediction.objects.filter(state="queued")
    assert waiting.count() == 3
    assert claimed() == []
    assert [cancel_paused_predictions() for _ in range(3)] == [2, 1, 0]
    assert not waiting.exists()


def test_while_it_is_paused_nothing_is_asked_of_it(site, paused, uploader):
    instance = make_instance(make_study(site, by=uploader))
    assert request_prediction(instance=instance, by=uploader) is None
    assert live_version(site) is None
    assert open_pause(site) == paused


def test_pausing_says_why(deployed, reviewer):
    with pytest.raises(ReasonMissing):
        pause_model(version=deployed, reason="  ", by=reviewer)
    assert live_version(reviewer.site) == deployed


def test_what_is_not_live_is_not_paused(paused, deployed, better, reviewer):
    for version in (deployed, better):
        with pytest.raises(NotLive):
            pause_model(version=version, reason="x", by=reviewer)


def test_a_second_person_lets_it_go_on_and_old_studies_stay_without(
    site, paused, deployed, uploader, reviewer
):
    instance = make_instance(make_study(site, by=uploader))
    request_prediction(instance=instance, by=uploader)
    resume_model(version=deployed, note="A software update.", by=reviewer)
    assert live_version(site) == deployed
    assert open_pause(site) is None
    assert not Prediction.objects.filter(instance=instance).exists()
    row = Pause.objects.get()
    assert (row.resumed_by, row.note) == (reviewer, "A software update.")
    assert told("model.resumed") == {
        "by": "reviewer", "subject": f"model:{deployed}", "paused_by": "adjudicator",
        "note": "A software update.",
    }  # fmt: skip
    assert len(queued(site, deployed)) == len(claimed()) == 1
    assert broken() == []


def test_who_paused_it_does_not_let_it_go_on(site, deployed, reviewer):
    pause_model(version=deployed, reason="x", by=reviewer)
    with pytest.raises(SamePerson):
        resume_model(version=deployed, by=reviewer)
    assert open_pause(site)
    assert refused() == [("reviewer", "resume", "same_person")]


def test_what_is_not_paused_is_not_resumed(deployed, reviewer):
    with pytest.raises(NotPaused):
        resume_model(version=deployed, by=reviewer)


def test_it_may_be_paused_again(paused, deployed, reviewer, adjudicator):
    resume_model(version=deployed, by=reviewer)
    pause_model(version=deployed, reason="Again.", by=adjudicator)
    assert Pause.objects.count() == 2
    assert broken() == []


def test_old_answers_keep_version_threshold_and_disclaimer(
    site, deployed, proposed, better, reviewer, adjudicator
):
    study = scored_study(site)
    prediction = Prediction.objects.filter(instance__series__study=study)
    before = prediction.values().get()
    pause_model(version=deployed, reason="x", by=adjudicator)
    approve_deployment(version=better, by=reviewer)
    assert prediction.values().get() == before


# ---------------------------------------------------------------------- one after the other


def test_what_waits_for_a_replaced_version_is_still_read_by_it(
    site, deployed, proposed, better, reviewer
):
    (waiting,) = queued(site, deployed)
    approve_deployment(version=better, by=reviewer)
    (held,) = claimed()
    assert (held.pk, held.model_version) == (waiting.pk, deployed)


def test_what_waits_for_a_paused_version_is_cancelled_when_it_is_replaced(
    site, paused, deployed, proposed, better, reviewer
):
    left = Prediction.objects.create(
        site=site, instance=make_instance(make_study(site)), model_version=deployed,
        requested_at=timezone.now(), rung_at=timezone.now(),
    )  # fmt: skip
    approve_deployment(version=better, by=reviewer)
    assert Prediction.objects.get(pk=left.pk).code == "model_paused"
    assert live_version(site) == better
    assert open_pause(site) is None
    assert claimed() == []


def test_a_replaced_version_is_not_resumed(site, paused, deployed, proposed, better, reviewer):
    approve_deployment(version=better, by=reviewer)
    with pytest.raises(NotPaused):
        resume_model(version=deployed, by=reviewer)
    assert current_deployment(site).model_version == better


def test_what_workers_cannot_run_is_known_while_they_are_there(deployed):
    say_alive(name="w1", queue_name="inference", trouble="The bundle of m 1 is not at m-1.")
    say_alive(name="w2", queue_name="inference")
    assert troubles() == ["The bundle of m 1 is not at m-1."]
    say_alive(name="w1", queue_name="inference")
    assert troubles() == []


# ---------------------------------------------------------------------- the database refuses too


def refuses(write) -> bool:
    with pytest.raises(IntegrityError), transaction.atomic():
        write()
    return True


def test_the_database_knows_one_current_deployment_a_site(site, deployed, better):
    assert refuses(
        lambda: Deployment.objects.create(site=site, model_version=better, status="live")
    )
    assert refuses(
        lambda: Deployment.objects.create(site=site, model_version=better, status="paused")
    )


@pytest.mark.parametrize(
    "changes",
    [{"status": "replaced"}, {"until": timezone.now()}, {"status": "gone"}],
)  # fmt: skip
def test_the_database_knows_that_a_deployment_ends_when_it_is_replaced(site, deployed, changes):
    assert refuses(lambda: Deployment.objects.filter(site=site).update(**changes))


def test_the_database_wants_two_persons_for_a_decision(proposed, data_scientist, reviewer):
    row, now = Proposal.objects.filter(pk=proposed.pk), timezone.now()
    by_oneself = {"decided_by": data_scientist, "decided_at": now}
    by_another = {"decided_by": reviewer, "decided_at": now}
    for changes in (
        {"state": "approved"} | by_oneself,
        {"state": "declined", "note": "No."} | by_oneself,
        {"state": "declined"} | by_another,
        {"state": "withdrawn"} | by_another,
        {"state": "approved"},
        by_another,
        {"why": ""},
        {"state": "lost"},
    ):
        assert refuses(lambda changes=changes: row.update(**changes)), changes
    row.update(state="approved", **by_another)


def test_the_database_wants_two_persons_for_a_pause(paused, adjudicator, reviewer):
    row, now = Pause.objects.filter(pk=paused.pk), timezone.now()
    for changes in (
        {"resumed_by": adjudicator, "resumed_at": now},
        {"resumed_by": reviewer},
        {"resumed_at": now},
        {"reason": ""},
    ):
        assert refuses(lambda changes=changes: row.update(**changes)), changes
    assert refuses(
        lambda: Pause.objects.create(
            deployment=paused.deployment, reason="x", paused_by=reviewer, paused_at=now
        )
    )
    row.update(resumed_by=reviewer, resumed_at=now)


def test_one_proposal_of_a_version_waits_at_a_site(proposed, data_scientist):
    assert refuses(
        lambda: Proposal.objects.create(
            site=proposed.site, model_version=proposed.model_version, why="x",
            proposed_by=data_scientist, proposed_at=timezone.now(),
        )
    )  # fmt: skip
