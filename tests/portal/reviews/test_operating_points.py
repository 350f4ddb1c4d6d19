"""The cut-off of a site: chosen on signed studies, by two signatures; one to undo."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.accounts.roles import Role
from portal.accounts.services import PasswordWrong
from portal.audit.models import AuditEvent
from portal.errors import InvalidInput, ReasonMissing
from portal.predictions.decision_rules import MayNotDecide, SamePerson
from portal.predictions.deployment_services import approve_deployment, propose_deployment
from portal.predictions.models import OperatingPoint, Prediction
from portal.predictions.operating_point_selectors import (
    NoSuchOperatingPoint,
    point_in_force,
    point_of,
    points_at,
)
from portal.predictions.services import Answer
from portal.reviews.operating_point_invariants import operating_point_breaches
from portal.reviews.operating_point_selectors import candidates, set_behind, signed_set
from portal.reviews.operating_point_services import (
    NothingScored,
    OperatingPointOver,
    OperatingPointWaits,
    SetChanged,
    SetTooSmall,
    approve_operating_point,
    decline_operating_point,
    propose_operating_point,
    withdraw_operating_point,
)
from tests.factories import (
    PASSWORD,
    finish,
    make_instance,
    make_model_version,
    make_prediction,
    make_study,
    make_user,
    scored_study,
)
from tests.portal.reviews.signed_worlds import ABSENT, PRESENT, choice_of, sign_studies
from tests.portal.watch.worlds import read, scanned

pytestmark = pytest.mark.django_db
TODAY = timezone.now().date()
CHOICE = choice_of()
NAMED = {
    "set": "First spring",
    "threshold": 0.4,
    "sensitivity": "10 of 12",
    "specificity": "7 of 15",
}


def propose(version, by, choice=CHOICE, **changes):
    said = {"why": "Our own.", "password": PASSWORD} | changes
    return propose_operating_point(version=version, choice=choice, by=by, **said)


def approve(point, by, **changes):
    return approve_operating_point(point=point, by=by, **{"password": PASSWORD} | changes)


def events(action):
    return list(AuditEvent.objects.filter(action=action).order_by("seq"))


def scored(site, score, finding="present"):
    """Return a prediction done now, as a classifier answers at the bundle's own cut-off."""
    answer = Answer(outcome="scored", score=score, finding=finding)
    return finish(make_prediction(make_instance(make_study(site))), answer)


@pytest.fixture
def signed(site, deployed, reader):
    sign_studies(site, deployed, reader)


@pytest.fixture
def waiting(signed, deployed, data_scientist):
    return propose(deployed, data_scientist)


@pytest.fixture
def in_force(waiting, reviewer):
    return approve(waiting, reviewer, note="Seen.")


def test_it_takes_two_signatures_and_says_on_what(
    site, deployed, in_force, data_scientist, reviewer
):
    row = point_in_force(site, deployed)
    assert row == in_force
    assert (row.proposed_by, row.proposed_name) == (data_scientist, str(data_scientist))
    assert (row.decided_by, row.decided_name) == (reviewer, str(reviewer))
    assert (row.threshold, row.set_name, row.note) == (0.4, "First spring", "Seen.")
    assert (row.n_present, row.n_absent, row.left_out) == (len(PRESENT), len(ABSENT), 0)
    assert (row.sensitivity.found, row.specificity.found) == (10, 7)
    assert row.saw_ai == row.counted == 27
    assert row.set_sha256 == signed_set(site, deployed, CHOICE.since, CHOICE.until).sha256


def test_each_act_is_in_the_trail_with_the_set_and_the_figures(waiting, reviewer):
    row = approve(waiting, reviewer, note="Seen.")
    withdraw_operating_point(point=row, reason="Missed two.", by=reviewer)
    proposed, approved, withdrawn = (
        events(f"operating_point.{act}")[0] for act in ("proposed", "approved", "withdrawn")
    )
    for event in (proposed, approved, withdrawn):
        assert event.subject == f"model:{row.model_version}"
        assert event.detail.items() >= (NAMED | {"set_sha256": row.set_sha256}).items()
    assert (proposed.actor, proposed.detail["why"]) == ("data_scientist", "Our own.")
    assert (approved.detail["proposed_by"], approved.detail["note"]) == ("data_scientist", "Seen.")
    assert withdrawn.detail["reason"] == "Missed two."


def test_the_indeterminate_and_those_of_other_days_do_not_count(
    site, deployed, signed, reader, data_scientist
):
    read(scanned(site, deployed, reader, score=0.9), reader, "indeterminate")
    assert propose(deployed, data_scientist).left_out == 1
    early = replace(CHOICE, since=date(2020, 1, 1), until=date(2020, 2, 1))
    with pytest.raises(SetTooSmall, match="0 signed studies with pneumonia and 0 without"):
        propose(make_version_with_scores(site, reader), data_scientist, early)


