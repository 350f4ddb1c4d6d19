"""What a proposal keeps of the comparison that could be seen when it was made, and who is told."""

from datetime import datetime

import pytest

from portal.audit.models import AuditEvent
from portal.predictions.challenger_services import start_shadow
from portal.predictions.deployment_services import (
    approve_deployment,
    decline_deployment,
    propose_deployment,
    propose_rollback,
)
from portal.predictions.models import Proposal
from portal.reviews.signed_selectors import usual_days
from portal.watch.comparison_selectors import comparison_of
from portal.watch.proposal_selectors import compared_now
from portal.web.templatetags.overread import compared
from tests.factories import make_model_version, make_user
from tests.portal.api.people import API, client_of
from tests.portal.watch.test_subgroups import read_by_both
from tests.portal.web.pages import at, prose_of, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def better(deployed):
    return make_model_version(reported=True, version="2.0.0", threshold={"value": 0.4})


@pytest.fixture
def read(site, better, data_scientist, reviewer):
    """Twenty signed studies: the live version is right of ten, the challenger of all."""
    challenger = start_shadow(version=better, why="Better.", by=data_scientist)
    for scores, presence in (
        ((0.9, 0.9), "present"), ((0.3, 0.8), "present"),
        ((0.1, 0.1), "absent"), ((0.6, 0.2), "absent"),
    ):  # fmt: skip
        read_by_both(challenger, reviewer, 5, presence, scores)
    return challenger


def proposed(by, version, **more):
    return propose_deployment(version=version, why="Try.", by=by, compare=compared_now, **more)


def test_it_keeps_set_figures_and_difference(site, read, better, data_scientist):
    kept = proposed(data_scientist, better, share=20).compared
    assert (kept["beside"], kept["n_present"], kept["n_absent"], kept["left_out"]) == (
        "vgg16-pneumonia 1.0.0", 10, 10, 0,
    )  # fmt: skip
    assert (kept["live"]["auc"], kept["challenger"]["auc"]) == (0.75, 1.0)
    assert (kept["live"]["threshold"], kept["challenger"]["threshold"]) == (0.5, 0.4)
    assert kept["challenger"]["sensitivity"] == {"found": 10, "of": 10}
    assert kept["difference"]["auc"]["value"] == 0.25
    assert kept["difference"]["specificity"]["value"] == 0.5


def test_the_same_set_comes_out_again_whatever_came_since(
    site, deployed, read, better, data_scientist, reviewer
):
    kept = proposed(data_scientist, better).compared
    read_by_both(read, reviewer, 1, "present", (0.9, 0.1))
    moment = datetime.fromisoformat(kept["as_of"])
    days = usual_days(moment.date())
    again = comparison_of(site, deployed, better, days=days, as_of=moment)
    assert (again.set_sha256, again.n) == (kept["set_sha256"], 20)
    assert compared_now(site, better)["set_sha256"] != kept["set_sha256"]


def test_the_event_of_the_proposal_has_it_too(site, read, better, data_scientist):
    kept = proposed(data_scientist, better).compared
    event = AuditEvent.objects.get(action="model.proposed")
    assert event.detail["compared"] == kept


def test_the_page_of_the_trail_says_it_in_words(read, better, as_, data_scientist, auditor):
    proposed(data_scientist, better)
    words = prose_of(as_(auditor).get(at("audit")))
    assert "beside vgg16-pneumonia 1.0.0; challenger auc 1.0; " in words
    assert "; difference auc high " in words
    assert "; value 0.25; sensitivity " in words


def test_where_nobody_signed_it_keeps_that_nothing_could_be_compared(better, data_scientist):
    kept = proposed(data_scientist, better).compared
    assert (kept["n_present"], kept["n_absent"], "difference" in kept) == (0, 0, False)


def test_where_nothing_is_live_it_keeps_that(site, data_scientist):
    free = make_model_version(reported=True, version="3.0.0")
    kept = proposed(data_scientist, free).compared
    assert (kept["beside"], set(kept)) == (None, {"as_of", "beside"})


def test_a_rollback_keeps_it_too(site, deployed, read, better, data_scientist, reviewer):
    proposed(data_scientist, better)
    approve_deployment(version=better, by=reviewer)
    kept = propose_rollback(version=better, why="x", by=reviewer, compare=compared_now).compared
    assert (kept["beside"], kept["n_present"]) == ("vgg16-pneumonia 2.0.0", 10)
    assert kept["difference"]["auc"]["value"] == -0.25


@pytest.mark.parametrize("door", ["page", "api"])
def test_every_door_keeps_it(site, read, better, as_, data_scientist, door):
    if door == "page":
        as_(data_scientist).post(at("propose-model", better.pk), {"reason": "Try.", "share": ""})
    else:
        place = f"{API}/models/{better.pk}/propose"
        client_of(data_scientist).post(place, {"why": "Try."}, format="json")
    assert Proposal.objects.get().compared["n_present"] == 10


@pytest.mark.parametrize("door", ["page", "api"])
def test_every_door_of_a_rollback_keeps_it(read, better, as_, reviewer, door):
    proposed(read.started_by, better)
    approve_deployment(version=better, by=reviewer)
    if door == "page":
        as_(reviewer).post(at("roll-back", better.pk), {"reason": "x"})
    else:
        place = f"{API}/models/{better.pk}/rollback"
        client_of(reviewer).post(place, {"why": "x"}, format="json")
    assert Proposal.objects.get(kind="rollback").compared["n_present"] == 10


