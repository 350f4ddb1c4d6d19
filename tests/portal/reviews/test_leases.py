"""Whose turn it is: the worklist hands studies out, one to a person."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from portal.accounts.roles import Role
from portal.audit.models import AuditEvent
from portal.reviews.lease_selectors import AGING, LEASE, lease_of
from portal.reviews.lease_services import (
    HeldByAnother,
    MayNotTake,
    release_study,
    take_next_study,
)
from portal.reviews.models import StudyLease
from portal.reviews.services import Read, sign_review
from portal.studies.models import Study
from tests.factories import PASSWORD, make_study, make_user, scored_study

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
SEED = """
from tests.factories import make_site, make_study, make_user
site = make_site("demo")
for number in range(8):
    make_study(site)
    make_user(site, "reviewer", username=f"r{number}")
"""
TAKE = """
from portal.accounts.selectors import user_named
from portal.reviews.lease_services import take_next_study
user = user_named(sys.argv[1])
ready()
lease = take_next_study(by=user)
say(lease and lease.study_id)
"""
COUNT = """
from portal.audit.models import AuditEvent
from portal.audit.selectors import verify_chain
from portal.reviews.models import StudyLease
say([StudyLease.objects.count(), verify_chain("demo").intact,
     AuditEvent.objects.filter(action="worklist.taken").count()])
"""


def waiting(site, *, hours: float = 0, priority: int = 5) -> Study:
    """Return an unread study that came so many hours ago."""
    study = make_study(site, priority=priority)
    Study.objects.filter(pk=study.pk).update(received_at=Now() - hours * HOUR)
    return study


def later(by: timedelta) -> None:
    """Let the leases grow older."""
    StudyLease.objects.update(until=F("until") - by)


def taken(user) -> Study | None:
    lease = take_next_study(by=user)
    return lease.study if lease else None


def events(action: str):
    return list(AuditEvent.objects.filter(action=action).order_by("seq"))


def test_the_oldest_of_equal_studies_comes_first(site, reviewer):
    waiting(site, hours=1)
    oldest = waiting(site, hours=2)
    assert taken(reviewer) == oldest


def test_an_urgent_study_overtakes_older_ones(site, reviewer):
    waiting(site, hours=20)
    urgent = waiting(site, hours=0, priority=0)
    assert taken(reviewer) == urgent


def test_nothing_that_arrives_overtakes_a_study_that_waited_long_enough(site, reviewer):
    """However many urgent ones come: a routine study waits five steps, the least urgent nine."""
    hours = AGING / HOUR
    routine = waiting(site, hours=5 * hours + 0.1)
    least = waiting(site, hours=9 * hours + 0.05, priority=9)
    for _ in range(3):
        waiting(site, priority=0)
    assert taken(reviewer) == routine
    assert taken(make_user(site, "reviewer")) == least


def test_it_is_theirs_for_a_quarter_of_an_hour(site, reviewer):
    study, colleague = waiting(site), make_user(site, "reviewer")
    assert taken(reviewer) == study
    assert taken(colleague) is None
    later(LEASE - timedelta(seconds=20))
    assert taken(colleague) is None
    later(timedelta(seconds=40))
    assert lease_of(study) is None
    assert taken(colleague) == study


def test_a_person_has_one_study_at_a_time(site, reviewer):
    first, second = waiting(site, hours=2), waiting(site, hours=1)
    assert [taken(reviewer), taken(reviewer)] == [first, second]
    assert lease_of(first) is None
    assert lease_of(second).reader == reviewer
    assert taken(make_user(site, "reader")) == first


def test_what_was_put_back_comes_to_the_same_person_last_and_comes_again(site, reviewer):
    first, second = waiting(site, hours=2), waiting(site, hours=1)
    assert taken(reviewer) == first
    release_study(study=first, by=reviewer)
    assert taken(reviewer) == second
    assert taken(reviewer) == first  # nothing else is left
    later(2 * LEASE)
    assert taken(reviewer) == first  # due first, and long enough ago


def test_what_was_read_is_not_handed_out(site, reviewer, deployed):
    study = scored_study(site)
    assert taken(reviewer) == study
    sign_review(study=study, read=Read("present"), password=PASSWORD, by=reviewer)
    assert lease_of(study) is None
    assert taken(reviewer) is None
    assert events("worklist.taken")[0].detail == {"put_back": []}


def test_a_colleague_may_sign_what_somebody_has_in_hand(site, reviewer, deployed):
    study, colleague = scored_study(site), make_user(site, "reviewer")
    assert taken(reviewer) == study
    review = sign_review(study=study, read=Read("present"), password=PASSWORD, by=colleague)
    assert review.reviewer == colleague


def test_nothing_of_another_site_is_handed_out(site, other_reviewer):
    waiting(site)
    assert taken(other_reviewer) is None


@pytest.mark.parametrize("role", sorted({*Role.values} - {"reader", "reviewer", "adjudicator"}))
def test_who_does_not_read_takes_nothing(site, role):
    study, user = waiting(site), make_user(site, role)
    with pytest.raises(MayNotTake):
        take_next_study(by=user)
    with pytest.raises(MayNotTake):
        release_study(study=study, by=user)
    assert not StudyLease.objects.exists()


def test_only_who_has_it_puts_it_back(site, reviewer, reader):
    study = waiting(site)
    take_next_study(by=reader)
    with pytest.raises(HeldByAnother):
        release_study(study=study, by=reviewer)
    (event,) = events("worklist.refused")
    assert (event.actor, event.subject) == ("reviewer", f"study:{study}")
    assert event.detail == {"act": "release", "code": "held_by_another"}
    release_study(study=study, by=reader)
    assert taken(reviewer) == study


def test_putting_back_what_nobody_has_changes_nothing(site, reviewer):
    study = waiting(site)
    release_study(study=study, by=reviewer)
    assert events("worklist.released") == []


def test_each_act_has_one_event(site, reviewer):
    first, second = waiting(site, hours=2), waiting(site, hours=1)
    take_next_study(by=reviewer)
    take_next_study(by=reviewer)
    release_study(study=second, by=reviewer)
    assert [e.subject for e in events("worklist.taken")] == [f"study:{first}", f"study:{second}"]
    assert events("worklist.taken")[1].detail == {"put_back": [str(first)]}
    assert [e.subject for e in events("worklist.released")] == [f"study:{second}"]


def test_the_database_refuses_a_second_lease_of_a_study(site, reviewer, reader):
    study = waiting(site)
    StudyLease.objects.create(study=study, reader=reviewer, until=Now())
    with pytest.raises(IntegrityError), transaction.atomic():
        StudyLease.objects.create(study=study, reader=reader, until=Now())


def test_the_database_refuses_a_priority_beyond_nine(site):
    with pytest.raises(IntegrityError), transaction.atomic():
        make_study(site, priority=10)


def test_eight_people_who_ask_at_once_get_eight_studies(own_portal):
    own_portal.run(SEED)
    people = [f"r{number}" for number in range(8)]
    studies = own_portal.race(TAKE, people)
    assert len({*studies} - {None}) == 8
    assert own_portal.run(COUNT) == [8, True, 8]
    clicks = own_portal.race(TAKE, people[:1] * 4)
    assert len({*clicks}) == 1  # nothing else is left: each time the same comes back
    assert own_portal.run(COUNT) == [8, True, 12]