def make_version_with_scores(site, by):
    version = make_model_version(version="2.0.0")
    scanned(site, version, by, score=0.9)
    return version


def test_what_is_scored_from_then_on_is_held_against_it(site, deployed, in_force):
    row = scored(site, 0.45, "absent")
    assert (row.finding, row.threshold, row.operating_point) == ("present", 0.4, in_force)
    below = scored(site, 0.39, "absent")
    assert (below.finding, below.operating_point) == ("absent", in_force)
    completed = events("prediction.completed")[-1]
    assert completed.detail["operating_point"] == in_force.pk


def test_what_was_scored_before_is_not_touched(site, waiting, reviewer):
    row = scored(site, 0.45, "absent")
    approve(waiting, reviewer)
    row.refresh_from_db()
    assert (row.finding, row.threshold, row.operating_point) == ("absent", 0.5, None)


def test_one_that_waits_or_was_taken_back_decides_nothing(site, waiting, reviewer):
    assert scored(site, 0.45, "absent").operating_point is None
    row = approve(waiting, reviewer)
    withdraw_operating_point(point=row, reason="Alarms.", by=reviewer)
    after = scored(site, 0.45, "absent")
    assert (after.threshold, after.finding, after.operating_point) == (0.5, "absent", None)
    assert "operating_point" not in events("prediction.completed")[-1].detail


def test_it_is_of_one_site_and_one_version(site, other_site, deployed, in_force):
    assert scored(other_site, 0.45, "absent").operating_point is None
    assert point_in_force(other_site, deployed) is None
    assert point_in_force(site, make_model_version(version="2.0.0")) is None


def test_what_has_no_score_has_no_cut_off(site, deployed, in_force):
    answer = Answer(outcome="not_applicable", code="view_not_frontal", detail="L", remedy="N")
    row = finish(make_prediction(make_instance(make_study(site))), answer)
    assert (row.threshold, row.operating_point, row.finding) == (None, None, "")


def test_the_next_one_replaces_it(site, deployed, in_force, data_scientist, reviewer):
    row = approve(propose(deployed, data_scientist, replace(CHOICE, threshold=0.3)), reviewer)
    in_force.refresh_from_db()
    assert (in_force.state, in_force.ended_by) == ("replaced", reviewer)
    assert point_in_force(site, deployed) == row
    assert events("operating_point.approved")[-1].detail["replaces"] == in_force.pk
    assert list(points_at(site)) == [row, in_force]


