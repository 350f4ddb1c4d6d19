"""The pages on paper, in the system's own colours, without motion and without scripts."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.test_journey import file_of
from tests.chaos import radiographs
from tests.chaos.harness import PASSWORD

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]
A4_WIDE = 688  # CSS pixels between margins of 14 mm


def opened(visitor, world, who: str, path: str) -> None:
    visitor.become(world["sessions"][who])
    visitor.go(path.format(**world["paths"]))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_study_on_paper_says_who_what_and_when_and_nothing_else(theme, world, visit):
    with visit(theme=theme) as visitor:
        page = visitor.page
        opened(visitor, world, "full.reviewer", "/studies/{study_overridden}")
        page.set_viewport_size({"width": A4_WIDE, "height": 1000})
        page.emulate_media(media="print")
        printed = page.locator("body").inner_text()
        for words in (
            "Test, Child 6",
            "AI suggests pneumonia: 0.87",
            "Not a diagnosis",
            "Disclaimer 2026-1",
            "Pneumonia absent",
            "AI overridden",
            "signed by Dr Reviewer",
            "as shown to Dr Reviewer on",
        ):
            assert words in printed
        for words in ("Worklist", "Upload", "Next study", "Apply", "Amend", "arrow keys"):
            assert words not in printed
        assert page.evaluate("document.documentElement.scrollWidth") <= A4_WIDE
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        assert page.evaluate(DARKEST_GROUND) > 200
        assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True))) <= 2


DARKEST_GROUND = """() => Math.min(...[...document.querySelectorAll("body, main *")]
  .filter((element) => element.checkVisibility())
  .map((element) => getComputedStyle(element).backgroundColor.match(/[\\d.]+/g).map(Number))
  .filter((colour) => colour.length === 3).map((colour) => Math.min(...colour)))"""


def test_the_report_of_a_model_on_paper_has_nothing_folded_away(world, visit):
    with visit() as visitor:
        page = visitor.page
        opened(visitor, world, "full.reader", "/models/{free}")
        subgroups = page.get_by_role("table", name="Subgroups", include_hidden=True)
        assert subgroups.evaluate(SEEN) is False
        page.set_viewport_size({"width": A4_WIDE, "height": 1000})
        page.emulate_media(media="print")
        assert subgroups.evaluate(SEEN) is True
        assert subgroups.evaluate("table => getComputedStyle(table).display") == "table"
        assert page.evaluate("document.documentElement.scrollWidth") <= A4_WIDE
        assert page.evaluate(DARKEST_GROUND) > 200


SEEN = "element => element.checkVisibility() && element.getBoundingClientRect().height > 100"


def test_forced_colours_still_say_where_one_is_and_what_is_chosen(world, visit):
    with visit(forced_colors="active") as visitor:
        page = visitor.page
        opened(visitor, world, "full.reviewer", "/studies/{study_long}")
        here = page.locator(".nav a[aria-current]")
        assert here.evaluate("one => getComputedStyle(one).borderBottomStyle") == "solid"
        page.get_by_role("radio", name="Present").check()
        chosen = page.locator(".choice", has_text="Present")
        assert chosen.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"


@pytest.mark.parametrize(("wish", "moving"), [("reduce", 0), ("no-preference", 1)])
def test_nothing_moves_for_who_wants_no_motion(wish, moving, world, visit):
    with visit(reduced_motion=wish) as visitor:
        opened(visitor, world, "full.reviewer", "/studies/{study_running}")
        assert visitor.page.evaluate("document.getAnimations().length") == moving


def test_the_whole_journey_works_without_javascript(hospital, visit):
    with visit("reviewer2", java_script_enabled=False) as visitor:
        page = visitor.page
        visitor.go("/upload")
        page.set_input_files("#id_files", [file_of("plain.dcm", radiographs.dicom(940))])
        page.get_by_role("button", name="Upload").click()
        expect(page.locator(".verdict--accepted")).to_contain_text("plain.dcm")
        page.get_by_role("link", name="Open the study").click()
        until_read(visitor)
        page.get_by_role("spinbutton", name="Level").fill("2000")
        page.get_by_role("spinbutton", name="Window").fill("1500")
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("#picture img")).to_have_attribute("src", re.compile("width=1500"))
        page.get_by_role("radio", name="Indeterminate").check()
        page.get_by_label("Reason").select_option("CTX_clinical")
        page.get_by_label("Comment").fill("Fever")
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Sign", exact=True).click()
        expect(page.locator(".history")).to_contain_text("signed by reviewer2")
        page.locator(".menu summary").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        visitor.go("/worklist")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def until_read(visitor) -> None:
    """Reload the page, as it says, until the AI has answered."""
    answer = visitor.page.locator("#answer")
    ends = time.monotonic() + 90
    while "Reload the page" in answer.inner_text():
        assert time.monotonic() < ends
        visitor.page.wait_for_timeout(500)
        visitor.page.reload()
    expect(answer).to_contain_text("cut-off")


def test_every_page_of_a_person_begins_with_a_way_to_its_content(world, visit):
    with visit() as visitor:
        for who, path in (
            ("full.reviewer", "/worklist"),
            ("full.uploader", "/upload"),
            ("full.auditor", "/audit"),
            ("full.site_admin", "/users"),
            ("full.pacs_admin", "/failed"),
        ):
            opened(visitor, world, who, path)
            visitor.page.keyboard.press("Tab")
            skip = visitor.page.get_by_role("link", name="Skip to the content")
            expect(skip).to_be_focused()
            expect(skip).to_be_in_viewport()
            visitor.page.keyboard.press("Enter")
            expect(visitor.page.locator("main")).to_be_focused()
