"""Every page in every state, in both themes at three sizes: it fits, and axe-core finds nothing."""

import pytest

from portal.web.urls import urlpatterns
from tests.authorisation.rows import PAGES
from tests.browser.looking import looked_at
from tests.browser.places import GROUPS, NO_PAGE, Place

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]
EVERYWHERE = [place for group in GROUPS.values() for place in group]


@pytest.mark.parametrize("group", GROUPS)
def test_every_page_fits_and_axe_finds_nothing(group, world, visit):
    wrong = []
    with visit() as visitor:
        for place in GROUPS[group]:
            enter(visitor, place, world)
            wrong += looked_at(visitor, place.name, but=place.vendors)
    assert wrong == []


def enter(visitor, place: Place, world) -> None:
    """Open the page as its person and bring it into its state."""
    visitor.become(world["sessions"].get(place.who, ""))
    visitor.page.set_viewport_size({"width": 1440, "height": 900})
    for status in {place.status, place.answers} - {0, 200}:
        visitor.expect(status)
    answer = visitor.go(place.path.format(**world["paths"]))
    assert answer.status == place.status, place.name
    assert ("/sign-in" in visitor.page.url) == (place.route == "sign-in" and place.status == 200)
    for act in place.acts:
        act(visitor.page)


@pytest.mark.parametrize("status", ["400", "500", "503"])
def test_the_pages_of_last_resort_fit_and_axe_finds_nothing(status, world, visit):
    with visit() as visitor:
        body = world["bodies"][status]
        visitor.page.route(
            "**/trouble", lambda route: route.fulfill(body=body, content_type="text/html")
        )
        visitor.go("/trouble")
        assert looked_at(visitor, f"trouble-{status}") == []


def test_every_route_is_looked_at_or_shows_no_page():
    routes = {pattern.name for pattern in urlpatterns} | {"api:docs"}
    silent = {route for some in NO_PAGE.values() for route in some}
    assert {place.route for place in EVERYWHERE} == routes - silent


def test_what_is_said_to_show_no_page_answers_with_none():
    redirecting = {r for why, some in NO_PAGE.items() if why.startswith("redirect") for r in some}
    wrong = [row for row in PAGES if row.route in redirecting and row.ok not in {302, 404, 409}]
    assert wrong == []


def test_what_is_wrong_is_seen(visit):
    """The looking above can fail."""
    with visit() as visitor:
        visitor.go("/sign-in")
        assert looked_at(visitor, "sign-in") == []
        visitor.page.evaluate(
            """() => {
              document.querySelector("h1").style.color = "rgb(200 200 200)";
              document.querySelector("label").remove();
              document.querySelector("main").style.minWidth = "500px";
            }"""
        )
        found = " ".join(looked_at(visitor, "sign-in"))
        for wrong in ("color-contrast: h1", "label: #id_username", "dark, 390: 5"):
            assert wrong in found


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
