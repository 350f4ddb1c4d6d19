"""Choosing a site's own cut-off on its page, and what the other pages say of it."""

import re

import pytest

from portal.predictions.deployment_services import propose_deployment
from portal.predictions.models import OperatingPoint
from portal.predictions.operating_point_selectors import point_in_force
from portal.predictions.services import Answer
from tests.factories import (
    PASSWORD,
    finish,
    make_instance,
    make_model_version,
    make_prediction,
    make_study,
    make_user,
)
from tests.portal.reviews.signed_worlds import choice_of, chosen_point, sign_studies
from tests.portal.watch.worlds import read, scanned
from tests.portal.web.pages import answer_in, at, prose_of, text_of

pytestmark = pytest.mark.django_db
SENT = {
    "cut_off": "0.4", "set_name": "First <spring>", "since": f"{choice_of().since}",
    "until": f"{choice_of().until}", "reason": "Our <27>.", "password": PASSWORD,
}  # fmt: skip


def page(client, version, **asked):
    return client.get(at("operating-point", version.pk), asked)


def propose(client, version, **changes):
    return client.post(at("operating-point", version.pk), SENT | changes)


def act(client, what, point, **sent):
    return client.post(at(f"{what}-operating-point", point.pk), sent)


@pytest.fixture
def signed(site, deployed, reader):
    sign_studies(site, deployed, reader)
    return deployed


def test_from_the_figures_to_the_score_through_the_forms(
    site, signed, as_, data_scientist, adjudicator
):
    client = as_(data_scientist)
    seen = re.search(r'name="seen" value="(\w{64})"', text_of(page(client, signed)))[1]
    assert propose(client, signed, seen=seen).status_code == 302
    words = prose_of(client.get(at("models")))
    assert "0.5000, the model's own: chosen on its validation images, not measured at" in words
    assert 'On " First &lt;spring&gt; ": sensitivity 83 % (10 of 12; 55 to 95 %)' in words
    assert "specificity 47 % (7 of 15; 25 to 70 %)" in words
    assert "You proposed it, so somebody else has to decide." in words
    client, row = as_(adjudicator), OperatingPoint.objects.get()
    assert act(client, "approve", row, password=PASSWORD, reason="Seen.").status_code == 302
    words = prose_of(client.get(at("models")))
    assert "vgg16-pneumonia 1.0.0 is held against 0.4000, the cut-off of" in words
    assert "Signed by Dr adjudicator" in words
    assert "The model's own cut-off is 0.5000." in words
    assert row.set_sha256 in words
    assert act(client, "withdraw", row, reason="Alarms.").status_code == 302
    words = prose_of(client.get(at("models")))
    assert "is held against 0.5000, the model's own" in words
    assert "Ended by Dr adjudicator" in words
    assert ": Alarms." in words


def test_the_page_names_the_set_and_what_each_cut_off_would_have_said(
    site, signed, as_, data_scientist, reader
):
    read(scanned(site, signed, reader, score=0.9), reader, "indeterminate")
    words = prose_of(page(as_(data_scientist), signed, cut_off="0.4"))
    assert "Pneumonia 12 signed studies" in words
    assert "Without 15 signed studies" in words
    assert "Left out 1 indeterminate" in words
    assert "0.4000 What you chose 83 % (10 of 12; 55 to 95 %)" in words
    assert "0.3000 Sensitivity of at least 99 % 100 % (12 of 12; 76 to 100 %)" in words
    assert "0.5000 The model&#x27;s own" in words
    assert "Every reader had been shown an answer of the AI before signing" in words


@pytest.mark.parametrize(
    ("shown", "words"),
    [("", "No reader had been shown an answer"), (None, "The readers of 12 of the 27 studies")],
)
def test_it_says_how_many_readers_had_seen_the_ai(deployed, as_, reader, shown, words):
    sign_studies(reader.site, deployed, reader, present=(), shown="")
    sign_studies(reader.site, deployed, reader, absent=(), shown=shown)
    client = as_(make_user(reader.site, "reviewer"))
    assert words in prose_of(page(client, deployed))


