import pytest

from portal.reviews.models import Review
from portal.reviews.services import Read, amend_review, sign_review
from tests.factories import PASSWORD, make_instance, make_study, make_user, scored_study
from tests.portal.web.pages import at, events, prose_of, reviewed, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("portal_airlock")]


@pytest.fixture
def study(site):
    return scored_study(site, finding="present")


def sign(client, study, **changes):
    return client.post(at("sign-review", study.study_instance_uid), reviewed(**changes))


def amend(client, review, **changes):
    sent = reviewed(amend_reason="New facts.") | changes
    return client.post(at("amend-review", review.pk), sent)


def signed_by(user, study, presence="present") -> Review:
    reason = "" if presence == "present" else "FP_effusion"
    return sign_review(study=study, read=Read(presence, reason), password=PASSWORD, by=user)


def test_a_review_is_signed_and_shown(study, reviewer, as_):
    client = as_(reviewer)
    response = sign(client, study)
    assert response["Location"] == at("study", study.study_instance_uid)
    page = client.get(response["Location"])
    assert "Signed as Dr reviewer." in prose_of(page)
    assert "Pneumonia present AI confirmed" in prose_of(page)
    assert "confidence 4 of 5" in prose_of(page)


def test_an_override_is_shown_with_its_reason(study, reviewer, uploader, as_):
    sign(as_(reviewer), study, presence="absent", reason_code="FP_effusion", comment="Left <b>.")
    page = as_(reviewer).get(at("study", study.study_instance_uid))
    assert "AI overridden" in prose_of(page)
    assert "Effusion, not pneumonia" in prose_of(page)
    assert "Left &lt;b&gt;." in text_of(page)


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"presence": "absent"}, 422, "choose a reason"),
        ({"presence": "absent", "reason_code": "FN_subtle"}, 422, "FP reasons explain only"),
        ({"presence": "absent", "reason_code": "OTHER"}, 422, "at least 10 characters"),
        ({"presence": "absent", "reason_code": "<evil>"}, 422, "not one of the available"),
        ({"presence": ""}, 422, "Say what you found"),
        ({"presence": "maybe"}, 422, "not one of the available"),
        ({"confidence": "6"}, 422, "not one of the available"),
        ({"comment": "x" * 4001}, 422, "at most 4000"),
        ({"password": ""}, 422, "Type your password to sign"),
        ({"password": "not mine"}, 403, "The password is not yours"),
    ],
)
def test_a_refusal_stands_beside_the_form_and_nothing_is_signed(
    changes, status, said, study, reviewer, as_
):
    response = sign(as_(reviewer), study, **changes)
    assert response.status_code == status
    assert said in prose_of(response)
    assert "Nothing was signed" in prose_of(response)
    assert Review.objects.count() == 0


def test_what_was_typed_is_kept_but_the_password(study, reviewer, as_):
    response = sign(as_(reviewer), study, presence="absent", comment="A long <thought>")
    html = text_of(response)
    assert "A long &lt;thought&gt;</textarea>" in html
    assert "checked" in html.split('value="absent"')[1].split(">")[0]
    assert PASSWORD not in html


def test_the_loser_of_two_reviewers_sees_who_signed_and_loses_nothing(study, reviewer, site, as_):
    signed_by(make_user(site, "reviewer", username="faster"), study)
    response = sign(
        as_(reviewer), study, presence="absent", reason_code="FP_device", comment="My own <view>"
    )
    assert response.status_code == 409
    words = prose_of(response)
    assert "A colleague has signed this study" in words
    assert "Signed by Dr faster" in words
    assert "My own &lt;view&gt;" in text_of(response)
    assert "FP_device" in words
    assert 'name="password"' not in text_of(response)
    assert PASSWORD not in text_of(response)
    assert Review.objects.get().reviewer.username == "faster"


@pytest.mark.parametrize("role", ["reader", "pacs_admin"])
def test_who_may_not_sign_is_refused_in_words_and_in_the_trail(role, request, study, as_):
    response = sign(as_(request.getfixturevalue(role)), study)
    assert response.status_code == 403
    assert "Signing is for reviewers and adjudicators" in prose_of(response)
    assert events("review.refused").get().detail["code"] == "may_not_sign"
    assert Review.objects.count() == 0


def test_a_study_without_an_answer_can_be_signed(site, reviewer, as_):
    study = make_study(site)
    make_instance(study)
    assert sign(as_(reviewer), study).status_code == 302
    page = as_(reviewer).get(at("study", study.study_instance_uid))
    assert "Pneumonia present Read without AI" in prose_of(page)


def test_ones_own_review_can_be_amended_and_the_old_one_stays_visible(study, reviewer, as_):
    client, first = as_(reviewer), signed_by(reviewer, study)
    changed = {"presence": "absent", "reason_code": "FP_rotation"}
    assert amend(client, first, **changed).status_code == 302
    page = prose_of(client.get(at("study", study.study_instance_uid)))
    assert page.index("Pneumonia absent") < page.index("Pneumonia present")
    assert "Superseded" in page
    assert "Amended because: New facts." in page


def test_an_amendment_says_why(study, reviewer, as_):
    response = amend(as_(reviewer), signed_by(reviewer, study), amend_reason="")
    assert response.status_code == 422
    assert "Say why you amend it." in prose_of(response)
    assert Review.objects.count() == 1


def test_a_colleagues_review_cannot_be_amended(study, reviewer, site, as_):
    review = signed_by(make_user(site, "reviewer", username="author"), study)
    client = as_(reviewer)
    page = client.get(at("study", study.study_instance_uid))
    assert "Amend my review" not in prose_of(page)
    response = amend(client, review)
    assert response.status_code == 403
    assert "Only the person who signed" in prose_of(response)
    assert "New facts." in text_of(response)


def test_an_amendment_of_an_older_version_is_stale_and_keeps_what_was_typed(study, reviewer, as_):
    first = signed_by(reviewer, study)
    amend_review(
        review=first, read=Read("present"), amend_reason="Tab one.", password=PASSWORD, by=reviewer
    )
    response = amend(as_(reviewer), first, amend_reason="From tab two.", comment="Mine")
    assert response.status_code == 412
    assert "was amended since you opened it" in prose_of(response)
    assert "From tab two.</textarea>" in text_of(response)
    newest = Review.objects.get(superseded_by=None)
    assert at("amend-review", newest.pk) in text_of(response)


def test_the_address_of_a_refused_form_leads_back_to_the_study(study, reviewer, as_):
    client, review = as_(reviewer), signed_by(reviewer, study)
    there = at("study", study.study_instance_uid)
    assert client.get(at("sign-review", study.study_instance_uid))["Location"] == there
    assert client.get(at("amend-review", review.pk))["Location"] == there


@pytest.mark.parametrize("number", [10**9, 10**30])
def test_a_review_that_is_not_there_is_404(number, reviewer, as_):
    assert as_(reviewer).post(at("amend-review", number), reviewed()).status_code == 404
