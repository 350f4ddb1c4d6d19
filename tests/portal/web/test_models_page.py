"""The models page: what is live, who decided so, and the forms of those who may change it."""

import re

import pytest

from portal.predictions.deployment_selectors import live_version, open_pause, proposals_at
from portal.predictions.deployment_services import (
    approve_deployment,
    decline_deployment,
    propose_deployment,
)
from portal.predictions.pause_services import pause_model, resume_model
from portal.predictions.prevalence_selectors import probability_at
from portal.predictions.replay_services import record_not_reproduced
from portal.predictions.selectors import leading_prediction
from portal.predictions.worker_services import say_alive
from tests.factories import DISCLAIMER, make_model_version, make_study, make_user, scored_study
from tests.portal.web.pages import at, prose_of, text_of
from tests.reports import make_report

pytestmark = pytest.mark.django_db


@pytest.fixture
def better(deployed):
    return make_model_version(reported=True, version="2.0.0", threshold={"value": 0.6})


def post(client, act: str, version, reason: str = "Because <so>."):
    return client.post(at(f"{act}-model", version.pk), {"reason": reason})


def forms_in(response) -> set[str]:
    """Return the acts that the page offers."""
    found = re.findall(r'action="/models/\d+/(\w+)"', text_of(response))
    assert len(found) == len(set(found))
    return set(found)


def test_it_says_what_is_live_since_when_and_by_whom(site, deployed, better, as_, reviewer):
    scientist = make_user(site, "data_scientist", username="sam")
    propose_deployment(version=better, why="Fewer alarms.", by=scientist)
    approve_deployment(version=better, note="Agreed.", by=reviewer)
    words = prose_of(as_(scientist).get(at("models")))
    assert "vgg16-pneumonia 2.0.0 Live" in words
    assert "proposed by Dr sam ( Fewer alarms. ), approved by Dr reviewer" in words
    assert ": Agreed." in words
    assert "Cut-off 0.6000, the model's own Prevalence 74 %" in words
    assert DISCLAIMER in words
    assert "vgg16-pneumonia 1.0.0" in words.split("History")[1]
    assert "it came with the installation" in words.split("History")[1]


def test_beside_every_reason_it_says_who_reads_it_and_to_name_no_patient(
    site, deployed, better, as_, reviewer
):
    scientist = make_user(site, "data_scientist", username="sam")
    proposing = text_of(as_(scientist).get(at("models")))
    propose_deployment(version=better, why="Fewer alarms.", by=scientist)
    deciding = text_of(as_(reviewer).get(at("models")))
    pause_model(version=deployed, reason="Alarms.", by=reviewer)
    resuming = text_of(as_(make_user(site, "site_admin")).get(at("models")))
    for page, act in (
        (proposing, f"propose-{better.pk}"),
        (proposing, "basis"),
        (deciding, f"approve-{better.pk}"),
        (deciding, f"decline-{better.pk}"),
        (deciding, f"pause-{deployed.pk}"),
        (resuming, f"resume-{deployed.pk}"),
    ):
        hint = re.search(rf'id="hint-{act}">(.*?)</p>', page)
        assert hint, act
        assert "Name no patient" in hint[1]
        assert f'aria-describedby="hint-{act}"' in page


@pytest.mark.parametrize(
    ("role", "acts"),
    [
        ("uploader", set()),
        ("pacs_admin", set()),
        ("auditor", set()),
        ("reviewer", {"pause", "approve", "decline"}),
        ("adjudicator", {"pause"}),
        ("site_admin", {"approve", "decline"}),
        ("data_scientist", {"widen"}),
    ],
)
def test_each_role_is_offered_what_it_may_do(site, better, as_, role, acts):
    propose_deployment(version=better, why="x", by=make_user(site, "data_scientist"))
    assert forms_in(as_(make_user(site, role)).get(at("models"))) == acts


def test_a_data_scientist_is_offered_to_propose_what_is_not_here(better, as_, data_scientist):
    assert forms_in(as_(data_scientist).get(at("models"))) == {"propose", "shadow", "widen"}


def test_who_proposed_it_may_only_withdraw_it(site, better, as_):
    both = make_user(site, "data_scientist", "site_admin")
    propose_deployment(version=better, why="x", by=both)
    response = as_(both).get(at("models"))
    assert forms_in(response) == {"withdraw", "widen"}  # what waits is not proposed once more
    assert "waits for a decision" in prose_of(response)
    assert "You proposed it, so somebody else has to decide." in prose_of(response)


def test_from_proposal_to_live_through_the_forms(site, better, as_, data_scientist, reviewer):
    response = post(as_(data_scientist), "propose", better, "Fewer <alarms>.")
    assert (response.status_code, response["Location"]) == (302, at("models"))
    page = as_(reviewer).get(at("models"))
    assert "Fewer &lt;alarms&gt;." in text_of(page)
    client = as_(reviewer)
    assert post(client, "approve", better, "").status_code == 302
    assert "vgg16-pneumonia 2.0.0 reads from now on" in prose_of(client.get(at("models")))
    assert live_version(site) == better


