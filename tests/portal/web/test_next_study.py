"""Taking the next study, seeing who has it, putting it back."""

import pytest

from portal.reviews.lease_selectors import lease_of
from portal.reviews.lease_services import take_next_study
from tests.factories import make_study, make_user, scored_study
from tests.portal.web.pages import at, prose_of, text_of

pytestmark = pytest.mark.django_db


def test_next_leads_to_the_study_and_says_until_when_it_is_yours(site, reviewer, as_):
    study = scored_study(site)
    page = as_(reviewer).post(at("next-study"), follow=True)
    assert page.redirect_chain == [(at("study", study), 302)]
    assert f"yours until {lease_of(study).until:%H:%M}" in prose_of(page)
    assert at("release-study", study) in text_of(page)


def test_nothing_to_read_is_said(site, reviewer, as_):
    page = as_(reviewer).post(at("next-study"), follow=True)
    assert page.redirect_chain == [(at("worklist"), 302)]
    assert "Nothing waits to be read" in prose_of(page)


def test_following_a_link_takes_nothing(site, reviewer, as_):
    study = make_study(site)
    for address in (at("next-study"), at("release-study", study)):
        assert as_(reviewer).get(address).status_code == 302
    assert lease_of(study) is None


def test_a_colleague_sees_who_has_it_and_may_still_sign(site, reviewer, as_):
    study, holder = scored_study(site), make_user(site, "reader", username="eve")
    take_next_study(by=holder)
    page = as_(reviewer).get(at("study", study))
    assert "Dr eve has this study in hand" in prose_of(page)
    assert at("sign-review", study) in text_of(page)
    assert at("release-study", study) not in text_of(page)
    assert "Dr eve" in prose_of(as_(reviewer).get(at("worklist")))


def test_putting_it_back_leads_to_the_worklist(site, reviewer, as_):
    study = scored_study(site)
    take_next_study(by=reviewer)
    page = as_(reviewer).post(at("release-study", study), follow=True)
    assert page.redirect_chain == [(at("worklist"), 302)]
    assert "back on the worklist" in prose_of(page)
    assert lease_of(study) is None


def test_putting_back_what_a_colleague_has_is_refused_beside_the_study(site, reviewer, as_):
    study = scored_study(site)
    take_next_study(by=make_user(site, "reader"))
    page = as_(reviewer).post(at("release-study", study), follow=True)
    assert page.redirect_chain == [(at("study", study), 302)]
    assert "A colleague has this study in hand" in prose_of(page)
    assert lease_of(study)


@pytest.mark.parametrize("role", ["uploader", "pacs_admin", "auditor"])
def test_who_does_not_read_has_no_button_and_may_not_press_it(site, role, as_):
    scored_study(site)
    client = as_(make_user(site, role))
    assert at("next-study") not in text_of(client.get(at("worklist"), follow=True))
    assert client.post(at("next-study")).status_code == 403


def test_the_live_list_changes_when_somebody_takes_a_study(site, reviewer, as_):
    import re

    study, client = scored_study(site), as_(reviewer)
    seen = re.search(r'name="seen" value="(\w+)"', text_of(client.get(at("worklist"))))[1]
    rows = {"seen": seen}
    assert client.post(at("worklist-rows"), rows).status_code == 204
    take_next_study(by=make_user(site, "reader"))
    assert client.post(at("worklist-rows"), rows).status_code == 200
    assert lease_of(study)
