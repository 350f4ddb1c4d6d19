"""A session that ends under an open page: nothing is shown any more, nothing typed is lost."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_journey import uploaded
from tests.chaos.harness import PASSWORD

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]
TYPED = "Seen on the lateral too"


def sign_out_behind_its_back(visitor) -> None:
    visitor.page.context.clear_cookies(name="session")


def fill_in(page, username: str = "reviewer1") -> None:
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def sign_in_in_another_tab(page, note, username: str = "reviewer1") -> None:
    with page.context.expect_page() as opened:
        note.get_by_role("link", name="Sign in in another tab").click()
    fill_in(opened.value, username)
    opened.value.wait_for_url(re.compile("/worklist"))
    opened.value.close()


def test_an_idle_page_goes_to_sign_in_and_comes_back(hospital, visit):
    study = uploaded(hospital, 970)
    with visit("reviewer1") as visitor:
        page = visitor.page
        page.clock.install()
        visitor.go(study)
        sign_out_behind_its_back(visitor)
        visitor.idle(-90)
        expect(page.locator(".session-note")).to_contain_text("signed out in a moment")
        page.clock.fast_forward("02:00")
        page.wait_for_url(re.compile("/sign-in"))
        fill_in(page)
        page.wait_for_url(f"{visitor.origin}{study}")


def test_an_open_page_stays_if_another_tab_kept_the_session(hospital, visit):
    study = uploaded(hospital, 971)
    with visit("reviewer1") as visitor:
        page = visitor.page
        page.clock.install()
        visitor.go(study)
        visitor.idle(60)
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator(".session-note")).to_have_count(0)


def test_a_review_that_was_not_sent_is_kept_hidden_from_others_and_sent_later(hospital, visit):
    study = uploaded(hospital, 972)
    with visit("reviewer1") as visitor:
        page = visitor.page
        page.clock.install()
        visitor.go(study)
        page.get_by_role("radio", name="Indeterminate").check()
        page.get_by_label("Comment").fill(TYPED)
        sign_out_behind_its_back(visitor)
        visitor.idle(60)
        note = page.locator(".session-note")
        expect(note).to_contain_text("What you typed below was not sent")
        expect(page.locator("h1")).to_be_hidden()
        expect(page.locator(".stage")).to_be_hidden()
        expect(page.get_by_label("Comment")).to_have_value(TYPED)
        visitor.shot("session-ended")
        sign_in_in_another_tab(page, note)
        page.clock.fast_forward("00:06")
        expect(page.locator("h1")).to_be_visible()
        expect(note).to_have_count(0)
        page.get_by_label("Reason").select_option("OTHER")
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Sign", exact=True).click()
        expect(page.locator(".history")).to_contain_text("signed by reviewer1")
        expect(page.locator(".history")).to_contain_text(TYPED)


def test_a_poll_that_finds_the_session_gone_leaves_the_page(visit):
    with visit("reader") as visitor:
        visitor.go("/worklist?report_status=final")
        sign_out_behind_its_back(visitor)
        visitor.page.wait_for_url(re.compile(r"/sign-in\?next=%2Fworklist"), timeout=60_000)


def test_what_one_person_typed_is_not_shown_to_the_next(hospital, visit):
    study = uploaded(hospital, 973)
    with visit("reviewer1") as visitor:
        page = visitor.page
        page.clock.install()
        visitor.go(study)
        page.get_by_label("Comment").fill(TYPED)
        sign_out_behind_its_back(visitor)
        visitor.idle(60)
        sign_in_in_another_tab(page, page.locator(".session-note"), "reviewer2")
        page.clock.fast_forward("00:06")
        expect(page.locator("h1")).to_be_visible()
        expect(page.get_by_label("Comment")).to_have_value("")
