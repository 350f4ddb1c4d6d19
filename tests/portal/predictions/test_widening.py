"""What a site lets a model version score besides its intended use: two signatures, one to undo."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.accounts.roles import Role
from portal.accounts.services import PasswordWrong
from portal.accounts.throttle_services import TooManyAttempts
from portal.audit.models import AuditEvent
from portal.errors import InvalidInput, NotFound, ReasonMissing
from portal.predictions.decision_rules import MayNotDecide, NotLive, SamePerson
from portal.predictions.deployment_services import approve_deployment, propose_deployment
from portal.predictions.models import Widening
from portal.predictions.widening_selectors import (
    widening_in_force,
    widening_of,
    widenings_at,
    widenings_in_force,
)
from portal.predictions.widening_services import (
    WideningOver,
    WideningWaits,
    approve_widening,
    decline_widening,
    propose_widening,
    withdraw_widening,
)
from portal.predictions.wider import Wider
from tests.factories import PASSWORD, make_model_version, make_user

pytestmark = pytest.mark.django_db
ADULTS = Wider(age_years=(0, 130), views=("LL", "AP"), modalities=("RG",))


def propose(version, by, wider=ADULTS, **changes):
    said = {"why": "Our own 400 adults.", "password": PASSWORD} | changes
    return propose_widening(version=version, wider=wider, by=by, **said)


def approve(widening, by, **changes):
    return approve_widening(widening=widening, by=by, **{"password": PASSWORD} | changes)


def events(action):
    return [
        (e.chain, e.subject, e.actor, e.detail) for e in AuditEvent.objects.filter(action=action)
    ]


@pytest.fixture
def waiting(deployed, data_scientist):
    return propose(deployed, data_scientist)


@pytest.fixture
def in_force(waiting, reviewer):
    return approve(waiting, reviewer, note="Seen.")


def test_it_takes_two_signatures_and_says_whose(site, deployed, in_force, data_scientist, reviewer):
    row = widening_in_force(site, deployed)
    assert row == in_force
    assert (row.proposed_by, row.proposed_name) == (data_scientist, str(data_scientist))
    assert (row.decided_by, row.decided_name) == (reviewer, str(reviewer))
    assert row.proposed_at <= row.decided_at <= timezone.now()
    assert (row.youngest, row.oldest, row.views, row.modalities) == (0, 130, ["LL"], ["RG"])
    assert row.allows == "ages 0 to 130; views LL; modalities RG"


def test_each_act_is_in_the_trail_with_what_and_why(waiting, reviewer, data_scientist):
    row = approve(waiting, reviewer, note="Seen.")
    withdraw_widening(widening=row, reason="Alarms.", by=reviewer)
    named = {"widening": row.pk, "allows": row.allows}
    subject = f"model:{row.model_version}"
    assert events("widening.proposed") == [
        ("demo", subject, data_scientist.username, {**named, "why": "Our own 400 adults."})
    ]
    ((_, _, actor, detail),) = events("widening.approved")
    assert actor == reviewer.username
    assert detail == named | {
        "proposed_by": data_scientist.username, "why": "Our own 400 adults.",
        "note": "Seen.", "replaces": None,
    }  # fmt: skip
    assert events("widening.withdrawn") == [
        ("demo", subject, reviewer.username, {**named, "reason": "Alarms."})
    ]


def test_what_waits_is_not_in_force(site, deployed, waiting):
    assert widening_in_force(site, deployed) is None


def test_it_is_the_sites_own(other_site, deployed, in_force):
    assert widening_in_force(other_site, deployed) is None
    assert widenings_in_force([other_site.pk, in_force.site_id], deployed) == {
        in_force.site_id: in_force
    }


def test_a_new_version_starts_with_none(site, in_force, data_scientist, reviewer):
    newer = make_model_version(reported=True, version="2.0.0")
    propose_deployment(version=newer, why="x", by=data_scientist)
    approve_deployment(version=newer, by=reviewer)
    assert widening_in_force(site, newer) is None


def test_the_next_one_replaces_it(site, deployed, in_force, data_scientist, site_admin):
    row = approve(propose(deployed, data_scientist, Wider(age_years=(1, 17))), site_admin)
    assert widening_in_force(site, deployed) == row
    in_force.refresh_from_db()
    assert (in_force.state, in_force.ended_by) == ("replaced", site_admin)
    assert events("widening.approved")[-1][3]["replaces"] == in_force.pk
    assert list(widenings_at(site)) == [row, in_force]


def test_declined_with_a_reason(site, deployed, waiting, reviewer):
    with pytest.raises(ReasonMissing):
        decline_widening(widening=waiting, reason=" ", by=reviewer)
    row = decline_widening(widening=waiting, reason="Too few.", by=reviewer)
    assert (row.state, row.note, row.decided_by) == ("declined", "Too few.", reviewer)
    assert events("widening.declined")[0][3]["reason"] == "Too few."
    assert widening_in_force(site, deployed) is None


@pytest.mark.parametrize("role", ["reviewer", "adjudicator", "site_admin", "data_scientist"])
def test_one_person_takes_it_back_without_a_password(site, deployed, in_force, role):
    person = make_user(site, role)
    row = withdraw_widening(widening=in_force, reason="Alarms.", by=person)
    assert (row.state, row.ended_by, row.end_reason) == ("withdrawn", person, "Alarms.")
    assert widening_in_force(site, deployed) is None


def test_taking_it_back_needs_a_reason(in_force, reviewer):
    with pytest.raises(ReasonMissing):
        withdraw_widening(widening=in_force, reason=" ", by=reviewer)


def test_only_its_author_takes_back_what_waits(waiting, data_scientist, reviewer):
    with pytest.raises(MayNotDecide):
        withdraw_widening(widening=waiting, reason="x", by=reviewer)
    assert withdraw_widening(widening=waiting, reason="x", by=data_scientist).state == "withdrawn"


def test_nobody_approves_or_declines_their_own(site, deployed):
    both = make_user(site, "data_scientist", "site_admin")
    row = propose(deployed, both)
    with pytest.raises(SamePerson):
        approve(row, both)
    with pytest.raises(SamePerson):
        decline_widening(widening=row, reason="x", by=both)
    assert [detail["code"] for *_, detail in events("model.refused")] == ["same_person"] * 2


@pytest.mark.parametrize("role", [role for role in Role if role != Role.DATA_SCIENTIST])
def test_proposing_is_for_data_scientists_and_the_refusal_is_audited(site, deployed, role):
    person = make_user(site, role)
    with pytest.raises(MayNotDecide):
        propose(deployed, person)
    told = {"act": "propose widening", "code": "may_not_decide_on_models"}
    assert events("model.refused") == [("demo", f"model:{deployed}", person.username, told)]
    assert not Widening.objects.exists()


@pytest.mark.parametrize(
    "role", [role for role in Role if role not in {Role.REVIEWER, Role.SITE_ADMIN}]
)
def test_deciding_is_for_reviewers_and_site_admins(site, waiting, role):
    person = make_user(site, role)
    with pytest.raises(MayNotDecide):
        approve(waiting, person)
    with pytest.raises(MayNotDecide):
        decline_widening(widening=waiting, reason="x", by=person)


@pytest.mark.parametrize("role", ["uploader", "reader", "pacs_admin", "auditor"])
def test_taking_back_is_for_people_who_decide_on_models(site, in_force, role):
    with pytest.raises(MayNotDecide):
        withdraw_widening(widening=in_force, reason="x", by=make_user(site, role))


def test_a_wrong_password_signs_nothing(deployed, data_scientist, reviewer):
    with pytest.raises(PasswordWrong):
        propose(deployed, data_scientist, password="wrong")
    assert not Widening.objects.exists()
    row = propose(deployed, data_scientist)
    with pytest.raises(PasswordWrong):
        approve(row, reviewer, password="")
    row.refresh_from_db()
    assert row.state == "waiting"
    assert [detail["code"] for *_, detail in events("model.refused")] == ["password_wrong"] * 2


def test_passwords_cannot_be_guessed_here_either(deployed, data_scientist):
    for _ in range(10):
        with pytest.raises(PasswordWrong):
            propose(deployed, data_scientist, password="wrong")
    with pytest.raises(TooManyAttempts):
        propose(deployed, data_scientist)


@pytest.mark.parametrize(
    "wider",
    [
        Wider(),
        Wider(age_years=(1, 5)),
        Wider(age_years=(17, 0)),
        Wider(age_years=(-1, 17)),
        Wider(age_years=(0, 131)),
        Wider(age_years=(2, 17)),
        Wider(age_years=(0, 4)),
        Wider(views=("PA",)),
        Wider(views=("SIDEWAYS",)),
        Wider(modalities=("CT",)),
        Wider(modalities=("<script>" * 20,)),
        Wider(body_parts=("HAND",)),
        Wider(views=("ll",)),
    ],
)
def test_what_is_no_widening_is_refused(deployed, data_scientist, wider):
    with pytest.raises(InvalidInput):
        propose(deployed, data_scientist, wider)
    assert not Widening.objects.exists()
    assert [detail["code"] for *_, detail in events("model.refused")] == ["invalid_input"]


@pytest.mark.parametrize(("why", "error"), [(" ", ReasonMissing), ("x" * 2001, InvalidInput)])
def test_it_needs_a_reason_that_fits(deployed, data_scientist, why, error):
    with pytest.raises(error):
        propose(deployed, data_scientist, why=why)


def test_only_what_is_live_here_can_be_widened(deployed, data_scientist):
    with pytest.raises(NotLive):
        propose(make_model_version(version="2.0.0"), data_scientist)


def test_what_was_replaced_meanwhile_is_not_widened(waiting, data_scientist, reviewer):
    newer = make_model_version(reported=True, version="2.0.0")
    propose_deployment(version=newer, why="x", by=data_scientist)
    approve_deployment(version=newer, by=reviewer)
    with pytest.raises(NotLive):
        approve(waiting, reviewer)


def test_one_waits_at_a_time(deployed, waiting, data_scientist):
    with pytest.raises(WideningWaits):
        propose(deployed, data_scientist)


def test_what_is_over_is_not_decided_again(waiting, in_force, reviewer, site_admin):
    for act in (
        lambda: approve(waiting, site_admin),
        lambda: decline_widening(widening=waiting, reason="x", by=site_admin),
    ):
        with pytest.raises(WideningOver):
            act()
    withdraw_widening(widening=waiting, reason="x", by=reviewer)
    with pytest.raises(WideningOver):
        withdraw_widening(widening=waiting, reason="x", by=site_admin)


def test_another_sites_does_not_exist(in_force, other_reviewer):
    with pytest.raises(NotFound):
        widening_of(other_reviewer, in_force.pk)


def row(site, version, person, **changes):
    return Widening(
        **{
            "site": site, "model_version": version, "why": "x", "proposed_by": person,
            "proposed_name": "Dr", "proposed_at": timezone.now(), "youngest": 0, "oldest": 17,
        }
        | changes
    )  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"why": ""},
        {"proposed_name": ""},
        {"youngest": 18},
        {"oldest": 131},
        {"youngest": None},
        {"state": "in_force"},
        {"state": "withdrawn"},
        {"state": "declined"},
        {"state": "replaced"},
        {"state": "in_force", "own": True},
    ],
)
def test_the_table_takes_no_such_row_either(site, deployed, data_scientist, wrong):
    if wrong.pop("own", False):
        now = timezone.now()
        wrong |= {"decided_by": data_scientist, "decided_name": "Dr", "decided_at": now}
    with pytest.raises(IntegrityError), transaction.atomic():
        row(site, deployed, data_scientist, **wrong).save()


def test_the_table_takes_one_in_force_and_one_waiting(site, deployed, in_force, data_scientist):
    row(site, deployed, data_scientist).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        row(site, deployed, data_scientist).save()
    copy = Widening.objects.get(pk=in_force.pk)
    copy.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        copy.save()
