"""The forms that try a version beside the live one, and the page that compares the two."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.predictions.challenger_services import end_challenger, start_shadow
from portal.predictions.deployment_selectors import challenger_at, live_version
from portal.predictions.deployment_services import approve_deployment, propose_deployment
from portal.predictions.models import Proposal
from tests.factories import make_model_version, make_user, scored_study
from tests.portal.reviews.test_signing import sign
from tests.portal.watch.test_comparison import in_shadow
from tests.portal.watch.test_subgroups import read_by_both
from tests.portal.web.pages import at, prose_of, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def better(deployed):
    return make_model_version(reported=True, version="2.0.0", threshold={"value": 0.4})


@pytest.fixture
def challenger(better, data_scientist):
    return start_shadow(version=better, why="Fewer <alarms>.", by=data_scientist)


def test_a_version_is_put_in_shadow_and_the_page_says_so(site, better, as_, data_scientist):
    client = as_(data_scientist)
    sent = {"reason": "Fewer <alarms>.", "days": "30"}
    answer = client.post(at("start-shadow", better.pk), sent, follow=True)
    words = prose_of(answer)
    assert "vgg16-pneumonia 2.0.0 is in shadow" in words
    assert "put in shadow by Dr data_scientist" in words
    assert "0 images read, 0 of them scored; none left" in words
    row = challenger_at(site)
    assert (row.model_version, (row.since - row.reads_from).days) == (better, 30)
    assert "Try in shadow" not in text_of(answer)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"reason": " ", "days": "12"}, "Say why."),
        ({"reason": "x", "days": "many"}, "Enter a whole number of days."),
        ({"reason": "x", "days": "4000"}, "0 to 365 days"),
    ],
)
def test_what_is_refused_is_shown_with_what_was_typed(
    site, better, as_, data_scientist, sent, words
):
    answer = as_(data_scientist).post(at("start-shadow", better.pk), sent)
    assert answer.status_code == 422
    assert words in prose_of(answer)
    assert f'value="{sent["days"]}"' in text_of(answer)
    assert challenger_at(site) is None


def test_a_share_of_the_studies_is_proposed(site, better, as_, data_scientist):
    client = as_(data_scientist)
    client.post(at("propose-model", better.pk), {"reason": "Try it.", "share": "20"})
    proposal = Proposal.objects.get()
    assert (proposal.kind, proposal.share) == ("canary", 20)
    assert "Proposed for 20 % of studies" in prose_of(client.get(at("models")))


def test_without_a_share_it_is_proposed_for_all(better, as_, data_scientist):
    as_(data_scientist).post(at("propose-model", better.pk), {"reason": "Try it.", "share": ""})
    assert Proposal.objects.get().kind == "live"


@pytest.mark.parametrize(
    ("share", "words"), [("all", "whole number of percent"), ("80", "1 to 50")]
)
def test_a_share_that_is_none_is_refused(better, as_, data_scientist, share, words):
    sent = {"reason": "Try it.", "share": share}
    answer = as_(data_scientist).post(at("propose-model", better.pk), sent)
    assert answer.status_code == 422
    assert words in prose_of(answer)
    assert f'value="{share}"' in text_of(answer)


def test_a_second_person_lets_it_read_its_share(site, better, as_, data_scientist, reviewer):
    propose_deployment(version=better, why="Try it.", share=20, by=data_scientist)
    page = text_of(as_(reviewer).get(at("models")))
    assert "Approve and let it read its share" in page
    as_(reviewer).post(at("approve-model", better.pk), {"reason": ""})
    words = prose_of(as_(reviewer).get(at("models")))
    assert "Canary, 20 % of studies" in words
    assert "20 in 100 studies for the readers" in words


@pytest.mark.parametrize("role", ["data_scientist", "reviewer", "adjudicator", "site_admin"])
def test_those_who_decide_end_a_trial(site, challenger, better, as_, role):
    client = as_(make_user(site, role))
    assert "End it now" in text_of(client.get(at("models")))
    answer = client.post(at("end-trial", better.pk), {"reason": "Enough."}, follow=True)
    assert "The trial of vgg16-pneumonia 2.0.0 is over." in prose_of(answer)
    assert challenger_at(site) is None


def test_others_are_offered_nothing(site, challenger, better, as_, uploader):
    page = text_of(as_(uploader).get(at("models")))
    assert "End it now" not in page
    assert "Compare the two" not in page
    assert as_(uploader).post(at("end-trial", better.pk), {"reason": "x"}).status_code == 403


def test_what_was_live_before_is_rolled_back_to(site, better, deployed, as_, data_scientist):
    reviewer, second = make_user(site, "reviewer"), make_user(site, "reviewer")
    assert "Roll back" not in text_of(as_(reviewer).get(at("models")))
    propose_deployment(version=better, why="Better.", by=data_scientist)
    approve_deployment(version=better, by=reviewer)
    assert "Roll back to vgg16-pneumonia 1.0.0" in text_of(as_(reviewer).get(at("models")))
    as_(reviewer).post(at("roll-back", better.pk), {"reason": "It missed two."})
    assert "Withdraw it" in text_of(as_(reviewer).get(at("models")))
    page = prose_of(as_(second).get(at("models")))
    assert "Rollback proposed" in page
    assert "Roll back to" not in page
    as_(second).post(at("approve-model", deployed.pk), {"reason": ""})
    assert live_version(site) == deployed


def test_who_asked_for_a_rollback_takes_it_back(site, better, deployed, as_, data_scientist):
    reviewer = make_user(site, "reviewer")
    propose_deployment(version=better, why="Better.", by=data_scientist)
    approve_deployment(version=better, by=reviewer)
    as_(reviewer).post(at("roll-back", better.pk), {"reason": "It missed two."})
    answer = as_(reviewer).post(at("withdraw-model", deployed.pk), follow=True)
    assert "The proposal of vgg16-pneumonia 1.0.0 is withdrawn." in prose_of(answer)
    assert not Proposal.objects.filter(state="waiting").exists()


@pytest.fixture
def differed(site, challenger, reviewer):
    """A signed study on which the two differ."""
    study = scored_study(site, "present", 0.9)
    in_shadow(challenger, study, 0.1234)
    sign(study, reviewer)
    return study


def test_the_two_are_compared_on_signed_studies(site, differed, better, as_):
    somebody = make_user(site, "data_scientist", "pacs_admin")
    answer = as_(somebody).get(at("model-comparison", better.pk))
    words = prose_of(answer)
    assert "On 1 signed study: 1 with pneumonia, 0 without" in words
    assert "100 % (1 of 1; 21 to 100 %)" in words
    assert "0.9000 0.1234 vgg16-pneumonia 1.0.0" in words
    assert f'href="/studies/{differed.study_instance_uid}"' in text_of(answer)


WHO_READS = [("reviewer",), ("adjudicator",), ("data_scientist", "reader"), ("auditor", "reviewer"),
             ("data_scientist", "adjudicator")]  # fmt: skip


@pytest.mark.parametrize("roles", [*WHO_READS, ("site_admin",)])
def test_who_reads_is_told_figures_and_of_no_study(
    site, challenger, differed, as_, reviewer, roles
):
    read_by_both(challenger, reviewer, 9, "present", (0.9, 0.9))
    read_by_both(challenger, reviewer, 10, "absent", (0.1, 0.1))
    answer = as_(make_user(site, *roles)).get(at("model-comparison", challenger.model_version_id))
    assert "On 20 signed studies: 10 with pneumonia, 10 without" in prose_of(answer)
    assert "nobody who reads: a signed study can still be amended" in prose_of(answer)
    assert differed.study_instance_uid not in text_of(answer)
    assert "0.1234" not in text_of(answer)


@pytest.mark.parametrize("roles", WHO_READS)
def test_who_reads_is_told_no_figure_of_a_few(site, differed, better, as_, roles):
    words = prose_of(as_(make_user(site, *roles)).get(at("model-comparison", better.pk)))
    assert "Of the signed studies 1 with pneumonia and 0 without have scores of both" in words
    assert "Sensitivity" not in words


def test_a_canary_is_tried_too(site, differed, better, as_, data_scientist, reviewer):
    propose_deployment(version=better, why="Try it.", share=20, by=data_scientist)
    approve_deployment(version=better, by=reviewer)
    somebody = make_user(site, "data_scientist", "reader")
    page = text_of(as_(somebody).get(at("model-comparison", better.pk)))
    assert differed.study_instance_uid not in page


@pytest.mark.parametrize("roles", WHO_READS)
def test_once_the_trial_is_over_who_compares_may_read_too(site, differed, better, as_, roles):
    somebody = make_user(site, *roles)
    end_challenger(version=better, reason="Enough.", by=make_user(site, "site_admin"))
    page = text_of(as_(somebody).get(at("model-comparison", better.pk)))
    compares = {"data_scientist", "auditor"} & set(roles)
    assert (differed.study_instance_uid in page) == bool(compares)


def test_who_may_not_see_studies_is_shown_no_link_to_one(differed, better, as_, auditor):
    page = text_of(as_(auditor).get(at("model-comparison", better.pk)))
    assert differed.study_instance_uid in page
    assert "/studies/" not in page


def test_what_nobody_has_signed_is_not_on_the_page(site, challenger, better, as_, reviewer):
    study = scored_study(site, "present", 0.9)
    in_shadow(challenger, study, 0.1234)
    answer = as_(reviewer).get(at("model-comparison", better.pk))
    assert "has scores of both yet" in prose_of(answer)
    assert "0.1234" not in text_of(answer)
    assert study.study_instance_uid not in text_of(answer)


def test_by_scanner_view_and_age_too_few_are_said_to_be_too_few(differed, better, as_, auditor):
    words = prose_of(as_(auditor).get(at("model-comparison", better.pk)))
    for group in ("Scanner", "View", "Age"):
        assert f"{group} not stated 1 with, 0 without too few too few too few" in words


def test_a_subgroup_has_figures_of_both(site, better, as_, auditor, reviewer):
    challenger = start_shadow(
        version=better, why="Better.", days=9, by=make_user(site, "data_scientist")
    )
    for scores, presence in (((0.9, 0.3), "present"), ((0.1, 0.2), "absent")):
        read_by_both(challenger, reviewer, 10, presence, scores, view="PA")
    words = prose_of(as_(auditor).get(at("model-comparison", better.pk)))
    assert (
        "View PA 10 with, 10 without vgg16-pneumonia 1.0.0 1.000 vgg16-pneumonia 2.0.0 1.000 "
        "vgg16-pneumonia 1.0.0 100 % (10 of 10; 72 to 100 %) vgg16-pneumonia 2.0.0 0 % (0 of 10;"
    ) in words


def test_the_page_says_in_which_days_and_lets_them_be_chosen(differed, better, as_, auditor):
    client, place = as_(auditor), at("model-comparison", better.pk)
    today = timezone.now().date()
    text = text_of(client.get(place))
    assert f'name="since" value="{today - timedelta(days=365)}"' in text
    assert f'name="until" value="{today}"' in text
    assert "what was signed on other days does not count" in text
    words = prose_of(client.get(place, {"since": "2020-01-01", "until": "2020-02-01"}))
    assert "No study signed from 1 Jan 2020 to 1 Feb 2020 has scores of both yet" in words


def test_who_is_told_of_no_study_is_told_of_no_day_either(site, differed, better, as_):
    answer = as_(make_user(site, "site_admin")).get(
        at("model-comparison", better.pk), {"since": "2020-01-01", "until": "2020-02-01"}
    )
    assert "On 1 signed study" in prose_of(answer)
    assert 'name="since"' not in text_of(answer)


@pytest.mark.parametrize("asked", [{"since": "x"}, {"since": "2026-02-01", "until": "2026-01-01"}])
def test_days_that_cannot_be_looked_at_show_the_usual_ones(differed, better, as_, auditor, asked):
    answer = as_(auditor).get(at("model-comparison", better.pk), asked)
    assert answer.status_code == 422
    assert "That cannot be looked at; the usual days are shown." in prose_of(answer)
    assert "On 1 signed study" in prose_of(answer)


def test_the_live_version_has_nothing_to_be_compared_with(deployed, as_, auditor):
    words = prose_of(as_(auditor).get(at("model-comparison", deployed.pk)))
    assert "There is nothing to compare" in words


def test_the_comparison_is_for_those_who_watch(site, challenger, better, as_, uploader):
    assert as_(uploader).get(at("model-comparison", better.pk)).status_code == 403