def test_declined_with_a_reason_that_stays_on_the_page(
    site, better, as_, data_scientist, site_admin
):
    propose_deployment(version=better, why="x", by=data_scientist)
    client = as_(site_admin)
    assert post(client, "decline", better, "One scanner.").status_code == 302
    words = prose_of(client.get(at("models")))
    assert "declined by Dr site_admin" in words
    assert "One scanner." in words
    assert "Nothing waits." in words


def test_withdrawn_by_its_author(site, better, as_, data_scientist):
    propose_deployment(version=better, why="x", by=data_scientist)
    assert post(as_(data_scientist), "withdraw", better).status_code == 302
    assert [row.state for row in proposals_at(site)] == ["withdrawn"]


@pytest.mark.parametrize(
    ("role", "act", "status", "words"),
    [
        ("data_scientist", "propose", 422, "Say why."),
        ("reviewer", "pause", 422, "Say why."),
        ("reviewer", "resume", 409, "vgg16-pneumonia 1.0.0 is not paused here"),
        ("reviewer", "approve", 409, "No proposal of vgg16-pneumonia 1.0.0 waits here"),
    ],
)
def test_a_refusal_is_said_and_nothing_changes(  # noqa: PLR0913, PLR0917 (a table)
    site, deployed, better, as_, role, act, status, words
):
    version = better if act == "propose" else deployed
    response = post(as_(make_user(site, role)), act, version, " ")
    assert response.status_code == status
    assert f"Nothing was changed. {words}" in prose_of(response)
    assert live_version(site) == deployed


def test_what_was_typed_is_kept_when_it_is_refused(site, deployed, as_, reviewer):
    response = post(as_(reviewer), "pause", deployed, "<x>" + "y" * 2000)
    assert response.status_code == 422
    assert "&lt;x&gt;yyy" in text_of(response)
    assert '<details class="stop" open>' in text_of(response)


def test_paused_with_one_form_and_everybody_is_told(site, deployed, as_, reviewer, uploader):
    study = scored_study(site, by=uploader)
    assert post(as_(reviewer), "pause", deployed, "False <alarms>.").status_code == 302
    assert open_pause(site)
    for place in (at("worklist"), at("upload"), at("study", study.study_instance_uid)):
        words = prose_of(as_(uploader).get(place))
        assert "The model is paused at your site since" in words, place
        assert "Studies are read without AI. Reason: False &lt;alarms&gt;." in words, place
    words = prose_of(as_(uploader).get(at("about")))
    assert "Paused at Demo hospital." in words


def test_the_other_site_is_not_told(site, deployed, as_, reviewer, other_reviewer):
    pause_model(version=deployed, reason="x", by=reviewer)
    assert "paused" not in prose_of(as_(other_reviewer).get(at("worklist")))


def test_without_a_pause_there_is_no_notice(site, deployed, as_, reviewer):
    assert "paused" not in prose_of(as_(reviewer).get(at("worklist")))


def test_who_paused_it_is_not_offered_to_resume_it(site, deployed, as_, reviewer, site_admin):
    pause_model(version=deployed, reason="False alarms.", by=reviewer)
    own = as_(reviewer).get(at("models"))
    assert forms_in(own) == set()
    assert "You paused it, so somebody else has to let it go on." in prose_of(own)
    client = as_(site_admin)
    assert forms_in(client.get(at("models"))) == {"resume"}
    assert post(client, "resume", deployed, "Updated.").status_code == 302
    words = prose_of(client.get(at("models")))
    assert "by Dr reviewer : False alarms. Resumed" in words
    assert "by Dr site_admin : Updated." in words
    assert live_version(site) == deployed


def test_the_same_person_is_refused_whatever_the_page_offers(site, deployed, as_, reviewer):
    pause_model(version=deployed, reason="x", by=reviewer)
    response = post(as_(reviewer), "resume", deployed)
    assert response.status_code == 403
    assert "You paused it yourself" in prose_of(response)


def test_a_study_that_came_while_it_was_paused_is_read_without_ai(
    site, deployed, as_, adjudicator, reviewer
):
    pause_model(version=deployed, reason="x", by=adjudicator)
    from tests.factories import make_instance

    study = make_study(site)
    make_instance(study)
    resume_model(version=deployed, by=reviewer)
    page = as_(reviewer).get(at("study", study.study_instance_uid))
    assert "Read without AI" in prose_of(page)
    assert "Without AI" in prose_of(as_(reviewer).get(at("worklist")))


def test_a_version_has_a_page_of_its_own(better, as_, uploader):
    words = prose_of(as_(uploader).get(at("model", better.pk)))
    assert "vgg16-pneumonia 2.0.0" in words
    assert "Not live at Demo hospital." in words
    assert as_(uploader).get(at("model", 10**9)).status_code == 404


