"""Next study by mouse and by keyboard, and the API's page without the internet."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_journey import uploaded

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]


def test_next_leads_to_a_study_and_putting_it_back_to_the_worklist(visit, hospital):
    uploaded(hospital, 951)
    with visit("reviewer1") as visitor, visit("reviewer2") as colleague:
        page = visitor.page
        visitor.go("/worklist")
        visitor.shot("worklist-next")
        following = page.get_by_role("button", name="Next study")
        expect(following).to_have_attribute("accesskey", "n")  # the browser's own, such as Alt+N
        following.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".held")).to_contain_text("This study is yours until")
        visitor.shot("study-in-hand")
        study = page.url.removeprefix(visitor.origin)
        colleague.go(study)
        expect(colleague.page.locator(".held")).to_contain_text("Whoever signs first")
        colleague.go("/worklist")
        expect(colleague.page.locator("#rows")).to_contain_text("in hand until")
        colleague.shot("worklist-in-hand")
        page.get_by_role("button", name="Put it back").click()
        expect(page.get_by_role("status").first).to_contain_text("back on the worklist")


@pytest.mark.parametrize("size", ["390", "820"])
def test_the_study_in_hand_fits_small_screens(visit, hospital, size):
    uploaded(hospital, 952)
    with visit("reviewer1", size=size, theme="dark") as visitor:
        page = visitor.page
        visitor.go("/worklist")
        page.get_by_role("button", name="Next study").click()
        expect(page.locator(".held")).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide
        visitor.shot(f"study-in-hand-{size}")


def test_the_pages_of_the_api_need_nothing_from_elsewhere(visit):
    with visit("reader") as visitor:
        elsewhere = []
        page = visitor.page
        page.on("request", lambda request: elsewhere.append(request.url))
        visitor.go("/api/v1/docs/")
        operations = page.locator(".opblock")
        expect(operations.first).to_be_visible()
        assert operations.count() >= 15
        operations.filter(has_text="worklist/next").first.click()
        expect(page.locator(".opblock.is-open")).to_contain_text("429")
        outside = [url for url in elsewhere if not url.startswith((visitor.origin, "data:"))]
        assert outside == []
        visitor.shot("api-docs")
