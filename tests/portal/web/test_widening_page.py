"""Widening the use on the models page, and what the study page says of a score that came of it."""

import pytest

from portal.predictions.models import Prediction, Widening
from portal.predictions.services import Answer
from portal.predictions.widening_selectors import widening_in_force
from portal.predictions.widening_services import approve_widening, propose_widening
from portal.predictions.wider import Wider
from tests.factories import (
    PASSWORD,
    finish,
    make_instance,
    make_prediction,
    make_study,
    make_user,
    not_applicable_study,
)
from tests.portal.web.pages import at, prose_of, text_of

pytestmark = pytest.mark.django_db
SENT = {
    "youngest": "0", "oldest": "17", "views": ["LL"], "reason": "Our <400>.", "password": PASSWORD
}  # fmt: skip


def propose(client, version, **changes):
    return client.post(at("widen-use", version.pk), SENT | changes)


def act(client, what, widening, **sent):
    return client.post(at(f"{what}-widening", widening.pk), sent)


@pytest.fixture
def waiting(deployed, data_scientist):
    return propose_widening(
        version=deployed, wider=Wider(age_years=(0, 130)), why="Ours.", password=PASSWORD,
        by=data_scientist,
    )  # fmt: skip


@pytest.fixture
def in_force(waiting, site_admin):
    return approve_widening(widening=waiting, password=PASSWORD, by=site_admin)


def scored_by(widening):
    """Return a study with an image that is scored because of ``widening``."""
    study = make_study(widening.site)
    answer = Answer(
        "scored", score=0.87, finding="present", widening=widening.pk,
        provenance={"outside_use": ["age_outside_range"]},
    )  # fmt: skip
    finish(make_prediction(make_instance(study)), answer)
    return study


def test_from_the_proposal_to_the_score_through_the_forms(
    site, deployed, as_, data_scientist, site_admin
):
    client = as_(data_scientist)
    assert "has not widened it" in prose_of(client.get(at("models")))
    assert propose(client, deployed).status_code == 302
    page = client.get(at("models"))
    assert "ages 0 to 17; views LL" in prose_of(page)
    assert "Our &lt;400&gt;." in text_of(page)
    assert "You proposed it, so somebody else has to decide." in prose_of(page)
    assert widening_in_force(site, deployed) is None
    client, row = as_(site_admin), Widening.objects.get()
    signed = act(client, "approve", row, password=PASSWORD, reason="Seen.")
    assert signed.status_code == 302
    words = prose_of(client.get(at("models")))
    assert "Widened here: ages 0 to 17; views LL." in words
    assert "Signed by Dr site_admin" in words
    assert ": Seen." in words
    assert act(client, "withdraw", row, reason="Alarms.").status_code == 302
    words = prose_of(client.get(at("models")))
    assert "has not widened it" in words
    assert "Ended by Dr site_admin" in words
    assert "Alarms." in words


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"password": "wrong"}, 403, "The password is not yours; nothing was signed."),
        ({"reason": " "}, 422, "Say why."),
        ({"youngest": "17", "oldest": "0"}, 422, "An age range goes from 0 to at most 130"),
        ({"youngest": "-1"}, 422, "An age range goes from 0 to at most 130"),
        ({"oldest": "131"}, 422, "An age range goes from 0 to at most 130"),
        ({"youngest": "3"}, 422, "it can only be widened"),
        ({"youngest": ""}, 422, "Enter both ages in whole years"),
        ({"youngest": "1.5"}, 422, "Enter both ages in whole years"),
        ({"youngest": "9" * 5000}, 422, "Enter both ages in whole years"),
        ({"views": ["SIDEWAYS"]}, 422, "Unknown view"),
        ({"modalities": ["CT"]}, 422, "Unknown modality"),
        ({"youngest": "", "oldest": "", "views": []}, 422, "That adds nothing"),
    ],
)
def test_what_is_refused_is_said_and_shown_again_but_for_the_password(  # noqa: PLR0913, PLR0917 (a table)
    site, deployed, as_, data_scientist, changes, status, said
):
    response = propose(as_(data_scientist), deployed, **changes)
    assert response.status_code == status
    assert said in prose_of(response)
    assert PASSWORD not in text_of(response)
    assert "Our &lt;400&gt;." in text_of(response) or changes.get("reason") == " "
    assert widening_in_force(site, deployed) is None


@pytest.mark.parametrize(
    ("role", "what"),
    [("uploader", set()), ("pacs_admin", set()), ("auditor", set()),
     ("adjudicator", {"withdraw"}), ("reviewer", {"withdraw"}), ("site_admin", {"withdraw"}),
     ("data_scientist", {"withdraw", "widen"})],
)  # fmt: skip
def test_each_role_is_offered_what_it_may_do(site, deployed, in_force, as_, role, what):
    page = text_of(as_(make_user(site, role)).get(at("models")))
    assert "Widened here: ages 0 to 130." in page
    assert (at("withdraw-widening", in_force.pk) in page) == ("withdraw" in what)
    assert (at("widen-use", deployed.pk) in page) == ("widen" in what)


def test_another_sites_is_not_found(waiting, as_, other_reviewer):
    assert act(as_(other_reviewer), "approve", waiting, password=PASSWORD).status_code == 404
    waiting.refresh_from_db()
    assert waiting.state == "waiting"


def test_two_at_once_one_signs(site, waiting, as_, reviewer, site_admin):
    assert act(as_(reviewer), "approve", waiting, password=PASSWORD).status_code == 302
    second = act(as_(site_admin), "approve", waiting, password=PASSWORD)
    assert second.status_code == 409
    assert "It is in force already" in prose_of(second)


def test_the_study_page_says_beside_the_score_what_it_came_of(in_force, as_, reviewer):
    study = scored_by(in_force)
    words = prose_of(as_(reviewer).get(at("study", study.study_instance_uid)))
    assert "Outside the use the model was made for (age outside range)." in words
    assert f"{in_force.site} widened it on" in words
    assert "(ages 0 to 130), signed by Dr data_scientist and Dr site_admin : Ours." in words


def test_who_operates_is_offered_to_have_a_refused_image_read(
    site, deployed, as_, pacs_admin, request
):
    study = not_applicable_study(site, code="age_outside_range")
    row = Prediction.objects.get()
    client, retry = as_(pacs_admin), at("retry", row.pk)
    assert retry not in text_of(client.get(at("study", study.study_instance_uid)))
    request.getfixturevalue("in_force")
    assert retry in text_of(client.get(at("study", study.study_instance_uid)))
    client.post(retry)
    assert Prediction.objects.filter(state="queued").count() == 1
