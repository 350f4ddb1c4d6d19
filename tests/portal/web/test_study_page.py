import re

import pytest

from portal.predictions.services import Answer, complete_prediction, fail_prediction
from portal.predictions.version_services import deploy_model
from tests.factories import (
    DISCLAIMER,
    failed_study,
    finish,
    make_instance,
    make_model_version,
    make_prediction,
    make_study,
    new_uid,
    not_applicable_study,
    scored_study,
    start,
)
from tests.portal.web.pages import NUMBER, answer_in, at, events, prose_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("portal_airlock")]


def page(client, study, **query):
    return client.get(at("study", study.study_instance_uid), query)


def rejected_study(site):
    study = make_study(site)
    answer = Answer(outcome="rejected_quality", code="blank", detail="Blank.", remedy="Repeat it.")
    finish(make_prediction(make_instance(study)), answer)
    return study


@pytest.mark.parametrize(
    ("finding", "score", "says"),
    [
        (
            "present",
            0.87,
            "AI suggests pneumonia: 0.87 (cut-off 0.50, model vgg16-pneumonia 1.0.0)",
        ),
        ("absent", 0.12, "AI does not suggest pneumonia: 0.12 (cut-off 0.50, model vgg16"),
        ("absent", 0.4996, "AI does not suggest pneumonia: 0.4996 (cut-off 0.5000, model vgg16"),
        ("present", 0.5, "AI suggests pneumonia: 0.50 (cut-off 0.50, model vgg16"),
    ],
)
def test_a_score_stands_beside_cut_off_version_and_disclaimer(
    finding, score, says, site, reviewer, as_
):
    answer = answer_in(page(as_(reviewer), scored_study(site, finding, score)))
    assert says in answer
    assert DISCLAIMER in answer
    assert "Disclaimer 2026-1" in answer
    meaning = f"Of 100 such scores about {100 * score:.0f} were pneumonia"
    assert f"{meaning}, among the validation images , of which 74 % were." in answer


def test_a_score_means_something_among_the_images_that_it_was_calibrated_on(site, reviewer, as_):
    calibrated = {"value": 0.72, "of": "val and external_dev out of fold"}
    version, study = make_model_version(prevalence=calibrated), make_study(site)
    prediction = make_prediction(make_instance(study), version=version)
    finish(prediction, Answer(outcome="scored", score=0.87, finding="present"))
    words = prose_of(as_(reviewer).get(at("models")))
    images = "the validation images and those of the second hospital, each scored by a network"
    assert f"72 % of {images}" in words
    answer = answer_in(page(as_(reviewer), study))
    assert f"Of 100 such scores about 87 were pneumonia, among {images}" in answer
    assert "had not seen it , of which 72 % were." in answer


def test_what_was_found_and_where_is_said_beside_a_refusal(site, reviewer, as_):
    study = make_study(site)
    where = {"tag": "(0018,5101) ViewPosition", "found": "LL"}
    refused = Answer(outcome="not_applicable", code="view_not_frontal", provenance=where)
    finish(make_prediction(make_instance(study)), refused)
    assert "Found LL at (0018,5101) ViewPosition" in answer_in(page(as_(reviewer), study))


def test_what_was_not_known_is_said_beside_the_score(site, reviewer, as_):
    study = make_study(site)
    known = Answer(outcome="scored", score=0.9, finding="present", unknown=("age", "body_part"))
    finish(make_prediction(make_instance(study)), known)
    answer = answer_in(page(as_(reviewer), study))
    assert "age, body part; so not checked against the intended use" in answer


@pytest.mark.parametrize(
    ("made", "ending", "words"),
    [
        (not_applicable_study, "not_applicable", ("Not applicable: not scored", "view")),
        (rejected_study, "rejected_quality", ("Rejected for quality", "Repeat it.", "blank")),
        (failed_study, "failed", ("Failed: no AI answer", "Broken.", "pixels_undecodable")),
        (scored_study, "scored", ("AI suggests pneumonia",)),
    ],
)
def test_the_four_endings_look_different_and_only_a_score_has_a_number(
    made, ending, words, site, reviewer, as_
):
    response = page(as_(reviewer), made(site))
    answer = answer_in(response)
    assert f"answer--{ending}" in text_of(response)
    assert f"icon--{ending}" in text_of(response)
    assert all(word in answer for word in words)
    assert bool(NUMBER.search(answer)) == (ending == "scored")
    assert DISCLAIMER in answer


def test_both_findings_look_alike_and_only_the_words_tell_them_apart(site, reviewer, as_):
    """A green tick beside "no pneumonia" would reassure more than the model can."""
    cards = [
        re.search(r'<article class="answer.*?</header>', text_of(page(as_(reviewer), study)), re.S)[
            0
        ]
        for study in (scored_study(site, "present", 0.87), scored_study(site, "absent", 0.13))
    ]
    present, absent = cards
    says = "AI does not suggest pneumonia: 0.13"
    assert absent.replace(says, "AI suggests pneumonia: 0.87") == present


def test_a_waiting_image_says_its_place_and_a_running_one_its_attempt(site, reviewer, as_):
    client = as_(reviewer)
    make_prediction(make_instance(make_study(site)))
    study = make_study(site)
    prediction = make_prediction(make_instance(study))
    waiting = page(client, study)
    assert "Place 2 in the queue" in answer_in(waiting)
    assert not NUMBER.search(answer_in(waiting))
    running = start(prediction)
    assert "The AI is reading" in answer_in(page(client, study))
    assert "1 of 3" in answer_in(page(client, study))
    complete_prediction(running, Answer(outcome="scored", score=0.9, finding="present"))
    assert "AI suggests pneumonia" in answer_in(page(client, study))