def test_too_few_cannot_be_signed_and_it_says_why(site, deployed, as_, data_scientist, reader):
    sign_studies(site, deployed, reader, absent=(0.1,) * 9)
    answer = page(as_(data_scientist), deployed)
    assert "Too few to choose on." in prose_of(answer)
    assert "Sign the proposal" not in text_of(answer)
    sent = propose(as_(data_scientist), deployed)
    assert sent.status_code == 422
    assert "12 signed studies with pneumonia and 9 without" in prose_of(sent)


def test_a_version_that_scored_nothing_here_has_nothing_to_choose_on(signed, as_, data_scientist):
    free = make_model_version(version="2.0.0")
    words = prose_of(page(as_(data_scientist), free))
    assert "vgg16-pneumonia 2.0.0 has not scored anything at" in words


@pytest.mark.parametrize(
    "asked",
    [{"since": "x"}, {"since": "2026-02-01", "until": "2026-01-01"}, {"cut_off": "2"},
     {"cut_off": "nan"}, {"cut_off": "0.12345"}],
)  # fmt: skip
def test_what_cannot_be_looked_at_shows_the_usual_days(signed, as_, reviewer, asked):
    answer = page(as_(reviewer), signed, **asked)
    assert answer.status_code == 422
    assert "That cannot be looked at; the usual days are shown." in prose_of(answer)
    assert "12 signed studies" in prose_of(answer)


def test_the_days_that_are_shown_stand_in_the_form_as_browsers_read_them(signed, as_, reviewer):
    text = text_of(page(as_(reviewer), signed, until="2026-03-01"))
    for name, day in (("since", "2025-03-01"), ("until", "2026-03-01")):
        assert re.search(rf'name="{name}" value="{day}"', text), name


@pytest.mark.parametrize("until", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_time_are_days_too(signed, as_, reviewer, until):
    assert page(as_(reviewer), signed, until=until).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"password": "wrong"}, 403, "The password is not yours; nothing was signed."),
        ({"reason": " "}, 422, "Say why."),
        ({"cut_off": ""}, 422, "Enter the cut-off as a number"),
        ({"cut_off": "nan"}, 422, "Enter the cut-off as a number"),
        ({"cut_off": "1"}, 422, "between 0 and 1"),
        ({"cut_off": "0.41235"}, 422, "at most 4 decimals"),
        ({"since": "soon"}, 422, "both days of the set"),
        ({"since": "2031-01-01"}, 422, "end before they begin"),
        ({"set_name": " "}, 422, "Name the set"),
        ({"set_name": "x" * 121}, 422, "Name the set, in at most 120"),
        ({"seen": "0" * 64}, 412, "The set has changed since it was shown"),
    ],
)
def test_what_is_refused_is_said_and_shown_again_but_for_the_password(
    signed, as_, data_scientist, changes, status, said
):
    response = propose(as_(data_scientist), signed, **changes)
    assert response.status_code == status
    assert said in prose_of(response)
    assert PASSWORD not in text_of(response)
    assert "Our &lt;27&gt;." in text_of(response) or changes.get("reason") == " "
    assert not OperatingPoint.objects.exists()


def test_who_decides_may_look_but_not_propose(signed, as_, reviewer):
    answer = page(as_(reviewer), signed)
    assert "Sign the proposal" not in text_of(answer)
    assert propose(as_(reviewer), signed).status_code == 403


