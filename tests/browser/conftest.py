"""A real browser before a real Overread. Console errors and CSP violations fail the test."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, sync_playwright

from tests.chaos.conftest import bundle
from tests.chaos.harness import PASSWORD, ROOT, overread
from tests.programs import missing

__all__ = ["bundle"]

CHROMIUM = Path("/usr/bin/chromium")
SCREENSHOTS = ROOT / "build" / "screenshots"
SIZES = {"390": (390, 844), "820": (820, 1180), "1440": (1440, 900)}
IDLE_MINUTES = 240
"""The sessions of `world` are used again, on a slow machine long after the usual 15 minutes."""
PEOPLE = (
    "uploader",
    "reader",
    "reviewer1",
    "reviewer2",
    "auditor",
    "pacs_admin",
    "data_scientist",
    "site_admin",
)


@pytest.fixture(scope="session")
def chromium_binary() -> Path:
    """Return Debian's Chromium; without one the test is skipped, and fails where CI is true."""
    if not CHROMIUM.exists():
        missing(f"there is no {CHROMIUM}")
    return CHROMIUM


@pytest.fixture
def chromium(chromium_binary) -> Iterator[Browser]:
    """Return a browser for one test.

    Not for longer: while Playwright runs, Django takes the thread for an asynchronous one, and
    the tests of other folders in the same process may not use the database.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_binary, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def hospital(chromium_binary, bundle, tmp_path_factory):
    """Return a running Overread with a site, its people and a tiny model."""
    folder = tmp_path_factory.mktemp("hospital")
    with overread(folder, bundle, OVERREAD_SESSION_IDLE_MINUTES=str(IDLE_MINUTES)) as one:
        one.start()
        one.tokens = one.people(*PEOPLE)
        yield one


@pytest.fixture(scope="session")
def world(hospital):
    """Return the paths, sessions and bare pages that `rows` made."""
    return json.loads(hospital.python("from tests.browser.rows import prepare\nprepare()"))


class Visitor:
    """Somebody with a browser of their own."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin
        self.expected: list[str] = []
        self.troubles: list[str] = []
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not any(words in text for words in self.expected):
            self.troubles.append(f"{kind}: {text}")

    def expect(self, status: int) -> None:
        """Say that an answer of this status is part of the test."""
        self.expected.append(f"status of {status}")

    def go(self, path: str) -> Response | None:
        """Open a page."""
        return self.page.goto(f"{self.origin}{path}")

    def become(self, session_key: str) -> None:
        """Go on as whose session this is; as a stranger without one."""
        self.page.context.clear_cookies()
        if session_key:
            cookie = {"name": "session", "value": session_key, "url": self.origin}
            self.page.context.add_cookies([cookie])

    def sign_in(self, username: str) -> "Visitor":
        """Sign in by the form."""
        self.go("/sign-in")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(lambda url: "sign-in" not in url)
        return self

    def idle(self, seconds: int) -> None:
        """Let the page's clock (`install` it first) run to so long after its session's end."""
        self.page.clock.fast_forward((IDLE_MINUTES * 60 + seconds) * 1000)

    def shot(self, name: str) -> None:
        """Keep a picture of the page for people to look at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_load_state()
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.fixture
def visit(chromium, hospital):
    """Return a context manager that gives a visitor, and afterwards minds what the console said."""

    @contextmanager
    def visiting(username: str = "", *, size: str = "1440", theme: str = "light", **options):
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, **options
        )
        try:
            visitor = Visitor(context.new_page(), hospital.origin)
            if username:
                visitor.sign_in(username)
            yield visitor
            assert visitor.troubles == []
        finally:
            context.close()

    return visiting
