"""What a site enters about how common pneumonia is, who may, and what a score means at it."""

import pytest
from django.db import IntegrityError, transaction

from portal.accounts.roles import Role
from portal.audit.models import AuditEvent
from portal.errors import InvalidInput
from portal.predictions.decision_rules import MayNotDecide
from portal.predictions.models import SitePrevalence
from portal.predictions.prevalence_selectors import (
    prevalence_at,
    prevalences_at,
    probability_at,
)
from portal.predictions.prevalence_services import enter_prevalence
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def events(action):
    return [
        (e.chain, e.subject, e.actor, e.detail) for e in AuditEvent.objects.filter(action=action)
    ]


def test_the_newest_counts_and_everything_stays(site, other_site, data_scientist):
    assert prevalence_at(site) is None
    enter_prevalence(share=0.2, basis="Winter.", by=data_scientist)
    enter_prevalence(share=0.125, basis=" All of 2025. ", by=data_scientist)
    assert (prevalence_at(site).of_100, prevalence_at(site).basis) == ("12.5", "All of 2025.")
    assert [row.share for row in prevalences_at(site)] == [0.125, 0.2]
    assert prevalence_at(other_site) is None
    assert events("prevalence.entered")[-1] == (
        "demo", "site:demo", data_scientist.username, {"share": 0.125, "basis": "All of 2025."},
    )  # fmt: skip


def test_it_can_be_taken_back(site, data_scientist):
    enter_prevalence(share=0.2, basis="Winter.", by=data_scientist)
    enter_prevalence(share=None, basis="Counted wrongly.", by=data_scientist)
    assert prevalence_at(site) is None
    assert [row.of_100 for row in prevalences_at(site)] == ["", "20"]


@pytest.mark.parametrize("role", [role for role in Role if role != Role.DATA_SCIENTIST])
def test_it_is_for_data_scientists_and_the_refusal_is_audited(site, role):
    person = make_user(site, role)
    with pytest.raises(MayNotDecide):
        enter_prevalence(share=0.2, basis="x", by=person)
    assert prevalence_at(site) is None
    told = {"act": "prevalence", "code": "may_not_decide_on_models"}
    assert events("model.refused") == [("demo", "site:demo", person.username, told)]


@pytest.mark.parametrize(
    ("share", "basis"), [(0, "x"), (1, "x"), (-0.1, "x"), (7, "x"), (float("nan"), "x"),
                         (0.2, ""), (0.2, "  "), (None, ""), (0.2, "x" * 2001)],
)  # fmt: skip
def test_what_is_no_share_or_says_nothing_of_it_is_refused(data_scientist, share, basis):
    with pytest.raises(InvalidInput):
        enter_prevalence(share=share, basis=basis, by=data_scientist)
    assert not SitePrevalence.objects.exists()
    assert [event[3]["code"] for event in events("model.refused")] == ["invalid_input"]


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"share": 1.0}, {"basis": ""}])
def test_the_table_takes_no_such_row_either(site, data_scientist, wrong):
    row = {"share": 0.2, "basis": "x", "site": site, "entered_by": data_scientist} | wrong
    with pytest.raises(IntegrityError), transaction.atomic():
        SitePrevalence.objects.create(**row)


@pytest.mark.parametrize("probability", [0.0, 0.02, 0.5, 0.91, 1.0])
def test_a_score_at_another_prevalence_is_what_counting_gives(probability):
    assert probability_at(probability, of=0.74, at=0.74) == pytest.approx(probability)
    lower, higher = (probability_at(probability, of=0.74, at=at) for at in (0.1, 0.9))
    assert 0 <= lower <= probability <= higher <= 1


def test_the_shift_by_counting_heads():
    # Of 1,000 where half are sick, 400 of the sick and 100 of the well look like this one.
    assert 400 / 500 == 0.8
    # Of 1,000 where a tenth is sick, 80 of the sick and 180 of the well do.
    assert probability_at(0.8, of=0.5, at=0.1) == pytest.approx(80 / 260)
