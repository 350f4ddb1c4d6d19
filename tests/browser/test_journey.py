"""The main job in a browser: sign in, upload, watch, override, sign, verify."""

import re

import pytest
from playwright.sync_api import expect

from tests.chaos import radiographs
from tests.chaos.harness import PASSWORD

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]
READ_WITHIN = 60_000  # milliseconds


def file_of(name: str, content: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def uploaded(hospital, seed: int) -> str:
    """Return the path of a study that the worker has read."""
    token = hospital.tokens["uploader"]
    (verdict,) = hospital.upload(token, (f"{seed}.dcm", radiographs.dicom(seed)))
    hospital.settled(token, [verdict["prediction"]], within=60)
    return f"/studies/{verdict['study_instance_uid']}"


def an_upload_is_read(visit) -> str:
    """Return the path of the study."""
    letter = file_of("letter.pdf", b"%PDF-1.7 Dear colleague")
    with visit("uploader", theme="dark") as visitor:
        page = visitor.page
        files = [
            file_of("child.dcm", radiographs.dicom(901)),
            file_of("a.png", radiographs.png(902)),
        ]
        page.set_input_files("#id_files", [*files, letter])
        page.get_by_text("Patient details for PNG").click()
        page.get_by_label("Age", exact=True).fill("4Y")
        page.get_by_label("View", exact=True).select_option("AP")
        page.get_by_role("button", name="Upload").click()
        expect(page.locator("[data-summary]")).to_contain_text("2 of 3 accepted, 1 refused")
        refused = page.locator(".verdict--refused")
        expect(refused).to_contain_text("letter.pdf")
        expect(refused).to_contain_text("unsupported_type")
        visitor.shot("journey-1-uploaded")
        accepted = page.locator(".verdict--accepted", has_text="child.dcm")
        accepted.get_by_role("link", name="Open the study").click()
        answer = page.locator("#answer")
        expect(answer).to_contain_text("cut-off", timeout=READ_WITHIN)
        expect(answer.locator(".disclaimer")).not_to_be_empty()
        expect(page.locator("body")).to_contain_text("Not yet reviewed")
        visitor.shot("journey-2-read")
        return page.url.removeprefix(visitor.origin)


def the_reviewer_overrides_it(visit, study: str) -> None:
    with visit("reviewer1") as visitor:
        page = visitor.page
        visitor.expect(422)
        visitor.go(study)
        suggests = "AI suggests" in page.locator("#answer").inner_text()
        presence, reason = ("Absent", "FP_atelectasis") if suggests else ("Present", "FN_subtle")
        page.get_by_role("radio", name=presence).check()
        page.get_by_label("Comment").fill("Seen on the <lateral> too")
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Sign", exact=True).click()
        expect(page.locator("#sign")).to_contain_text("You disagree with the model")
        expect(page.get_by_label("Comment")).to_have_value("Seen on the <lateral> too")
        expect(page.get_by_label("Your password")).to_have_value("")
        visitor.shot("journey-3-refused")
        page.get_by_label("Reason").select_option(reason)
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Sign", exact=True).click()
        expect(page.locator(".history")).to_contain_text("AI overridden")
        visitor.shot("journey-4-signed")


def test_from_upload_to_signed_override_and_verified_audit(visit):
    study = an_upload_is_read(visit)
    the_reviewer_overrides_it(visit, study)
    with visit("uploader") as visitor:
        visitor.go(study)
        expect(visitor.page.locator(".history")).to_contain_text("signed by reviewer1")
    with visit("auditor") as visitor:
        visitor.page.get_by_role("button", name="Verify the chain").click()
        expect(visitor.page.locator("#verification")).to_contain_text("Intact.")
        expect(visitor.page.locator("table")).to_contain_text("review.signed")
        visitor.shot("journey-5-verified")


def test_the_loser_of_two_reviewers_sees_who_signed_and_keeps_the_text(hospital, visit):
    study = uploaded(hospital, 910)
    with visit("reviewer1") as first, visit("reviewer2") as second:
        second.expect(409)
        for visitor in (first, second):
            visitor.go(study)
            visitor.page.get_by_role("radio", name="Indeterminate").check()
            visitor.page.get_by_label("Reason").select_option("OTHER")
            visitor.page.get_by_label("Comment").fill("Ten characters and more")
            visitor.page.get_by_label("Your password").fill(PASSWORD)
        for visitor in (first, second):
            visitor.page.get_by_role("button", name="Sign", exact=True).click()
            visitor.page.wait_for_load_state()
        expect(first.page.locator(".history")).to_contain_text("signed by reviewer1")
        kept = second.page.locator(".kept")
        expect(kept).to_contain_text("Signed by reviewer1")
        expect(kept).to_contain_text("Ten characters and more")
        second.shot("conflict")


def test_the_worklist_keeps_itself_up_to_date(hospital, visit):
    with visit("reviewer1") as visitor:
        visitor.go("/worklist")
        expect(visitor.page.get_by_role("heading", name="Worklist")).to_be_visible()
        before = visitor.page.locator("#rows tbody tr").count()
        study = uploaded(hospital, 920)
        row = visitor.page.locator(f'#rows a[href="{study}"]')
        expect(row).to_be_visible(timeout=30_000)
        assert visitor.page.locator("#rows tbody tr").count() == before + 1


def test_window_and_level_keep_what_was_typed(hospital, visit):
    with visit("reviewer1") as visitor:
        page = visitor.page
        visitor.go(uploaded(hospital, 930))
        picture = page.locator("#picture img")
        page.get_by_label("Comment").fill("half a thought")
        page.get_by_role("link", name="More contrast").click()
        expect(picture).to_have_attribute("src", re.compile(r"width="))
        page.locator("#picture").focus()
        page.keyboard.press("i")
        expect(picture).to_have_attribute("src", re.compile("invert=on"))
        page.get_by_label("Window, slider").fill("1000")
        expect(picture).to_have_attribute("src", re.compile("width=9[0-9]{2}|width=100[0-9]"))
        box = page.locator("#picture").bounding_box()
        assert box
        page.mouse.move(box["x"] + 50, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + 250, box["y"] + 50, steps=4)
        page.mouse.up()
        expect(picture).not_to_have_attribute("src", re.compile("width=9[0-9]{2}|width=100[0-9]"))
        expect(page.get_by_label("Comment")).to_have_value("half a thought")
        assert "width=" in page.locator("#sign form").get_attribute("action")


def test_files_can_be_dropped_and_what_is_too_large_is_not_sent(visit):
    with visit("uploader") as visitor:
        page = visitor.page
        visitor.go("/upload")
        dropped = page.evaluate_handle(
            """() => {
              const transfer = new DataTransfer();
              transfer.items.add(new File(["text"], "dropped.txt"));
              transfer.items.add(new File(["larger than the limit"], "large.txt"));
              document.querySelector("[data-upload]").dataset.limit = 10;
              return transfer;
            }"""
        )
        page.dispatch_event("[data-drop]", "drop", {"dataTransfer": dropped})
        page.get_by_role("button", name="Upload").click()
        expect(page.locator("[data-summary]")).to_contain_text("0 of 2 accepted, 2 refused")
        expect(page.locator(".verdict", has_text="dropped.txt")).to_contain_text("unsupported_type")
        expect(page.locator(".verdict", has_text="large.txt")).to_contain_text("larger than this")


def test_a_poll_after_the_session_ended_leads_to_the_sign_in_page(visit):
    with visit("reader") as visitor:
        visitor.go("/worklist")
        visitor.page.context.clear_cookies()
        visitor.page.wait_for_url("**/sign-in?next=%2Fworklist", timeout=40_000)


def test_the_menu_closes_with_escape(visit):
    with visit("reader") as visitor:
        page = visitor.page
        page.locator(".menu summary").press("Enter")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
        expect(page.locator(".menu summary")).to_be_focused()


def test_a_review_is_signed_with_the_keyboard_alone(hospital, visit):
    study = uploaded(hospital, 950)
    with visit() as visitor:
        page, keys = visitor.page, visitor.page.keyboard
        visitor.go(f"/sign-in?next={study}")
        expect(page.get_by_label("Username")).to_be_focused()
        keys.type("reviewer1")
        keys.press("Tab")
        keys.type(PASSWORD)
        keys.press("Enter")
        page.wait_for_url(f"{visitor.origin}{study}")
        keys.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        keys.press("Enter")
        tab_to(page, "input[name=presence]")
        keys.press("ArrowDown")
        keys.press("ArrowDown")
        expect(page.get_by_role("radio", name="Indeterminate")).to_be_checked()
        tab_to(page, "select[name=reason_code]")
        keys.type("Other")
        tab_to(page, "textarea[name=comment]")
        keys.type("By keyboard alone")
        tab_to(page, "input[name=password]")
        keys.type(PASSWORD)
        keys.press("Enter")
        expect(page.locator(".history")).to_contain_text("By keyboard alone")


def tab_to(page, selector: str) -> None:
    """Press Tab until an element that fits has the focus; the focus is visible all the way."""
    for _ in range(60):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS_SHOWS), page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"{selector} cannot be reached with the Tab key")


FOCUS_SHOWS = """() => {
  const shown = (element) => element && getComputedStyle(element).outlineStyle !== "none";
  const active = document.activeElement;
  return shown(active) || shown(active.closest(".choice"));
}"""
