"""Every page in both themes at three sizes: nothing overflows, every text can be read."""

from pathlib import Path

import pytest

from tests.browser.conftest import SIZES
from tests.browser.test_journey import uploaded
from tests.chaos import radiographs

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]
LONG = "Featherstonehaugh-Cholmondeley-Majoribanks^Alexandrina^Wilma"
THEMES = ("light", "dark")
TOO_FAINT, NAMELESS = (
    Path(__file__).with_name(name).read_text() for name in ("too_faint.js", "nameless.js")
)


@pytest.fixture(scope="module")
def places(hospital):
    """Return each page to look at: its name, who opens it, its path, the status it has."""
    token = hospital.tokens["uploader"]
    lateral = radiographs.dicom(961, ViewPosition="LL", PatientName=LONG, PatientID="X" * 64)
    (verdict,) = hospital.upload(token, ("lateral.dcm", lateral))
    hospital.settled(token, [verdict["prediction"]], within=60)
    return [
        ("sign-in", "", "/sign-in", 200),
        ("worklist", "reader", "/worklist", 200),
        ("worklist-empty", "reader", "/worklist?outcome=failed", 200),
        ("upload", "uploader", "/upload", 200),
        ("my-uploads", "uploader", "/worklist", 200),
        ("study", "reviewer1", uploaded(hospital, 960), 200),
        ("study-not-applicable", "reviewer1", f"/studies/{verdict['study_instance_uid']}", 200),
        ("about", "reader", "/about", 200),
        ("password", "reader", "/password", 200),
        ("account", "reader", "/account", 200),
        ("users", "site_admin", "/users", 200),
        ("invite", "site_admin", "/users/invite", 200),
        ("person", "site_admin", "/users/1", 200),
        ("audit", "auditor", "/audit", 200),
        ("forbidden", "auditor", "/upload", 403),
        ("not-found", "reader", "/studies/1.2.3", 404),
    ]


@pytest.mark.parametrize("theme", THEMES)
def test_every_page_fits_and_can_be_read(theme, places, visit):
    wrong = []
    for who in dict.fromkeys(row[1] for row in places):
        with visit(who, theme=theme) as visitor:
            for name, _, path, status in (row for row in places if row[1] == who):
                visitor.expect(status)
                visitor.go(path)
                wrong += [f"{name}, {theme}: {found}" for found in looked_at(visitor, name, theme)]
    assert wrong == []


def looked_at(visitor, name: str, theme: str) -> list[str]:
    """Return what is wrong with the page that is open, at each size."""
    wrong = []
    for size, (width, height) in SIZES.items():
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.page.wait_for_load_state()
        if visitor.page.evaluate("document.documentElement.scrollWidth") > width:
            wrong.append(f"wider than {width} px")
        visitor.shot(f"{name}-{size}-{theme}")
    wrong += visitor.page.evaluate(TOO_FAINT)
    wrong += visitor.page.evaluate(NAMELESS)
    return wrong


def test_faint_text_and_nameless_controls_are_seen(visit):
    """The checks above can fail."""
    with visit("") as visitor:
        visitor.go("/sign-in")
        assert visitor.page.evaluate(TOO_FAINT) == []
        visitor.page.evaluate(
            "document.querySelector('h1').style.color = 'rgb(200 200 200)';"
            "document.querySelector('label').remove()"
        )
        assert [found[:8] for found in visitor.page.evaluate(TOO_FAINT)] == ["contrast"]
        assert [found[:8] for found in visitor.page.evaluate(NAMELESS)] == ["no label"]


def test_the_toggle_wins_over_the_system(visit):
    with visit("reader", theme="light") as visitor:
        page = visitor.page
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.locator(".menu summary").click()
        page.get_by_role("button", name="Dark").click()
        page.wait_for_load_state()
        assert page.evaluate(ground) != light
        visitor.go("/about")
        assert page.evaluate(ground) != light
