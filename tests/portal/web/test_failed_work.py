"""Failed work, by cause: look, choose, try again, take note. Each is answered by itself."""

import pytest

from portal.audit.services import Action, Outcome, record_alone
from portal.predictions.models import Prediction
from portal.predictions.operator_services import retry_prediction
from portal.predictions.pause_services import pause_model, resume_model
from tests.factories import failed_study, make_instance, make_prediction, make_study, scored_study
from tests.portal.web.pages import answer_in, at, prose_of, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(site, deployed):
    """Return a function that makes so many failed predictions of one cause."""

    def make(count: int, code: str = "gave_up") -> list[Prediction]:
        studies = [failed_study(site, code=code) for _ in range(count)]
        return [Prediction.objects.get(instance__series__study=study) for study in studies]

    return make


@pytest.fixture
def admin(as_, pacs_admin):
    return as_(pacs_admin)


def retry(client, code: str = "gave_up", **sent):
    return client.post(at("retry-failed", code), sent, follow=True)


def states() -> dict[str, int]:
    found: dict[str, int] = {}
    for state in Prediction.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def test_causes_are_listed_with_count_time_and_remedy(failed, admin):
    failed(1, "pixels_undecodable")
    rows = failed(3)
    Prediction.objects.filter(pk=rows[-1].pk).update(detail="Lost.", remedy="Read it <yourself>.")
    response = admin.get(at("failed"))
    words = prose_of(response)
    assert "gave up 3 Lost. What to do: Read it &lt;yourself&gt;." in words
    assert "pixels undecodable 1 Broken." in words
    assert words.index("gave up") < words.index("pixels undecodable")


def test_nothing_failed_is_said_too(site, admin):
    assert "Nothing has failed" in prose_of(admin.get(at("failed")))
    assert "Nothing of this cause is left" in prose_of(admin.get(at("failed-cause", "gave_up")))


def test_another_sites_failures_are_not_there(site, other_site, deployed, admin):
    failed_study(other_site)
    assert "Nothing has failed" in prose_of(admin.get(at("failed")))


def test_the_studies_of_a_cause_are_listed_page_by_page(failed, admin, monkeypatch):
    monkeypatch.setattr("portal.web.views.operating.PAGE_LENGTH", 2)
    failed(3)
    response = admin.get(at("failed-cause", "gave_up"))
    assert "3 images, 1 to 2 shown" in prose_of(response)
    assert text_of(response).count('name="prediction"') == 2
    second = admin.get(at("failed-cause", "gave_up"), {"page": 2})
    assert text_of(second).count('name="prediction"') == 1


def test_those_chosen_are_tried_again_and_the_others_stay(failed, admin):
    first, second, third = failed(3)
    response = retry(admin, prediction=[str(first.pk), str(third.pk)])
    assert "2 of 2 wait for the AI again." in prose_of(response)
    assert states() == {"failed": 3, "queued": 2}
    assert text_of(response).count('name="prediction"') == 1
    assert str(second.pk) in text_of(response)


def test_all_of_a_cause_are_tried_again_and_no_other(failed, admin):
    failed(3)
    failed(1, "pixels_undecodable")
    response = retry(admin, which="all")
    assert response.redirect_chain[-1][0] == at("failed")
    assert states() == {"failed": 4, "queued": 3}


def test_one_press_is_bounded(failed, admin, monkeypatch):
    monkeypatch.setattr("portal.web.views.operating.AT_ONCE", 2)
    failed(3)
    assert "Retry the latest 2 of 3" in prose_of(admin.get(at("failed-cause", "gave_up")))
    retry(admin, which="all")
    assert states() == {"failed": 3, "queued": 2}


def test_each_is_answered_by_itself(failed, admin, pacs_admin, monkeypatch):
    """One of those chosen is retried by somebody else in the very moment."""
    rows = failed(3)
    from portal.web.views import operating

    def retry_after_a_colleague(*, prediction, by):
        if prediction == rows[1]:
            retry_prediction(prediction=prediction, by=pacs_admin)
        return retry_prediction(prediction=prediction, by=by)

    monkeypatch.setattr(operating, "retry_prediction", retry_after_a_colleague)
    words = prose_of(retry(admin, which="all"))
    assert "2 of 3 wait for the AI again." in words
    study = rows[1].instance.series.study
    assert f"{study}: It was retried already" in words
    assert states() == {"failed": 3, "queued": 3}


@pytest.mark.parametrize("sent", [{}, {"prediction": ["nonsense", "1"]}])
def test_nothing_chosen_is_said(failed, admin, sent):
    failed(1)
    assert "Nothing was chosen" in prose_of(retry(admin, **sent))
    assert states() == {"failed": 1}


