"""Who may sign what, with which reason, and what is kept of it."""

import pytest
from django.db import IntegrityError, transaction

from portal.accounts.services import PasswordWrong
from portal.audit.models import AuditEvent
from portal.errors import InvalidInput, ReasonMissing
from portal.reviews.models import Finding, Presence, Purpose, Review
from portal.reviews.reasons import Reason, fits, needs_comment
from portal.reviews.selectors import (
    NoSuchReview,
    current_review,
    report_status,
    review_of,
    reviews_of,
)
from portal.reviews.services import (
    AlreadyReviewed,
    AmendReasonMissing,
    CommentMissing,
    MayNotSign,
    NotYourReview,
    Read,
    ReasonDoesNotFit,
    ReviewChanged,
    amend_review,
    sign_review,
)
from portal.reviews.worklist_selectors import described, worklist
from tests.factories import (
    PASSWORD,
    failed_study,
    make_instance,
    make_prediction,
    make_study,
    make_user,
    not_applicable_study,
    scored_study,
)

WHY = {"reason_code": "OTHER", "comment": "something quite different"}


def sign(study, by, presence="present", password=PASSWORD, **read) -> Review:
    return sign_review(study=study, read=Read(presence, **read), password=password, by=by)


def amend(review, by, presence="absent", amend_reason="Looked again.", **read) -> Review:
    options = {"amend_reason": amend_reason, "password": PASSWORD, "by": by}
    return amend_review(review=review, read=Read(presence, **WHY | read), **options)


def last_event() -> AuditEvent:
    return AuditEvent.objects.filter(chain="demo").latest("seq")


@pytest.fixture
def study(site, deployed):
    return scored_study(site, finding="present")


def test_agreeing_needs_no_reason(study, reviewer):
    review = sign(study, reviewer, confidence=4, comment=" clear ")
    finding = review.finding
    assert (finding.shown, finding.presence, finding.is_override) == ("present", "present", False)
    assert (finding.confidence, finding.comment, finding.stage) == (4, "clear", "after")
    assert (review.reviewer, review.reviewer_name) == (reviewer, "Dr reviewer")
    assert (review.meaning, review.supersedes) == ("reviewed", None)


def test_a_signature_is_audited_with_what_was_shown(study, reviewer):
    review = sign(study, reviewer)
    event = last_event()
    assert (event.action, event.actor, event.subject) == (
        "review.signed", "reviewer", f"study:{study}"
    )  # fmt: skip
    assert event.detail["review"] == review.pk
    assert (event.detail["shown"], event.detail["finding"]) == ("present", "present")


@pytest.mark.parametrize("presence", ["absent", "indeterminate"])
def test_overriding_without_a_reason_is_refused(study, reviewer, presence):
    with pytest.raises(ReasonMissing):
        sign(study, reviewer, presence)
    assert not Finding.objects.exists()
    assert (last_event().action, last_event().outcome) == ("review.refused", "refused")
    assert last_event().detail == {"code": "reason_missing"}