@pytest.mark.parametrize(
    ("role", "what"),
    [("uploader", set()), ("pacs_admin", set()), ("auditor", set()), ("reader", set()),
     ("adjudicator", {"withdraw", "look"}), ("reviewer", {"withdraw", "look"}),
     ("site_admin", {"withdraw", "look"}), ("data_scientist", {"withdraw", "look"})],
)  # fmt: skip
def test_each_role_is_offered_what_it_may_do(site, signed, as_, role, what):
    point = chosen_point(site, signed)
    text = text_of(as_(make_user(site, role)).get(at("models")))
    assert "0.4000, the cut-off of" in text
    assert (at("withdraw-operating-point", point.pk) in text) == ("withdraw" in what)
    assert (at("operating-point", signed.pk) in text) == ("look" in what)


def test_who_decides_is_offered_to_sign_and_who_proposed_to_withdraw(
    site, signed, as_, reviewer, data_scientist
):
    point = chosen_point(site, signed, by=data_scientist, approved=False)
    decides = {"approve", "decline"}
    for person, offered in (
        (reviewer, decides), (make_user(site, "adjudicator"), decides),
        (make_user(site, "site_admin"), set()), (data_scientist, {"withdraw"}),
    ):  # fmt: skip
        text = text_of(as_(person).get(at("models")))
        for what in ("approve", "decline", "withdraw"):
            address = at(f"{what}-operating-point", point.pk)
            assert (address in text) == (what in offered)


def test_another_sites_is_not_found(site, signed, as_, other_reviewer):
    point = chosen_point(site, signed, approved=False)
    assert act(as_(other_reviewer), "approve", point, password=PASSWORD).status_code == 404
    assert point_in_force(site, signed) is None


def test_a_second_decision_is_told_that_it_is_over(site, signed, as_, reviewer, adjudicator):
    point = chosen_point(site, signed, approved=False)
    assert act(as_(reviewer), "approve", point, password=PASSWORD).status_code == 302
    second = act(as_(adjudicator), "approve", point, password=PASSWORD)
    assert second.status_code == 409
    assert "It is in force already" in prose_of(second)


def test_before_a_version_goes_live_it_says_which_cut_off_will_count(
    site, deployed, as_, data_scientist, reviewer, reader
):
    own, without = (make_model_version(reported=True, version=f"{n}.0.0") for n in (2, 3))
    sign_studies(site, own, reader)
    chosen_point(site, own)
    for version in (own, without):
        propose_deployment(version=version, why="Better.", by=data_scientist)
    waiting = prose_of(as_(reviewer).get(at("models"))).split("Waiting for a decision")[1]
    assert "What it scores is held against 0.4000, the cut-off of" in waiting
    assert "What it scores is held against 0.5000, the model's own" in waiting


def test_the_study_page_says_whose_cut_off_it_is(site, signed, as_, reviewer):
    studies = [make_study(site) for _ in range(2)]
    answer = Answer(outcome="scored", score=0.45, finding="absent")
    finish(make_prediction(make_instance(studies[0])), answer)
    point = chosen_point(site, signed)
    finish(make_prediction(make_instance(studies[1])), answer)
    before, after = (
        answer_in(as_(reviewer).get(at("study", one.study_instance_uid))) for one in studies
    )
    assert "AI does not suggest pneumonia: 0.45" in before
    assert "Cut-off 0.5000, the model's own: chosen on its validation images" in before
    assert "AI suggests pneumonia: 0.45" in after
    assert "(cut-off 0.40, chosen here, model vgg16-pneumonia 1.0.0)" in after
    assert f'Cut-off 0.4000, the cut-off of {site}: chosen on " First spring ", 27 signed' in after
    assert f"Signed by {point.proposed_name} and {point.decided_name}" in after


def test_the_page_about_a_version_says_what_counts_here(site, signed, as_, reader):
    assert "the cut-off of" not in prose_of(as_(reader).get(at("model", signed.pk)))
    chosen_point(site, signed)
    for place in (at("model", signed.pk), at("about")):
        words = prose_of(as_(reader).get(place))
        assert "Cut-off 0.5000: at or above it the AI suggests pneumonia" in words
        assert "Here 0.4000, the cut-off of" in words