def test_a_row_of_another_site_or_cause_is_not_touched(failed, admin, other_site, deployed):
    abroad = failed_study(other_site)
    (other,) = failed(1, "pixels_undecodable")
    ids = [str(Prediction.objects.get(instance__series__study=abroad).pk), str(other.pk)]
    assert "Nothing was chosen" in prose_of(retry(admin, prediction=ids))
    assert states() == {"failed": 2}


def test_while_the_model_is_paused_nothing_is_retried_and_it_says_why(
    failed, admin, deployed, reviewer
):
    failed(1)
    pause_model(version=deployed, reason="x", by=reviewer)
    words = prose_of(retry(admin, which="all"))
    assert "No model is live at this site, so nothing would read it." in words
    assert "The model is paused at your site" in words
    assert states() == {"failed": 1}


def test_those_acknowledged_leave_the_list_and_stay_failed(failed, admin):
    first, _ = failed(2)
    sent = {"prediction": [str(first.pk)]}
    response = admin.post(at("acknowledge-failed", "gave_up"), sent, follow=True)
    assert "1 of 1 are acknowledged." in prose_of(response)
    assert "1 image" in prose_of(response)
    assert states() == {"failed": 2}


def test_what_was_refused_at_the_door_is_counted(site, admin, failed):
    for code in ("unsupported_type", "empty_file", "unsupported_type"):
        record_alone(
            Action.UPLOAD_REFUSED, chain="demo", subject="upload:x", by=None,
            outcome=Outcome.REFUSED, code=code,
        )  # fmt: skip
    record_alone(
        Action.UPLOAD_REFUSED, chain="other", subject="upload:x", by=None,
        outcome=Outcome.REFUSED, code="truncated",
    )  # fmt: skip
    words = prose_of(admin.get(at("failed")))
    assert "unsupported type 2" in words
    assert "empty file 1" in words
    assert "truncated" not in words


def study_page(client, prediction):
    uid = prediction.instance.series.study.study_instance_uid
    return client.get(at("study", uid))


def test_from_the_page_of_a_study_what_waits_is_cancelled(
    site, deployed, admin, as_, reviewer, portal_airlock
):
    row = make_prediction(make_instance(make_study(site)))
    assert "Take it out of the queue" in answer_in(study_page(admin, row))
    assert "Take it out of the queue" not in answer_in(study_page(as_(reviewer), row))
    response = admin.post(at("cancel", row.pk), follow=True)
    assert "The image is read without AI." in prose_of(response)
    said = answer_in(response)
    assert "Read without AI" in said
    assert "taken out of the queue" in said
    assert "Cancelled by pacs_admin" in said
    assert "Let the AI try again" not in said
    again = admin.post(at("cancel", row.pk), follow=True)
    assert "It no longer waits" in prose_of(again)


def test_from_the_page_of_a_study_what_failed_is_retried(failed, admin, as_, reader):
    (row,) = failed(1)
    assert "Let the AI try again" in answer_in(study_page(admin, row))
    assert "Let the AI try again" not in answer_in(study_page(as_(reader), row))
    response = admin.post(at("retry", row.pk), follow=True)
    assert "The image waits for the AI again." in prose_of(response)
    assert "Waiting for the AI" in answer_in(response)
    again = admin.post(at("retry", row.pk), follow=True)
    assert "It was retried already" in prose_of(again)


def test_from_the_page_of_a_study_what_a_pause_cancelled_is_asked_for_again(
    site, deployed, admin, reviewer, site_admin, portal_airlock
):
    row = make_prediction(make_instance(make_study(site)))
    pause_model(version=deployed, reason="x", by=reviewer)
    said = answer_in(study_page(admin, row))
    assert "Let the AI try again" in said
    assert "Cancelled by reviewer" in said
    assert "No model is live" in prose_of(admin.post(at("retry", row.pk), follow=True))
    resume_model(version=deployed, by=site_admin)
    response = admin.post(at("retry", row.pk), follow=True)
    assert "The image waits for the AI again." in prose_of(response)
    assert "Tried again by pacs_admin" in answer_in(response)


def test_what_is_done_offers_neither(site, deployed, admin):
    row = Prediction.objects.get(instance__series__study=scored_study(site))
    said = answer_in(study_page(admin, row))
    assert "queue" not in said
    assert "try again" not in said


@pytest.mark.parametrize("name", ["retry", "cancel"])
def test_after_a_refusal_the_address_leads_to_the_study(site, deployed, admin, name):
    row = Prediction.objects.get(instance__series__study=scored_study(site))
    response = admin.get(at(name, row.pk))
    assert response["Location"] == at("study", row.instance.series.study.study_instance_uid)
    assert admin.get(at("retry-failed", "gave_up"))["Location"] == at("failed-cause", "gave_up")