def test_who_approves_sees_the_figures_beside_the_button(
    site, read, better, as_, data_scientist, site_admin
):
    proposed(data_scientist, better, share=20)
    words = prose_of(as_(site_admin).get(at("models"))).split("Waiting for a decision")[1]
    assert "On 20 signed studies since" in words
    assert "AUC 0.750 live; 1.000 proposed; difference +0.250 (" in words
    assert "Sensitivity 50 % (5 of 10; 24 to 76 %) live; 100 % (10 of 10; 72 to" in words
    assert "When it was proposed: AUC +0.250 (" in words
    assert words.index("AUC 0.750") < words.index("Approve and let it read its share")


def test_where_nothing_can_be_compared_who_approves_is_told_so(
    site, better, as_, data_scientist, reviewer
):
    proposed(data_scientist, better)
    words = prose_of(as_(reviewer).get(at("models")))
    assert "Nothing can be compared: no study signed since" in words
    assert "no signed study had scores of it and of vgg16-pneumonia 1.0.0" in words


def test_the_history_says_it_later(site, read, better, as_, data_scientist, reviewer):
    proposed(data_scientist, better, share=20)
    decline_deployment(version=better, reason="No.", by=reviewer)
    words = prose_of(as_(data_scientist).get(at("models")))
    after = words.split("Proposals that were not approved")[1]
    assert "When it was proposed: AUC +0.250 (" in after
    assert "on 10 signed studies with pneumonia and 10 without; set" in after


@pytest.mark.parametrize("role", ["uploader", "reader", "pacs_admin"])
def test_who_does_not_watch_is_told_nothing_of_it(site, read, better, as_, data_scientist, role):
    proposed(data_scientist, better)
    somebody = make_user(site, role)
    page = text_of(as_(somebody).get(at("models")))
    assert "Proposed" in page
    assert "Beside what is live" not in page
    assert "When it was proposed" not in page
    (told,) = client_of(somebody).get(f"{API}/models").json()["proposals"]
    assert told["compared"] is None


@pytest.fixture
def few(site, better, data_scientist, reviewer):
    """Enough signed studies with pneumonia, and one too few without."""
    challenger = start_shadow(version=better, why="Better.", by=data_scientist)
    read_by_both(challenger, reviewer, 10, "present", (0.3, 0.8))
    read_by_both(challenger, reviewer, 9, "absent", (0.6, 0.2))
    return challenger


def test_of_a_few_it_keeps_how_many_and_neither_figures_nor_digest(few, better, data_scientist):
    kept = proposed(data_scientist, better).compared
    assert set(kept) == {"as_of", "beside", "since", "until", "n_present", "n_absent", "left_out"}
    assert (kept["n_present"], kept["n_absent"]) == (10, 9)


@pytest.mark.parametrize("role", ["reviewer", "adjudicator"])
def test_who_reads_and_audits_learns_no_figure_of_a_few_anywhere(
    site, few, better, as_, data_scientist, role
):
    proposed(data_scientist, better, share=20)
    somebody = make_user(site, role, "auditor")
    words = prose_of(as_(somebody).get(at("models"))).split("Waiting for a decision")[1]
    assert (
        "Of the signed studies 10 with pneumonia and 9 without have scores of both. Who reads"
        in words
    )
    assert (
        "When it was proposed: 10 signed studies with pneumonia and 9 without had scores of it "
        "and of vgg16-pneumonia 1.0.0: too few to compare." in words
    )
    assert "1.000 proposed" not in words
    page = prose_of(as_(somebody).get(at("model-comparison", better.pk)))
    assert "Too few signed studies to tell you the figures" in page
    trail = prose_of(as_(somebody).get(at("audit")))
    assert "n_absent" in trail.replace("n absent", "n_absent")
    assert "auc" not in trail
    (told,) = client_of(somebody).get(f"{API}/models").json()["proposals"]
    assert "challenger" not in told["compared"]


def test_who_reads_is_told_it_once_it_is_live(site, read, better, data_scientist, reviewer):
    kept = proposed(data_scientist, better).compared
    approve_deployment(version=better, by=reviewer)
    (told,) = client_of(reviewer).get(f"{API}/models").json()["deployments"][:1]
    assert told["proposal"]["compared"] == kept


@pytest.mark.parametrize("role", ["data_scientist", "site_admin", "auditor"])
def test_who_watches_is_told_it_over_rest(site, read, better, data_scientist, role):
    kept = proposed(data_scientist, better).compared
    (told,) = client_of(make_user(site, role)).get(f"{API}/models").json()["proposals"]
    assert told["compared"] == kept


def test_a_few_that_were_kept_with_a_digest_are_too_few_to_compare_all_the_same():
    """As proposals were kept once: of one study of a kind there was no AUC."""
    kept = {"beside": "a 1.0.0", "n_present": 1, "n_absent": 4, "difference": {"auc": None}}
    assert compared(kept) == (
        "1 signed studies with pneumonia and 4 without had scores of it and of a 1.0.0: "
        "too few to compare."
    )