def test_what_came_without_a_report_is_not_offered_for_proposal(deployed, as_, data_scientist):
    bare = make_model_version(version="3.0.0")
    page = as_(data_scientist).get(at("models"))
    assert "came without a report" in prose_of(page)
    assert at("propose-model", bare.pk) not in text_of(page)
    said = as_(data_scientist).post(at("propose-model", bare.pk), {"reason": "x"})
    assert said.status_code == 409
    assert "register its bundle with one" in prose_of(said)


def test_a_worker_that_cannot_run_it_is_said(deployed, as_, reviewer):
    say_alive(name="w", queue_name="inference", trouble="The bundle of m 1 is not at m-1.")
    words = prose_of(as_(reviewer).get(at("models")))
    assert "A worker cannot run what is live. The bundle of m 1 is not at m-1." in words


def test_scores_that_did_not_come_out_again_are_said_at_their_site_alone(
    site, other_site, as_, reviewer
):
    row = leading_prediction(scored_study(site))
    assert "did not come out again" not in prose_of(as_(reviewer).get(at("models")))
    for _ in range(2):
        record_not_reproduced(prediction=row, code="other_score", why="Another number.")
    assert "1 stored score did not come out again" in prose_of(as_(reviewer).get(at("models")))
    stranger = make_user(other_site, "reviewer")
    assert "did not come out again" not in prose_of(as_(stranger).get(at("models")))


def test_a_site_without_a_model_says_so(site, as_, reviewer):
    words = prose_of(as_(reviewer).get(at("models")))
    assert "No model is live." in words
    assert "No model has been live here." in words


def test_the_page_takes_few_queries_however_long_the_history(
    deployed, better, as_, reviewer, data_scientist, django_assert_max_num_queries
):
    make_report(deployed)
    for version in (better, deployed, better, deployed):
        propose_deployment(version=version, why="x", by=data_scientist)
        approve_deployment(version=version, by=reviewer)
    for _ in range(2):
        propose_deployment(version=better, why="x", by=data_scientist)
        decline_deployment(version=better, reason="x", by=reviewer)
    client = as_(reviewer)
    with django_assert_max_num_queries(18):
        client.get(at("models"))


def enter(client, of_100: str, basis: str = "All of <2025>."):
    return client.post(at("enter-prevalence"), {"of_100": of_100, "basis": basis})


def test_a_data_scientist_enters_how_common_pneumonia_is(site, deployed, as_, data_scientist):
    client = as_(data_scientist)
    assert "Nobody has entered how common pneumonia is here" in prose_of(client.get(at("models")))
    response = enter(client, "12.5")
    assert (response.status_code, response["Location"]) == (302, at("models"))
    page = client.get(at("models"))
    assert "12.5 in 100 radiographs here show pneumonia" in prose_of(page)
    assert "All of &lt;2025&gt;." in text_of(page)
    assert "what a score means here" in prose_of(page)
    enter(client, "", "Counted wrongly.")
    words = prose_of(client.get(at("models")))
    assert "Nobody has entered" in words
    assert "Taken back" in words


@pytest.mark.parametrize(
    ("of_100", "basis", "said"),
    [
        ("many", "x", "Enter how many of 100"),
        ("100", "x", "between 0 and 100 in 100"),
        ("nan", "x", "Enter how many of 100"),
        ("12", " ", "Say what it was counted on"),
    ],
)
def test_what_is_no_prevalence_is_shown_again_with_what_was_typed(
    deployed, as_, data_scientist, of_100, basis, said
):
    response = enter(as_(data_scientist), of_100, basis)
    assert response.status_code == 422
    assert said in prose_of(response)
    assert f'value="{of_100}"' in text_of(response)


def test_others_see_it_without_the_form(deployed, as_, data_scientist, reviewer):
    enter(as_(data_scientist), "20")
    page = as_(reviewer).get(at("models"))
    assert "20 in 100 radiographs here" in prose_of(page)
    assert at("enter-prevalence") not in text_of(page)


def test_the_study_page_says_what_a_score_means_and_means_here(
    site, deployed, as_, data_scientist, reviewer
):
    study = scored_study(site)
    prediction = study.series.get().instances.get().predictions.get()
    client = as_(reviewer)
    words = prose_of(client.get(at("study", study.study_instance_uid)))
    score = f"{100 * prediction.score:.0f}"
    meaning = (
        f"Of 100 such scores about {score} were pneumonia, among the validation images , of which"
    )
    assert f"{meaning} 74 % were." in words
    assert "it would be about" not in words
    enter(as_(data_scientist), "20")
    words = prose_of(client.get(at("study", study.study_instance_uid)))
    here = probability_at(prediction.score, of=0.74, at=0.2)
    assert f"20 % are ( All of &lt;2025&gt;. ), it would be about {100 * here:.0f}." in words
    assert here < prediction.score