@pytest.mark.parametrize(
    ("changes", "refusal", "words"),
    [
        ({"threshold": 0.0}, InvalidInput, "between 0 and 1"),
        ({"threshold": 1.0}, InvalidInput, "between 0 and 1"),
        ({"threshold": -0.1}, InvalidInput, "between 0 and 1"),
        ({"threshold": float("nan")}, InvalidInput, "between 0 and 1"),
        ({"threshold": 0.41235}, InvalidInput, "at most 4 decimals"),
        ({"set_name": " "}, InvalidInput, "Name the set"),
        ({"set_name": "x" * 121}, InvalidInput, "at most 120"),
        ({"since": TODAY + timedelta(days=9)}, InvalidInput, "end before they begin"),
        ({"seen": "0" * 64}, SetChanged, "changed since it was shown"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(
    deployed, signed, data_scientist, changes, refusal, words
):
    with pytest.raises(refusal, match=words):
        propose(deployed, data_scientist, replace(CHOICE, **changes))
    assert not OperatingPoint.objects.exists()
    assert events("model.refused")[-1].detail["act"] == "propose operating point"


@pytest.mark.parametrize(("present", "absent"), [(9, 15), (12, 9)])
def test_a_set_with_fewer_than_ten_of_a_kind_is_refused(
    site, deployed, reader, data_scientist, present, absent
):
    sign_studies(site, deployed, reader, PRESENT[:present], ABSENT[:absent])
    with pytest.raises(SetTooSmall, match=f"{present} signed studies with .* and {absent} without"):
        propose(deployed, data_scientist)


def test_a_version_that_scored_nothing_here_is_refused(signed, data_scientist):
    with pytest.raises(NothingScored, match="has not scored anything"):
        propose(make_model_version(version="2.0.0"), data_scientist)


def test_a_version_that_is_not_live_may_have_one(site, signed, reader, data_scientist, reviewer):
    version = make_model_version(version="2.0.0")
    sign_studies(site, version, reader)
    row = approve(propose(version, data_scientist), reviewer)
    assert point_in_force(site, version) == row


def test_a_second_one_has_to_wait(waiting, deployed, data_scientist):
    with pytest.raises(OperatingPointWaits, match="waits for a second person"):
        propose(deployed, data_scientist)


@pytest.mark.parametrize("role", [role for role in Role if role != Role.DATA_SCIENTIST])
def test_only_data_scientists_propose(site, deployed, signed, role):
    with pytest.raises(MayNotDecide):
        propose(deployed, make_user(site, role))


@pytest.mark.parametrize(
    "role", [role for role in Role if role not in {Role.REVIEWER, Role.ADJUDICATOR}]
)
def test_only_who_signs_studies_approves_or_declines(site, waiting, role):
    person = make_user(site, role)
    with pytest.raises(MayNotDecide):
        approve(waiting, person)
    with pytest.raises(MayNotDecide):
        decline_operating_point(point=waiting, reason="No.", by=person)


@pytest.mark.parametrize("role", ["reviewer", "adjudicator"])
def test_who_signs_studies_is_the_second_signature(site, waiting, role):
    person = make_user(site, role)
    row = approve(waiting, person)
    assert (row.state, row.decided_by) == ("in_force", person)


def test_a_wrong_password_signs_nothing(waiting, deployed, data_scientist, reviewer):
    with pytest.raises(PasswordWrong):
        approve(waiting, reviewer, password="wrong")
    decline_operating_point(point=waiting, reason="No.", by=reviewer)
    with pytest.raises(PasswordWrong):
        propose(deployed, data_scientist, password="wrong")


def test_it_takes_a_reason(deployed, signed, data_scientist, reviewer):
    with pytest.raises(ReasonMissing):
        propose(deployed, data_scientist, why=" ")
    waits = propose(deployed, data_scientist)
    with pytest.raises(ReasonMissing):
        decline_operating_point(point=waits, reason=" ", by=reviewer)
    with pytest.raises(ReasonMissing):
        withdraw_operating_point(point=waits, reason=" ", by=data_scientist)


def test_the_same_person_cannot_be_both(site, deployed, signed):
    both = make_user(site, "data_scientist", "reviewer")
    row = propose(deployed, both)
    with pytest.raises(SamePerson):
        approve(row, both)
    with pytest.raises(SamePerson):
        decline_operating_point(point=row, reason="No.", by=both)


def test_what_is_over_cannot_be_decided_on_again(waiting, reviewer, data_scientist):
    row = decline_operating_point(point=waiting, reason="Too few.", by=reviewer)
    assert (row.state, row.note, row.decided_by) == ("declined", "Too few.", reviewer)
    assert events("operating_point.declined")[0].detail["reason"] == "Too few."
    with pytest.raises(OperatingPointOver):
        approve(row, reviewer)
    with pytest.raises(OperatingPointOver):
        withdraw_operating_point(point=row, reason="x", by=data_scientist)


def test_one_that_waits_is_withdrawn_by_who_proposed_it_alone(waiting, reviewer, data_scientist):
    with pytest.raises(MayNotDecide, match="decline it"):
        withdraw_operating_point(point=waiting, reason="x", by=reviewer)
    row = withdraw_operating_point(point=waiting, reason="Wrong days.", by=data_scientist)
    assert (row.state, row.decided_by, row.ended_by) == ("withdrawn", None, data_scientist)


@pytest.mark.parametrize("role", ["reader", "uploader", "pacs_admin", "auditor"])
def test_one_in_force_is_withdrawn_by_whoever_decides_on_models(site, in_force, role):
    with pytest.raises(MayNotDecide):
        withdraw_operating_point(point=in_force, reason="x", by=make_user(site, role))


def test_what_is_signed_after_the_proposal_is_no_part_of_the_set(
    site, deployed, waiting, reader, reviewer
):
    scanned(site, deployed, reader, score=0.1, presence="present")
    row = approve(waiting, reviewer)
    assert (row.state, row.n_present) == ("in_force", len(PRESENT))
    assert len(set_behind(row).present) == len(PRESENT)


def test_a_set_that_does_not_come_out_again_is_not_approved(
    site, deployed, waiting, reader, reviewer
):
    slow = scanned(site, deployed, reader, score=0.1)
    with time_machine.travel(waiting.proposed_at - timedelta(seconds=1), tick=False):
        read(slow, reader, "present")  # of a transaction that was slow to commit
    with pytest.raises(SetChanged, match="others than those it was chosen on"):
        approve(waiting, reviewer)
    waiting.refresh_from_db()
    assert waiting.state == "waiting"


def test_another_sites_point_is_not_there(other_site, in_force):
    with pytest.raises(NoSuchOperatingPoint):
        point_of(make_user(other_site, "reviewer"), in_force.pk)


def test_the_deployment_says_in_the_trail_which_cut_off_counts(
    site, signed, reader, data_scientist, reviewer
):
    own, theirs = (make_model_version(reported=True, version=number) for number in ("2.0", "3.0"))
    sign_studies(site, own, reader)
    point = approve(propose(own, data_scientist), reviewer)
    for version in (own, theirs):
        propose_deployment(version=version, why="Better.", by=data_scientist)
        approve_deployment(version=version, by=reviewer)
    said = [event.detail["operating_point"] for event in events("model.deployed")]
    assert said[-2:] == [point.pk, "the bundle's own"]
    assert set(said[:-2]) == {"the bundle's own"}


def test_what_is_offered_reaches_what_it_says(site, deployed, in_force):
    found = signed_set(site, deployed)
    offered = {one.why: one.cut_off for one in candidates(found, deployed, in_force)}
    assert list(offered) == [
        "Sensitivity of at least 99 %", "Sensitivity of at least 97.5 %",
        "Sensitivity of at least 95 %", "Sensitivity of at least 90 %", "In force here",
        "The model's own",
    ]  # fmt: skip
    assert offered["Sensitivity of at least 90 %"].sensitivity.value >= 0.9
    assert offered["In force here"].threshold == 0.4
    assert offered["The model's own"].threshold == deployed.threshold


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"threshold": 0}, "operating_point_in_0_1"),
        ({"threshold": 1}, "operating_point_in_0_1"),
        ({"why": ""}, "operating_point_says_who_and_why"),
        ({"set_name": ""}, "operating_point_says_who_and_why"),
        ({"set_sha256": "x"}, "operating_point_names_its_set"),
        ({"until": date(2020, 1, 1)}, "operating_point_names_its_set"),
        ({"n_present": 9}, "operating_point_counts_enough"),
        ({"n_absent": 9}, "operating_point_counts_enough"),
        ({"true_positives": 13}, "operating_point_counts_enough"),
        ({"true_negatives": 16}, "operating_point_counts_enough"),
        ({"saw_ai": 28}, "operating_point_counts_enough"),
        ({"state": "in_force"}, "operating_point_fields_match_state"),
        ({"state": "withdrawn"}, "operating_point_fields_match_state"),
    ],
)
def test_the_database_refuses_it_too(waiting, changes, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        OperatingPoint.objects.filter(pk=waiting.pk).update(**changes)


def test_the_database_wants_two_persons(waiting, data_scientist):
    signature = {"decided_by": data_scientist, "decided_name": "D", "decided_at": timezone.now()}
    with (
        pytest.raises(IntegrityError, match="decided_by_a_second_person"),
        transaction.atomic(),
    ):
        OperatingPoint.objects.filter(pk=waiting.pk).update(state="in_force", **signature)


def test_the_database_has_one_in_force_and_one_waiting(in_force, deployed, data_scientist):
    second = propose(deployed, data_scientist)
    signature = {"decided_by": in_force.decided_by, "decided_name": "R"}
    with pytest.raises(IntegrityError), transaction.atomic():
        OperatingPoint.objects.filter(pk=second.pk).update(
            state="in_force", decided_at=timezone.now(), **signature
        )
    second.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        second.save(force_insert=True)


def test_the_database_holds_nothing_against_it_that_is_not_scored(site, in_force):
    row = make_prediction(make_instance(make_study(site)))
    with (
        pytest.raises(IntegrityError, match="prediction_held_only_when_scored"),
        transaction.atomic(),
    ):
        Prediction.objects.filter(pk=row.pk).update(operating_point=in_force)


def test_the_invariants_hold_and_see_what_breaks_them(site, other_site, deployed, in_force):
    row = scored(site, 0.45)
    assert list(operating_point_breaches()) == []
    Prediction.objects.filter(pk=row.pk).update(threshold=0.5)
    (breach,) = operating_point_breaches()
    assert str(row.pk) in breach
    foreign = Prediction.objects.get(instance__series__study=scored_study(other_site))
    Prediction.objects.filter(pk=foreign.pk).update(operating_point=in_force, threshold=0.4)
    assert len(list(operating_point_breaches())) == 2
    OperatingPoint.objects.filter(pk=in_force.pk).update(set_sha256="0" * 64)
    assert f"operating point {in_force.pk}: its set does not come out again" in list(
        operating_point_breaches()
    )