def test_a_study_without_a_live_model_is_read_without_ai(site, reviewer, as_):
    study = make_study(site)
    make_instance(study)
    answer = answer_in(page(as_(reviewer), study))
    assert "Read without AI" in answer
    assert not NUMBER.search(answer)


def test_the_answer_is_polled_until_it_is_final(site, reviewer, as_):
    client, study = as_(reviewer), make_study(site)
    prediction = start(make_prediction(make_instance(study)))
    address = at("study-answer", study.study_instance_uid)
    assert f'hx-get="{address}" hx-trigger="every 2s"' in text_of(page(client, study))
    partial = client.get(address)
    assert "hx-trigger" in text_of(partial)
    assert "<html" not in text_of(partial)
    fail_prediction(prediction, Answer(outcome="failed", code="gave_up", detail="Lost."))
    assert "hx-trigger" not in text_of(client.get(address))


def test_a_new_try_replaces_the_failed_one(site, reviewer, as_):
    study = failed_study(site)
    instance = study.series.get().instances.get()
    finish(make_prediction(instance), Answer(outcome="scored", score=0.2, finding="absent"))
    answer = answer_in(page(as_(reviewer), study))
    assert "AI does not suggest pneumonia" in answer
    assert "Failed" not in answer


def test_each_image_has_its_own_answer_and_the_leading_one_is_marked(site, reviewer, as_):
    study = make_study(site)
    for score in (0.2, 0.9):
        finding = "present" if score > 0.5 else "absent"
        answer = Answer(outcome="scored", score=score, finding=finding)
        finish(make_prediction(make_instance(study)), answer)
    shown = answer_in(page(as_(reviewer), study))
    assert shown.index("Image 1") < shown.index("0.20") < shown.index("Image 2 · highest score")


def test_an_image_is_chosen_by_its_uid_and_no_other(site, reviewer, as_):
    study = make_study(site)
    first, second = make_instance(study), make_instance(study)
    client = as_(reviewer)
    assert first.sop_instance_uid in text_of(page(client, study)).split("<img")[1].split(">")[0]
    chosen = page(client, study, instance=second.sop_instance_uid)
    assert second.sop_instance_uid in text_of(chosen).split("<img")[1].split(">")[0]
    assert page(client, study, instance=new_uid()).status_code == 404


def test_an_uploader_sees_only_the_images_they_sent(site, uploader, reader, as_):
    study = make_study(site, by=reader)
    deploy_model(site=site, version=make_model_version())
    own, foreign = make_instance(study, by=uploader), make_instance(study, by=reader)
    response = page(as_(uploader), study)
    assert own.sop_instance_uid in text_of(response)
    assert foreign.sop_instance_uid not in text_of(response)
    assert 'id="sign"' not in text_of(response)
    assert page(as_(uploader), study, instance=foreign.sop_instance_uid).status_code == 404


@pytest.mark.parametrize("role", ["uploader", "reader", "pacs_admin"])
def test_who_may_not_sign_gets_no_form(role, request, site, as_):
    user = request.getfixturevalue(role)
    response = page(as_(user), scored_study(site, by=user))
    assert 'name="password"' not in text_of(response)
    assert "Not yet reviewed" in prose_of(response)


def test_opening_a_study_is_in_the_trail_and_polling_is_not(site, reviewer, as_):
    client, study = as_(reviewer), scored_study(site)
    page(client, study)
    before = events("study.opened").count()
    for _ in range(3):
        client.get(at("study-answer", study.study_instance_uid))
    (event,) = events("study.opened")
    assert (before, event.actor, event.subject) == (1, "reviewer", f"study:{study}")


def test_what_a_file_says_of_itself_cannot_break_out_of_the_page(site, reviewer, as_):
    study = make_study(
        site,
        patient_name="<b>x</b>^</title><script>alert(1)</script>",
        patient_id='"><img src=x>',
        study_description="<svg onload=alert(2)>",
        accession_number="<i>",
    )
    html = text_of(page(as_(reviewer), study))
    for raw in ("<script>alert", "<img src=x", "<svg onload", "<b>x", "<i>"):
        assert raw not in html
    assert "&lt;svg onload=alert(2)&gt;" in html


def test_a_script_gets_the_picture_alone(site, reviewer, as_):
    study = scored_study(site)
    address = at("study", study.study_instance_uid)
    html = text_of(as_(reviewer).get(address, headers={"HX-Request": "true"}))
    assert html.lstrip().startswith('<section id="stage"')
    assert "AI suggests" not in html


def test_the_window_of_the_address_is_that_of_the_picture(site, reviewer, as_):
    study = scored_study(site)
    html = text_of(page(as_(reviewer), study, centre="100", width="50", invert="on"))
    assert ".png?centre=100&amp;width=50&amp;invert=on" in html
    assert 'name="centre" value="100"' in html


@pytest.mark.parametrize("wrong", [{"centre": "x", "width": "5"}, {"centre": "1", "width": "0"}])
def test_a_window_that_makes_no_sense_is_said_and_left_out(wrong, site, reviewer, as_):
    html = text_of(page(as_(reviewer), scored_study(site), **wrong))
    assert "Level and window are numbers" in html
    assert ".png?" not in html.split("<img")[1].split(">")[0]


@pytest.mark.parametrize("uid", ["1.2.3", "0", "1.2.840.10008"])
def test_a_study_that_is_not_there_is_404(uid, reviewer, as_):
    response = as_(reviewer).get(at("study", uid))
    assert response.status_code == 404
    assert "Start again from your list" in prose_of(response)
