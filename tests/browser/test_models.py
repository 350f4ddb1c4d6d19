"""The stop button and failed work in a browser: by keyboard and pointer, and as they look."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SIZES
from tests.browser.looking import looked_at
from tests.browser.test_journey import uploaded

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]
REASON = "Four false alarms in a row on scanner 2, all with a line across the left lung."
PREPARE = """
from django.utils import timezone
from portal.accounts.selectors import user_named
from portal.predictions.deployment_services import propose_deployment
from portal.predictions.models import ModelVersion, Prediction
from tests.factories import make_model_version
now = timezone.now()
version = ModelVersion.objects.get(name="tiny")
for row in Prediction.objects.filter(state="done", site__slug="st-mary")[:3]:
    Prediction.objects.create(
        site=row.site, instance=row.instance, model_version=version, state="failed", attempt=3,
        requested_at=now, rung_at=now, started_at=now, finished_at=now, code="gave_up",
        detail="The worker was lost 3 times while it read this image.",
        remedy="Read the study without the AI.",
    )
for number in ("0.2.0", "0.3.0"):
    if not ModelVersion.objects.filter(version=number).exists():
        make_model_version(reported=True, version=number)
better = ModelVersion.objects.get(version="0.2.0")
by = user_named("data_scientist")
propose_deployment(version=better, why="Fewer false alarms on our own 300 radiographs.", by=by)
"""


@pytest.fixture(scope="module")
def prepared(hospital):
    """A proposal that waits and three failures; return the address of a study."""
    studies = [uploaded(hospital, 970 + number) for number in range(3)]
    hospital.python(PREPARE)
    return studies[0]


def test_one_presses_the_stop_button_and_another_lets_it_go_on(prepared, visit):
    with visit("reviewer1") as first, _resumed_at_the_end(visit):
        first.go("/models")
        first.page.get_by_text("Pause the model …").press("Enter")
        first.page.get_by_label(re.compile("Why it has to stop")).fill(REASON)
        first.page.get_by_role("button", name="Pause it now").press("Enter")
        expect(first.page.locator("main")).to_contain_text("somebody else has to let it go on")
        for who, path, name in (
            ("reviewer2", "/models", "stopped-models"),
            ("reader", "/worklist", "stopped-worklist"),
            ("uploader", "/upload", "stopped-upload"),
            ("reader", prepared, "stopped-study"),
        ):
            with visit(who) as visitor:
                visitor.go(path)
                expect(visitor.page.locator("main")).to_contain_text(REASON)
                assert looked_at(visitor, name) == []


class _resumed_at_the_end:  # noqa: N801 (read as a sentence)
    """The other tests want a model that reads."""

    def __init__(self, visit) -> None:
        self._visit = visit

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_raised: object) -> None:
        with self._visit("reviewer2") as second:
            second.go("/models")
            second.page.get_by_label(re.compile("Why it may go on")).fill("The line was removed.")
            second.page.get_by_role("button", name="Resume the model").click()
            expect(second.page.locator("main")).to_contain_text("reads again")


@pytest.mark.parametrize("size", SIZES)
def test_those_chosen_are_acknowledged(size, prepared, visit):
    with visit("pacs_admin", size=size) as visitor:
        visitor.go("/failed/gave_up")
        boxes = visitor.page.get_by_role("checkbox")
        before = boxes.count()
        boxes.first.press("Space")
        visitor.page.get_by_role("button", name="Acknowledge those chosen").click()
        expect(visitor.page.locator("main")).to_contain_text("1 of 1 are acknowledged.")
        assert visitor.page.get_by_role("checkbox").count() == before - 1
