"""What is tried beside the live version: in shadow, as a canary, live, and back again."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.errors import InvalidInput, ReasonMissing
from portal.predictions.challenger_services import (
    MOST_DAYS,
    NotChallenging,
    end_challenger,
    start_shadow,
)
from portal.predictions.decision_rules import (
    ChallengerThere,
    MayNotDecide,
    NotLive,
    SamePerson,
)
from portal.predictions.deployment_models import LARGEST_SHARE
from portal.predictions.deployment_selectors import challenger_at, live_version, version_before
from portal.predictions.deployment_services import (
    AlreadyHere,
    NothingBefore,
    WithoutReport,
    approve_deployment,
    propose_deployment,
    propose_rollback,
)
from portal.predictions.models import Deployment, Prediction, Proposal
from portal.predictions.operator_services import retry_prediction
from portal.predictions.pause_services import pause_model, resume_model
from portal.predictions.selectors import live_versions
from portal.predictions.services import request_prediction
from portal.reviews.invariants import check_invariants
from tests.factories import make_instance, make_model_version, make_study, make_user

WHY = "Fewer false alarms."


@pytest.fixture
def better(db):
    return make_model_version(reported=True, version="2.0.0")


@pytest.fixture
def third(db):
    return make_model_version(reported=True, version="3.0.0")


@pytest.fixture
def in_shadow(better, deployed, data_scientist):
    return start_shadow(version=better, why=WHY, by=data_scientist)


@pytest.fixture
def canary(better, deployed, data_scientist, reviewer):
    propose_deployment(version=better, why=WHY, share=50, by=data_scientist)
    return approve_deployment(version=better, by=reviewer)


def asked(site, count: int = 40) -> list[Prediction]:
    """Return predictions of as many new studies."""
    images = [make_instance(make_study(site)) for _ in range(count)]
    return [request_prediction(instance=image, by=image.received_by) for image in images]


def broken() -> list[str]:
    return [breach for invariant in check_invariants() for breach in invariant.breaches]


def told(action: str) -> dict:
    event = AuditEvent.objects.filter(chain="demo", action=action).latest("seq")
    return {"by": event.actor, "subject": event.subject} | event.detail


def refused() -> set[tuple[str, str]]:
    events = AuditEvent.objects.filter(action="model.refused")
    return {(event.detail["act"], event.detail["code"]) for event in events}


# ---------------------------------------------------------------------- in shadow


def test_a_version_in_shadow_reads_nothing_for_the_readers(
    site, in_shadow, deployed, better, reviewer
):
    assert challenger_at(site) == in_shadow
    assert {p.model_version for p in asked(site, 5)} == {deployed}
    assert list(live_versions()) == [deployed]
    assert told("model.shadowed") == {
        "by": "data_scientist", "subject": f"model:{better}", "why": WHY, "days": 0,
    }  # fmt: skip
    assert broken() == []


def test_it_may_also_read_what_came_before_it(better, deployed, data_scientist):
    row = start_shadow(version=better, why=WHY, days=30, by=data_scientist)
    assert row.since - row.reads_from == pytest.approx(timedelta(days=30), abs=timedelta(minutes=1))


@pytest.mark.parametrize("days", [-1, MOST_DAYS + 1])
def test_how_far_back_is_bounded(better, deployed, data_scientist, days):
    with pytest.raises(InvalidInput, match=f"0 to {MOST_DAYS} days"):
        start_shadow(version=better, why=WHY, days=days, by=data_scientist)


def test_only_data_scientists_put_a_version_in_shadow_and_say_why(
    better, deployed, reviewer, data_scientist
):
    with pytest.raises(MayNotDecide):
        start_shadow(version=better, why=WHY, by=reviewer)
    with pytest.raises(ReasonMissing):
        start_shadow(version=better, why=" ", by=data_scientist)
    assert refused() == {("shadow", "may_not_decide_on_models"), ("shadow", "reason_missing")}


def test_one_is_tried_at_a_time(in_shadow, better, third, deployed, data_scientist):
    with pytest.raises(AlreadyHere):
        start_shadow(version=better, why=WHY, by=data_scientist)
    with pytest.raises(AlreadyHere):
        start_shadow(version=deployed, why=WHY, by=data_scientist)
    with pytest.raises(ChallengerThere, match="end that first"):
        start_shadow(version=third, why=WHY, by=data_scientist)
    with pytest.raises(ChallengerThere):
        propose_deployment(version=third, why=WHY, share=10, by=data_scientist)


def test_the_database_knows_one_challenger_a_site(site, in_shadow, third, data_scientist):
    said = {"reads_from": timezone.now(), "started_by": data_scientist, "why": WHY}
    with pytest.raises(IntegrityError), transaction.atomic():
        Deployment.objects.create(site=site, model_version=third, status="shadow", **said)


@pytest.mark.parametrize(
    "changes",
    [
        {"reads_from": None}, {"started_by": None}, {"why": ""}, {"share": 10},
        {"status": "live"}, {"status": "canary"},
    ],
)  # fmt: skip
def test_the_database_knows_what_a_version_in_shadow_has(in_shadow, changes):
    with pytest.raises(IntegrityError), transaction.atomic():
        Deployment.objects.filter(pk=in_shadow.pk).update(**changes)


def test_there_has_to_be_something_to_try_it_beside(site, better, data_scientist):
    with pytest.raises(NotLive):
        start_shadow(version=better, why=WHY, by=data_scientist)


def test_a_version_without_a_report_is_not_tried(deployed, data_scientist):
    bare = make_model_version(version="2.0.0")
    with pytest.raises(WithoutReport):
        start_shadow(version=bare, why=WHY, by=data_scientist)


@pytest.mark.parametrize("role", ["data_scientist", "reviewer", "adjudicator", "site_admin"])
def test_any_of_those_who_decide_ends_it(site, in_shadow, better, role):
    end_challenger(version=better, reason="Enough.", by=make_user(site, role))
    assert challenger_at(site) is None
    row = Deployment.objects.get(pk=in_shadow.pk)
    assert (row.status, row.is_challenger) == ("replaced", True)
    assert told("model.ended")["was"] == "shadow"
    assert broken() == []


def test_others_do_not_end_it_and_it_ends_once(site, in_shadow, better, uploader, reviewer):
    with pytest.raises(MayNotDecide):
        end_challenger(version=better, reason="Enough.", by=uploader)
    with pytest.raises(ReasonMissing):
        end_challenger(version=better, reason="", by=reviewer)
    end_challenger(version=better, reason="Enough.", by=reviewer)
    with pytest.raises(NotChallenging):
        end_challenger(version=better, reason="Enough.", by=reviewer)


def test_an_ended_trial_is_no_version_to_roll_back_to(site, in_shadow, better, reviewer):
    end_challenger(version=better, reason="Enough.", by=reviewer)
    assert version_before(site) is None


# ---------------------------------------------------------------------- canaries


def test_a_canary_reads_its_share_for_the_readers(site, canary, deployed, better):
    assert (canary.status, canary.share, canary.is_challenger) == ("canary", 50, True)
    versions = [p.model_version for p in asked(site)]
    assert 8 <= versions.count(better) <= 32
    assert versions.count(better) + versions.count(deployed) == 40
    assert live_version(site) == deployed
    assert set(live_versions()) == {deployed, better}
    assert told("model.deployed") == {
        "by": "reviewer", "subject": f"model:{better}", "status": "canary", "share": 50,
        "proposed_by": "data_scientist", "why": WHY, "note": "", "replaces": "",
        "operating_point": "the bundle's own",
    }  # fmt: skip
    assert broken() == []


def test_the_images_of_a_study_are_read_by_one_version(site, canary):
    for _ in range(10):
        study = make_study(site)
        images = [make_instance(study) for _ in range(3)]
        read = {request_prediction(instance=i, by=i.received_by).model_version for i in images}
        assert len(read) == 1


def test_the_share_is_a_share(canary):
    many = [canary.reads_for_readers(f"1.2.3.{number}") for number in range(4000)]
    assert 1850 <= sum(many) <= 2150
    canary.share = 10
    some = [canary.reads_for_readers(f"1.2.3.{number}") for number in range(4000)]
    assert 320 <= sum(some) <= 480
    assert all(one for one, smaller in zip(many, some, strict=True) if smaller)


def test_another_seed_draws_other_studies(canary):
    before = [canary.reads_for_readers(f"1.2.3.{number}") for number in range(200)]
    canary.seed = "another"
    assert before != [canary.reads_for_readers(f"1.2.3.{number}") for number in range(200)]


def test_a_canary_takes_two_persons(site, better, deployed, reviewer):
    both = make_user(site, "data_scientist", "reviewer", username="both")
    proposal = propose_deployment(version=better, why=WHY, share=10, by=both)
    assert (proposal.kind, proposal.share) == ("canary", 10)
    assert challenger_at(site) is None
    with pytest.raises(SamePerson):
        approve_deployment(version=better, by=both)
    assert approve_deployment(version=better, by=reviewer).share == 10


@pytest.mark.parametrize("share", [0, -1, LARGEST_SHARE + 1])
def test_a_share_is_bounded(better, deployed, data_scientist, share):
    with pytest.raises(InvalidInput, match=f"1 to {LARGEST_SHARE} percent"):
        propose_deployment(version=better, why=WHY, share=share, by=data_scientist)


def test_what_was_in_shadow_becomes_a_canary_and_then_live(
    site, in_shadow, better, deployed, data_scientist, reviewer
):
    propose_deployment(version=better, why=WHY, share=20, by=data_scientist)
    approve_deployment(version=better, by=reviewer)
    assert challenger_at(site).status == "canary"
    propose_deployment(version=better, why=WHY, by=data_scientist)
    approve_deployment(version=better, by=reviewer)
    assert challenger_at(site) is None
    assert live_version(site) == better
    assert version_before(site) == deployed
    ended = AuditEvent.objects.filter(action="model.ended").order_by("seq")
    assert [event.detail["was"] for event in ended] == ["shadow", "canary"]
    assert broken() == []


def test_another_version_made_live_leaves_the_challenger(
    site, in_shadow, third, data_scientist, reviewer
):
    propose_deployment(version=third, why=WHY, by=data_scientist)
    approve_deployment(version=third, by=reviewer)
    assert challenger_at(site) == in_shadow


def test_a_canary_needs_a_live_version_when_it_is_approved_too(
    better, deployed, data_scientist, reviewer, adjudicator
):
    propose_deployment(version=better, why=WHY, share=10, by=data_scientist)
    pause_model(version=deployed, reason="False alarms.", by=adjudicator)
    with pytest.raises(NotLive):
        approve_deployment(version=better, by=reviewer)
    assert Proposal.objects.get().state == "waiting"


def test_what_waits_for_an_ended_canary_is_cancelled_and_read_by_the_live_one_if_asked_for(
    site, canary, better, deployed, reviewer, pacs_admin
):
    waiting = [p for p in asked(site) if p.model_version == better]
    end_challenger(version=better, reason="It misses too much.", by=reviewer)
    rows = Prediction.objects.filter(pk__in=[p.pk for p in waiting])
    assert set(rows.values_list("state", "code")) == {("cancelled", "model_paused")}
    event = AuditEvent.objects.filter(action="prediction.cancelled").first()
    assert event.actor == "reviewer"
    again = retry_prediction(prediction=rows[0], by=pacs_admin)
    assert again.model_version == deployed
    assert {p.model_version for p in asked(site, 10)} == {deployed}
    assert broken() == []


def test_the_stop_button_stops_the_canary_too(
    site, canary, better, deployed, adjudicator, reviewer
):
    waiting = [p for p in asked(site) if p.model_version == better]
    pause_model(version=deployed, reason="False alarms.", by=adjudicator)
    assert challenger_at(site) is None
    assert asked(site, 3) == [None, None, None]
    rows = Prediction.objects.filter(pk__in=[p.pk for p in waiting])
    assert set(rows.values_list("state", flat=True)) == {"cancelled"}
    resume_model(version=deployed, by=reviewer)
    assert {p.model_version for p in asked(site, 10)} == {deployed}
    assert broken() == []


def test_the_stop_button_leaves_the_shadow(site, in_shadow, deployed, adjudicator):
    pause_model(version=deployed, reason="False alarms.", by=adjudicator)
    assert challenger_at(site) == in_shadow


@pytest.mark.parametrize(
    "changes", [{"share": None}, {"share": 51}, {"share": 0}, {"seed": ""}, {"proposal": None}]
)
def test_the_database_knows_what_a_canary_has(canary, changes):
    with pytest.raises(IntegrityError), transaction.atomic():
        Deployment.objects.filter(pk=canary.pk).update(**changes)


@pytest.mark.parametrize("changes", [{"share": None}, {"share": 51}, {"kind": "live"}])
def test_the_database_knows_what_the_proposal_of_a_canary_has(canary, changes):
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.update(**changes)


# ---------------------------------------------------------------------- back again


@pytest.fixture
def promoted(site, better, deployed, data_scientist, reviewer):
    propose_deployment(version=better, why=WHY, by=data_scientist)
    return approve_deployment(version=better, by=reviewer)


@pytest.mark.parametrize("role", ["data_scientist", "reviewer", "adjudicator", "site_admin"])
def test_one_person_asks_to_roll_back_and_a_second_does_it(
    site, promoted, better, deployed, site_admin, role
):
    proposal = propose_rollback(version=better, why="Missed two.", by=make_user(site, role))
    assert (proposal.kind, proposal.model_version) == ("rollback", deployed)
    assert live_version(site) == better
    approve_deployment(version=deployed, by=site_admin)
    assert live_version(site) == deployed
    assert version_before(site) == better
    assert told("model.deployed")["replaces"] == str(better)
    assert broken() == []


def test_nobody_rolls_back_alone(site, promoted, better, deployed):
    both = make_user(site, "data_scientist", "reviewer", username="both")
    propose_rollback(version=better, why="Missed two.", by=both)
    with pytest.raises(SamePerson):
        approve_deployment(version=deployed, by=both)


def test_a_paused_version_can_be_rolled_back(
    site, promoted, better, deployed, reviewer, adjudicator
):
    pause_model(version=better, reason="Missed two.", by=reviewer)
    propose_rollback(version=better, why="Missed two.", by=reviewer)
    approve_deployment(version=deployed, by=make_user(site, "reviewer"))
    assert live_version(site) == deployed


def test_what_was_read_before_a_rollback_stays(
    site, promoted, better, deployed, reviewer, site_admin
):
    rows = asked(site, 3)
    propose_rollback(version=better, why="Missed two.", by=reviewer)
    approve_deployment(version=deployed, by=site_admin)
    assert {Prediction.objects.get(pk=row.pk).model_version for row in rows} == {better}


def test_without_a_version_before_there_is_nothing_to_roll_back(better, deployed, reviewer):
    with pytest.raises(NothingBefore):
        propose_rollback(version=deployed, why="Missed two.", by=reviewer)
    with pytest.raises(NotLive):
        propose_rollback(version=better, why="Missed two.", by=reviewer)
    assert refused() == {("rollback", "no_version_before"), ("rollback", "model_not_live")}


def test_a_rollback_is_asked_for_once_by_who_may_and_says_why(
    promoted, better, reviewer, uploader, site_admin
):
    with pytest.raises(MayNotDecide):
        propose_rollback(version=better, why="Missed two.", by=uploader)
    with pytest.raises(ReasonMissing):
        propose_rollback(version=better, why="", by=reviewer)
    propose_rollback(version=better, why="Missed two.", by=reviewer)
    with pytest.raises(AlreadyHere):
        propose_rollback(version=better, why="Missed two.", by=site_admin)