@pytest.mark.parametrize("presence", ["absent", "indeterminate"])
def test_the_database_refuses_it_too(study, reviewer, presence):
    from portal.predictions.selectors import leading_prediction

    fields = {
        "study": study,
        "reader": reviewer,
        "prediction": leading_prediction(study),
        "shown": "present",
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        Finding.objects.create(**fields, presence=presence)
    Finding.objects.create(**fields, presence=presence, reason_code="FP_effusion")


def test_an_override_with_a_reason_is_kept_beside_what_was_shown(study, reviewer):
    review = sign(study, reviewer, "absent", reason_code="FP_effusion")
    finding = review.finding
    assert finding.is_override
    assert (finding.shown, finding.presence, finding.reason_code) == (
        "present", "absent", "FP_effusion"
    )  # fmt: skip
    assert finding.prediction.finding == "present"


@pytest.mark.parametrize("shown", ["", "present", "absent"])
@pytest.mark.parametrize("presence", Presence.values)
@pytest.mark.parametrize("reason", Reason.values)
def test_a_reason_fits_a_step_or_not(shown, presence, reason):
    expected = True
    if reason.startswith("FP_"):
        expected = shown == "present" and presence in {"absent", "indeterminate"}
    if reason.startswith("FN_"):
        expected = shown == "absent" and presence in {"present", "indeterminate"}
    assert fits(reason, shown=shown, presence=presence) is expected


def test_the_reasons_are_those_of_the_product():
    assert len(Reason.values) == 28
    assert {r.split("_")[0] for r in Reason.values} == {
        "FP", "FN", "IQ", "OOS", "PT", "CTX", "MODEL", "OTHER"
    }  # fmt: skip
    assert all(needs_comment(r) == 0 for r in Reason.values if r not in {"OTHER", "CTX_clinical"})


@pytest.mark.parametrize(
    ("presence", "reason"),
    [
        ("absent", "FN_subtle"),
        ("present", "FP_effusion"),
        ("present", "FN_early"),
        ("absent", "because"),
        ("absent", "fp_effusion"),
    ],
)
def test_a_reason_that_does_not_fit_is_refused(study, reviewer, presence, reason):
    with pytest.raises(ReasonDoesNotFit):
        sign(study, reviewer, presence, reason_code=reason)
    assert not Review.objects.exists()


def test_a_missed_pneumonia_takes_a_reason_for_a_miss(site, deployed, reviewer):
    study = scored_study(site, finding="absent", score=0.1)
    with pytest.raises(ReasonDoesNotFit):
        sign(study, reviewer, "present", reason_code="FP_device")
    assert sign(study, reviewer, "present", reason_code="FN_subtle").finding.is_override


@pytest.mark.parametrize(
    ("reason", "comment"),
    [("OTHER", ""), ("OTHER", "too short"), ("OTHER", "  short    "), ("CTX_clinical", " ")],
)
def test_some_reasons_need_words(study, reviewer, reason, comment):
    with pytest.raises(CommentMissing):
        sign(study, reviewer, "absent", reason_code=reason, comment=comment)


@pytest.mark.parametrize(
    ("reason", "comment"), [("OTHER", "ten letters"), ("CTX_clinical", "x"), ("IQ_111210", "")]
)
def test_with_words_they_are_taken(study, reviewer, reason, comment):
    assert sign(study, reviewer, "absent", reason_code=reason, comment=comment).pk


@pytest.mark.parametrize(
    "read", [{"presence": "maybe"}, {"presence": ""}, {"confidence": 0}, {"confidence": 6}]
)
def test_what_is_no_finding_is_refused(study, reviewer, read):
    with pytest.raises(InvalidInput):
        sign(study, reviewer, **read)
    assert not Finding.objects.exists()


@pytest.mark.parametrize("confidence", [0, 6])
def test_the_database_refuses_that_confidence_too(study, reviewer, confidence):
    with pytest.raises(IntegrityError), transaction.atomic():
        Finding.objects.create(
            study=study, reader=reviewer, presence="present", confidence=confidence
        )


def test_the_database_wants_to_know_which_prediction_was_shown(study, reviewer):
    with pytest.raises(IntegrityError), transaction.atomic():
        Finding.objects.create(study=study, reader=reviewer, presence="present", shown="present")


@pytest.mark.parametrize("make", [failed_study, not_applicable_study, make_study])
def test_a_person_signs_whether_or_not_the_machine_answered(site, deployed, reviewer, make):
    review = sign(make(site), reviewer, "indeterminate")
    assert (review.finding.shown, review.finding.prediction) == ("", None)


def test_a_person_signs_while_the_machine_still_waits(site, deployed, reviewer):
    study = make_study(site)
    make_prediction(make_instance(study))
    assert sign(study, reviewer).finding.shown == ""


def test_a_second_signature_is_refused_and_audited(study, reviewer, adjudicator):
    first = sign(study, reviewer)
    with pytest.raises(AlreadyReviewed):
        sign(study, adjudicator, "absent", reason_code="FP_device")
    assert Review.objects.get() == first
    assert Finding.objects.count() == 1
    assert (last_event().actor, last_event().detail) == (
        "adjudicator",
        {"code": "already_reviewed"},
    )


def test_the_database_refuses_a_second_original_too(study, reviewer):
    first = sign(study, reviewer)
    finding = Finding.objects.create(study=study, reader=reviewer, presence="present")
    with pytest.raises(IntegrityError), transaction.atomic():
        Review.objects.create(
            study=study, finding=finding, reviewer=reviewer, signed_at=first.signed_at
        )


def test_the_database_refuses_two_signatures_under_one_finding(study, reviewer):
    first = sign(study, reviewer)
    with pytest.raises(IntegrityError), transaction.atomic():
        Review.objects.create(
            study=study, finding=first.finding, reviewer=reviewer, purpose=Purpose.SECOND,
            signed_at=first.signed_at,
        )  # fmt: skip


@pytest.mark.parametrize(
    "role", ["uploader", "reader", "pacs_admin", "data_scientist", "auditor", "site_admin"]
)
def test_only_reviewers_and_adjudicators_sign(study, request, role):
    with pytest.raises(MayNotSign):
        sign(study, request.getfixturevalue(role))
    assert not Finding.objects.exists()
    assert last_event().detail == {"code": "may_not_sign"}


def test_an_adjudicator_may_sign(study, adjudicator):
    assert sign(study, adjudicator).pk


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper()])
def test_a_wrong_password_signs_nothing_and_is_audited(study, reviewer, password):
    with pytest.raises(PasswordWrong):
        sign(study, reviewer, password=password)
    assert not Finding.objects.exists()
    assert last_event().detail == {"code": "password_wrong"}


def test_an_amendment_supersedes_and_the_old_review_stays(study, reviewer):
    first = sign(study, reviewer)
    second = amend(first, reviewer)
    assert (second.supersedes, second.meaning) == (first, "amended")
    assert second.amend_reason == "Looked again."
    assert current_review(study) == second
    assert list(reviews_of(study)) == [first, second]
    first.refresh_from_db()
    assert (first.finding.presence, first.meaning) == ("present", "reviewed")
    assert last_event().action == "review.amended"
    assert last_event().detail["supersedes"] == first.pk


