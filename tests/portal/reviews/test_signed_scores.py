"""What a version scored, beside what a person signed: one row a study, the same for a past day."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.predictions.models import Prediction
from portal.predictions.services import Answer
from portal.reviews.models import Finding, Purpose, Review
from portal.reviews.signed_selectors import signed_scores
from tests.factories import (
    finish,
    make_instance,
    make_model_version,
    make_prediction,
    make_study,
    not_applicable_study,
    scored_study,
)
from tests.portal.reviews.test_signing import WHY, amend, sign

DAY = datetime(2026, 3, 10, tzinfo=UTC)


def read_at(study, by, moment, presence="present", **fields):
    """Return a review signed at ``moment``, without the page and its rules."""
    supersedes = fields.pop("supersedes", None)
    fields = {"purpose": Purpose.FIRST, "shown": "", "comment": ""} | fields
    finding = Finding.objects.create(study=study, reader=by, presence=presence, **fields)
    said = {"meaning": "amended", "amend_reason": "Looked again."} if supersedes else {}
    return Review.objects.create(
        study=study, finding=finding, purpose=finding.purpose, reviewer=by, reviewer_name="R",
        signed_at=moment, supersedes=supersedes, **said,
    )  # fmt: skip


def presences(site, version, *asked, **options):
    return [row.presence for row in signed_scores(site, version, *asked, **options)]


def test_a_signed_study_has_its_score_its_review_and_what_was_shown(site, deployed, reviewer):
    study = scored_study(site, "present", 0.87)
    review = sign(study, reviewer, "absent", **WHY)
    (row,) = signed_scores(site, deployed)
    assert (row.study_id, row.study_instance_uid) == (study.pk, study.study_instance_uid)
    assert (row.score, row.presence, row.is_present) == (0.87, "absent", False)
    assert (row.review_id, row.signed_at, row.saw_ai) == (review.pk, review.signed_at, True)


def test_of_several_images_the_highest_score_counts_once(site, deployed, reviewer):
    study = scored_study(site, "absent", 0.2)
    for score in (0.9, 0.4):
        answer = Answer(outcome="scored", score=score, finding="present")
        finish(make_prediction(make_instance(study)), answer)
    sign(study, reviewer)
    assert [row.score for row in signed_scores(site, deployed)] == [0.9]


def test_what_nobody_signed_or_nothing_scored_is_not_there(site, deployed, reviewer):
    scored_study(site)
    sign(not_applicable_study(site), reviewer)
    assert signed_scores(site, deployed) == []


def test_other_sites_and_other_versions_are_left_out(
    site, other_site, deployed, reviewer, other_reviewer
):
    ours, theirs = scored_study(site), scored_study(other_site)
    sign(ours, reviewer)
    sign(theirs, other_reviewer)
    assert [row.study_id for row in signed_scores(site, deployed)] == [ours.pk]
    assert signed_scores(site, make_model_version(version="2.0.0")) == []


def test_an_amendment_takes_the_place_of_what_it_supersedes(site, deployed, reviewer):
    review = sign(scored_study(site), reviewer)
    amended = amend(review, reviewer, "indeterminate")
    (row,) = signed_scores(site, deployed)
    assert (row.review_id, row.presence, row.is_present) == (amended.pk, "indeterminate", None)


def test_the_adjudication_counts_before_the_first_read_and_the_second_never(
    site, deployed, reviewer, adjudicator
):
    study = scored_study(site)
    read_at(study, adjudicator, DAY, "indeterminate", purpose=Purpose.ADJUDICATION)
    read_at(study, reviewer, DAY, "present")
    read_at(study, reviewer, DAY, "absent", purpose=Purpose.SECOND)
    other = scored_study(site)
    read_at(other, reviewer, DAY, "absent", purpose=Purpose.SECOND)
    assert presences(site, deployed) == ["indeterminate"]


def test_a_reader_to_whom_nothing_was_shown_has_not_seen_the_ai(site, deployed, reviewer):
    read_at(scored_study(site), reviewer, DAY)
    assert [row.saw_ai for row in signed_scores(site, deployed)] == [False]


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [(None, None, 3), (date(2026, 3, 10), date(2026, 3, 10), 1), (date(2026, 3, 10), None, 2),
     (None, date(2026, 3, 10), 2), (date.min, date.max, 3), (date(2026, 3, 12), None, 0)],
)  # fmt: skip
def test_the_days_are_those_of_signing_both_included(site, deployed, reviewer, since, until, found):
    for moment in (DAY - timedelta(microseconds=1), DAY, DAY + timedelta(days=1)):
        read_at(scored_study(site), reviewer, moment)
    assert len(signed_scores(site, deployed, since, until)) == found


def test_the_database_leaves_out_what_was_signed_on_other_days(site, deployed, reviewer):
    for moment in (DAY, DAY + timedelta(days=2)):
        read_at(scored_study(site), reviewer, moment)
    day = DAY.date()
    with CaptureQueriesContext(connection) as queries:
        (one,) = signed_scores(site, deployed, day, day)
    read = []
    for query in queries:
        with connection.cursor() as cursor:
            cursor.execute(query["sql"])
            read.append([row[0] for row in cursor.fetchall()])
    assert read == [[one.study_id], [], [one.study_id]]


def test_an_adjudication_on_another_day_takes_the_study_out_of_the_days(
    site, deployed, reviewer, adjudicator
):
    first = read_at(scored_study(site), reviewer, DAY)
    read_at(
        first.study, adjudicator, DAY + timedelta(days=3), "absent", purpose=Purpose.ADJUDICATION
    )
    assert presences(site, deployed, DAY.date(), DAY.date()) == []
    later = DAY.date() + timedelta(days=3)
    assert presences(site, deployed, later, later) == ["absent"]


def test_what_was_amended_after_the_days_is_not_counted_as_it_was(site, deployed, reviewer):
    first = read_at(scored_study(site), reviewer, DAY)
    read_at(first.study, reviewer, DAY + timedelta(days=3), "absent", supersedes=first)
    assert presences(site, deployed, None, DAY.date()) == []
    assert presences(site, deployed) == ["absent"]


def test_a_past_moment_is_answered_as_it_was_whatever_came_since(site, deployed, reviewer):
    study, unread = scored_study(site, "present", 0.6), scored_study(site)
    first = sign(study, reviewer)
    then = timezone.now()
    before = signed_scores(site, deployed)
    amend(first, reviewer, "absent")
    sign(unread, reviewer)
    later = finish(
        make_prediction(make_instance(study)),
        Answer(outcome="scored", score=0.99, finding="present"),
    )
    Prediction.objects.filter(pk=later.pk).update(finished_at=then + timedelta(seconds=1))
    assert signed_scores(site, deployed, as_of=then) == before
    assert [row.score for row in signed_scores(site, deployed)] == [0.99, 0.87]


def test_it_takes_three_queries_however_many(site, deployed, reviewer, django_assert_num_queries):
    for _ in range(5):
        read_at(scored_study(site), reviewer, DAY)
    with django_assert_num_queries(3):
        assert len(signed_scores(site, deployed)) == 5


def test_an_image_of_another_study_lends_no_score(site, deployed, reviewer):
    unscored = make_study(site)
    read_at(unscored, reviewer, DAY)
    read_at(scored_study(site, "present", 0.7), reviewer, DAY)
    assert [row.score for row in signed_scores(site, deployed)] == [0.7]
