"""A version beside the live one over REST: figures for whoever watches, studies for some."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.predictions.challenger_services import end_challenger, start_shadow
from tests.factories import make_model_version, make_user
from tests.portal.api.people import API, client_of, refused
from tests.portal.watch.test_comparison import signed

pytestmark = pytest.mark.django_db
TODAY = timezone.now().date()


@pytest.fixture
def challenger(site, deployed):
    version = make_model_version(reported=True, version="2.0.0", threshold={"value": 0.4})
    return start_shadow(version=version, why="Better.", by=make_user(site, "data_scientist"))


@pytest.fixture
def differed(site, challenger, reviewer):
    signed(site, reviewer, challenger, 0.9, 0.8, "present")
    return signed(site, reviewer, challenger, 0.3, 0.1234, "absent"), signed(
        site, reviewer, challenger, 0.9, 0.2345, "present"
    )


def ask(user, version, **days):
    return client_of(user).get(f"{API}/models/{version.pk}/comparison", days)


def test_it_says_what_the_page_says(challenger, differed, deployed, data_scientist):
    told = ask(data_scientist, challenger.model_version).json()
    assert (told["n_present"], told["n_absent"], told["left_out"], told["saw_ai"]) == (2, 1, 0, 3)
    assert (told["live"]["model_id"], told["challenger"]["model_id"]) == (
        deployed.pk, challenger.model_version_id,
    )  # fmt: skip
    assert told["challenger"]["threshold"] == 0.4
    assert told["challenger"]["sensitivity"]["found"] == 1
    assert told["difference"]["sensitivity"]["value"] == -0.5
    assert told["difference"]["auc"] is None  # a variance takes two of a kind
    assert told["right_on_present"] == {
        "both": 1, "only_live": 1, "only_challenger": 0, "none": 0,
    }  # fmt: skip
    assert {one["group"] for one in told["subgroups"]} == {"scanner", "view", "age"}
    assert told["subgroups"][0]["sensitivity"] is None
    (study,) = told["studies"]
    assert (study["study_instance_uid"], study["finding"], study["challenger"]) == (
        differed[1].study_instance_uid, "present", 0.2345,
    )  # fmt: skip
    assert told["more_studies"] == 0


@pytest.mark.parametrize(
    "roles",
    [("reviewer",), ("adjudicator",), ("site_admin",), ("data_scientist", "reader"),
     ("auditor", "adjudicator")],
)  # fmt: skip
def test_who_reads_is_told_figures_of_ten_of_a_kind_and_of_no_study(
    site, challenger, differed, reviewer, roles
):
    for presence, more in (("present", 8), ("absent", 9)):
        for _ in range(more):
            signed(site, reviewer, challenger, 0.9, 0.9, presence)
    answer = ask(make_user(site, *roles), challenger.model_version)
    assert (answer.json()["n_present"], answer.json()["studies"]) == (10, None)
    assert differed[1].study_instance_uid not in answer.content.decode()
    assert "0.2345" not in answer.content.decode()


@pytest.mark.parametrize("roles", [("reviewer",), ("adjudicator",), ("data_scientist", "reader")])
def test_who_reads_is_told_no_figure_of_a_few(site, challenger, differed, reviewer, roles):
    for _ in range(9):  # 11 with pneumonia, and one without
        signed(site, reviewer, challenger, 0.9, 0.9, "present")
    answer = ask(make_user(site, *roles), challenger.model_version)
    refused(answer, 404, "too_few_to_tell")
    assert "11 with pneumonia and 1 without" in answer.json()["title"]


def test_who_does_not_read_is_told_figures_of_a_few(site, challenger, differed):
    assert ask(make_user(site, "site_admin"), challenger.model_version).json()["n_present"] == 2


def test_once_the_trial_is_over_who_compares_may_read_too(site, challenger, differed, reviewer):
    end_challenger(version=challenger.model_version, reason="Enough.", by=reviewer)
    somebody = make_user(site, "data_scientist", "reader")
    assert len(ask(somebody, challenger.model_version).json()["studies"]) == 1
    assert ask(reviewer, challenger.model_version).json()["studies"] is None


def test_the_days_are_the_last_365_unless_others_are_asked_for(
    challenger, differed, data_scientist
):
    told = ask(data_scientist, challenger.model_version).json()
    assert (told["since"], told["until"]) == (f"{TODAY - timedelta(days=365)}", f"{TODAY}")
    before = TODAY - timedelta(days=2)
    told = ask(data_scientist, challenger.model_version, until=f"{before}").json()
    assert (told["since"], told["n_present"]) == (f"{before - timedelta(days=365)}", 0)


def test_who_is_told_of_no_study_is_told_of_no_day_either(site, challenger, differed):
    somebody = make_user(site, "site_admin")
    told = ask(somebody, challenger.model_version, since="2020-01-01", until="2020-01-01").json()
    assert (told["until"], told["n_present"]) == (f"{TODAY}", 2)


def test_what_is_live_is_not_compared_with_itself(deployed, data_scientist):
    refused(ask(data_scientist, deployed), 404, "nothing_to_compare")


def test_it_is_for_those_who_watch(challenger, reader):
    refused(ask(reader, challenger.model_version), 403, "forbidden")


def test_another_site_lends_nothing(other_site, challenger, differed):
    told = ask(make_user(other_site, "data_scientist"), challenger.model_version).json()
    assert (told["n_present"], told["studies"]) == (0, [])


def test_where_nothing_is_live_there_is_nothing_to_compare_with(site):
    version = make_model_version(reported=True)
    somebody = make_user(site, "data_scientist")
    refused(ask(somebody, version), 404, "nothing_to_compare")