def test_an_amendment_may_be_amended(study, reviewer):
    third = amend(amend(sign(study, reviewer), reviewer), reviewer, "present")
    assert current_review(study) == third
    assert Review.objects.count() == 3


@pytest.mark.parametrize("amend_reason", ["", "   ", "\n"])
def test_an_amendment_says_why(study, reviewer, amend_reason):
    first = sign(study, reviewer)
    with pytest.raises(AmendReasonMissing):
        amend(first, reviewer, amend_reason=amend_reason)
    assert Review.objects.count() == 1


def test_an_amendment_that_overrides_needs_a_reason_too(study, reviewer):
    first = sign(study, reviewer)
    with pytest.raises(ReasonMissing):
        amend(first, reviewer, reason_code="", comment="")


def test_an_amendment_of_what_was_amended_meanwhile_is_stale(study, reviewer):
    first = sign(study, reviewer)
    amend(first, reviewer)
    with pytest.raises(ReviewChanged):
        amend(first, reviewer)
    assert Review.objects.count() == 2


def test_the_chain_does_not_fork_in_the_database_either(study, reviewer):
    first = sign(study, reviewer)
    amend(first, reviewer)
    finding = Finding.objects.create(study=study, reader=reviewer, presence="present")
    with pytest.raises(IntegrityError), transaction.atomic():
        Review.objects.create(
            study=study, finding=finding, reviewer=reviewer, supersedes=first, meaning="amended",
            amend_reason="x", signed_at=first.signed_at,
        )  # fmt: skip


@pytest.mark.parametrize(
    "changes", [{"amend_reason": ""}, {"meaning": "reviewed"}, {"supersedes": None}]
)
def test_the_database_wants_an_amendment_whole(study, reviewer, changes):
    first = sign(study, reviewer)
    finding = Finding.objects.create(study=study, reader=reviewer, presence="present")
    fields = {"supersedes": first, "meaning": "amended", "amend_reason": "x"} | changes
    with pytest.raises(IntegrityError), transaction.atomic():
        Review.objects.create(
            study=study, finding=finding, reviewer=reviewer, signed_at=first.signed_at,
            purpose=Purpose.SECOND, **fields,
        )  # fmt: skip


def test_nobody_amends_a_colleagues_review(study, site, reviewer):
    first = sign(study, reviewer)
    with pytest.raises(NotYourReview):
        amend(first, make_user(site, "reviewer"))
    assert last_event().detail == {"code": "not_your_review"}


def test_the_name_under_a_review_is_as_it_was_then(study, reviewer):
    review = sign(study, reviewer)
    type(reviewer).objects.filter(pk=reviewer.pk).update(name="Dr Married")
    review.refresh_from_db()
    assert review.reviewer_name == "Dr reviewer"


def test_the_report_status_follows_from_the_rows(site, deployed, reviewer):
    study = make_study(site)
    assert report_status(study) == "registered"
    make_prediction(make_instance(study))
    assert report_status(study) == "registered"
    done = scored_study(site)
    assert report_status(done) == "partial"
    review = sign(done, reviewer)
    assert report_status(done) == "final"
    amend(review, reviewer)
    assert report_status(done) == "amended"
    assert report_status(failed_study(site)) == "registered"
    assert report_status(not_applicable_study(site)) == "registered"  # the AI read nothing


def test_the_worklist_is_of_the_site_newest_first(site, other_site, deployed, reviewer):
    old, new = scored_study(site), failed_study(site)
    scored_study(other_site)
    rows = described(reviewer, list(worklist(reviewer)))
    assert [row.pk for row in rows] == [new.pk, old.pk]
    assert (rows[1].state, rows[1].outcome, rows[1].score) == ("done", "scored", 0.87)
    assert (rows[0].state, rows[0].code) == ("failed", "pixels_undecodable")


def test_a_review_of_another_site_does_not_exist(study, reviewer, other_reviewer):
    review = sign(study, reviewer)
    assert review_of(reviewer, review.pk) == review
    with pytest.raises(NoSuchReview):
        review_of(other_reviewer, review.pk)
    with pytest.raises(NoSuchReview):
        review_of(reviewer, review.pk + 1)


def test_an_adjudication_stands_before_a_first_review(study, reviewer, adjudicator):
    first = sign(study, reviewer)
    finding = Finding.objects.create(
        study=study, reader=adjudicator, presence="present", purpose=Purpose.ADJUDICATION
    )
    last = Review.objects.create(
        study=study, finding=finding, reviewer=adjudicator, purpose=Purpose.ADJUDICATION,
        signed_at=first.signed_at,
    )  # fmt: skip
    assert current_review(study) == last


def test_an_uploader_does_not_learn_of_a_colleagues_image_in_the_same_study(
    site, deployed, uploader, reviewer
):
    study = scored_study(site, by=reviewer)
    make_prediction(make_instance(study, by=uploader))
    (row,) = described(uploader, list(worklist(uploader)))
    assert (row.state, row.outcome, row.score, row.finding) == ("queued", "", None, "")
    (row,) = described(reviewer, list(worklist(reviewer)))
    assert (row.state, row.score) == ("done", 0.87)
