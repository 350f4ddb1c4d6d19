"""Eight people sign at the same moment: one of them wins, and everything is told."""

import threading

import pytest
from django.db import connection

from portal.audit.models import AuditEvent
from portal.audit.selectors import verify_chain
from portal.reviews.models import Finding, Review
from portal.reviews.services import AlreadyReviewed, Read, ReviewChanged, amend_review, sign_review
from tests.factories import PASSWORD, make_user, scored_study

SEED = """
from tests.factories import make_site, make_user, scored_study
site = make_site("demo")
study = scored_study(site)
for number in range(8):
    make_user(site, "reviewer", username=f"r{number}")
say(study.pk)
"""
SIGN = """
from portal.accounts.selectors import user_named
from portal.errors import PortalError
from portal.reviews.services import Read, sign_review
from portal.studies.models import Study
from tests.factories import PASSWORD
user, study = user_named(sys.argv[1]), Study.objects.get()
ready()
try:
    say(["signed", sign_review(study=study, read=Read("present"), password=PASSWORD, by=user).pk])
except PortalError as refusal:
    say(["refused", refusal.code])
"""
AMEND = """
from portal.accounts.selectors import user_named
from portal.errors import PortalError
from portal.reviews.models import Review
from portal.reviews.services import Read, amend_review
from tests.factories import PASSWORD
review = Review.objects.select_related("reviewer", "study").get()
read = Read("absent", reason_code="FP_device")
ready()
try:
    amended = amend_review(
        review=review, read=read, amend_reason="x", password=PASSWORD, by=review.reviewer
    )
    say(["signed", amended.pk])
except PortalError as refusal:
    say(["refused", refusal.code])
"""
COUNT = """
from collections import Counter
from portal.audit.models import AuditEvent
from portal.audit.selectors import verify_chain
from portal.reviews.invariants import check_invariants
from portal.reviews.models import Finding, Review
actions = AuditEvent.objects.filter(action__startswith="review.").values_list("action", flat=True)
broken = [b for i in check_invariants() for b in i.breaches]
say([Finding.objects.count(), Review.objects.count(), dict(Counter(actions)),
     verify_chain("demo").intact, broken])
"""


def test_eight_processes_sign_at_once_and_one_wins(own_portal):
    own_portal.run(SEED)
    answers = own_portal.race(SIGN, [f"r{number}" for number in range(8)])
    assert sorted(kind for kind, _ in answers) == [*["refused"] * 7, "signed"]
    assert {code for kind, code in answers if kind == "refused"} == {"already_reviewed"}
    findings, reviews, events, intact, broken = own_portal.run(COUNT)
    assert (findings, reviews, intact, broken) == (1, 1, True, [])
    assert events == {"review.signed": 1, "review.refused": 7}
    answers = own_portal.race(AMEND, ["x"] * 4)
    assert sorted(kind for kind, _ in answers) == [*["refused"] * 3, "signed"]
    assert {code for kind, code in answers if kind == "refused"} == {"review_changed"}
    findings, reviews, events, intact, broken = own_portal.run(COUNT)
    assert (findings, reviews, intact, broken) == (2, 2, True, [])
    assert events == {"review.signed": 1, "review.refused": 10, "review.amended": 1}


@pytest.mark.django_db(transaction=True)
def test_eight_threads_sign_at_once_and_one_wins(site, deployed):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite in memory is one connection; the processes above show it there")
    study = scored_study(site)
    people = [make_user(site, "reviewer") for _ in range(8)]
    gate, answers = threading.Barrier(8), []

    def sign(by) -> None:
        gate.wait()
        try:
            sign_review(study=study, read=Read("present"), password=PASSWORD, by=by)
            answers.append("signed")
        except AlreadyReviewed:
            answers.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=sign, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(answers) == [*["refused"] * 7, "signed"]
    assert (Finding.objects.count(), Review.objects.count()) == (1, 1)
    assert AuditEvent.objects.filter(action="review.refused").count() == 7
    assert verify_chain("demo").intact


def test_who_comes_second_with_a_stale_review_is_told(site, deployed, reviewer):
    study = scored_study(site)
    review = sign_review(study=study, read=Read("present"), password=PASSWORD, by=reviewer)
    read = Read("absent", reason_code="FP_device")
    options = {"amend_reason": "x", "password": PASSWORD, "by": reviewer}
    amend_review(review=review, read=read, **options)
    with pytest.raises(ReviewChanged):
        amend_review(review=review, read=read, **options)
