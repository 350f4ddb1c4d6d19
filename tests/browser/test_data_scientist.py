"""The data scientist: shadow, comparison, a cut-off, canary, live, back again, and the labels."""

import csv
import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.bundles import tiny_bundle
from tests.chaos import radiographs
from tests.chaos.harness import PASSWORD, until

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]
STUDIES = 24
WEIGHTS = """
import sys
from pathlib import Path
from inference.bundle import read_bundle
print(read_bundle(Path(sys.argv[1])).manifest.weights_sha256)
"""
SIGN = """
import json, sys
from portal.accounts.selectors import user_named
from portal.predictions.models import Prediction
from portal.reviews.services import Read, sign_review
reader = user_named("reviewer8")
rows = Prediction.objects.filter(site=reader.site, outcome="scored").order_by("score")
for number, row in enumerate(rows):
    presence = "present" if number % 24 >= 12 else "absent"
    reason = "" if presence == row.finding else "OTHER"
    read = Read(presence, reason, "The second reading says so." if reason else "")
    sign_review(study=row.instance.series.study, read=read, password={password!r}, by=reader)
print(len(rows))
"""


@pytest.fixture(scope="module")
def lab(hospital, tmp_path_factory):
    """A site with signed studies, and a second version with a report, registered."""
    tokens = hospital.people(
        "uploader9", "data_scientist9", "reviewer8", "reviewer9", "auditor9", site="lab"
    )
    folder = tiny_bundle(
        tmp_path_factory.mktemp("new") / "b", name="next", version="0.0.2", bias=0.2
    )
    weights = hospital.python(WEIGHTS, str(folder))
    report = {"schema": 2, "weights_sha256": weights, "splits": {}}
    (folder / "report.json").write_text(json.dumps(report))
    hospital.manage("register_model", str(folder))
    files = [(f"{n}.dcm", radiographs.dicom(7000 + n)) for n in range(STUDIES)]
    verdicts = hospital.upload(tokens["uploader9"], *files)
    hospital.settled(tokens["uploader9"], [v["prediction"] for v in verdicts], within=60)
    assert hospital.python(SIGN.format(password=PASSWORD)) == str(STUDIES)
    return tokens


def test_a_new_version_from_shadow_to_live_and_back_and_the_reviews_as_labels(
    lab, hospital, visit, tmp_path
):
    with visit("data_scientist9") as scientist, visit("reviewer9") as second:
        _put_in_shadow(scientist.page, scientist)
        _wait_for_shadow(hospital, scientist)
        _compare(scientist.page, scientist)
        _choose_a_cut_off(scientist, second)
        _become(scientist, second, share="20")
        expect(second.page.locator("main")).to_contain_text("Canary, 20 % of studies")
        scientist.shot("models-canary")
        _become(scientist, second, share="")
        expect(second.page.locator("main")).to_contain_text("next 0.0.2 Live")
        _roll_back(scientist, second)
    _export_labels(hospital, tmp_path / "labels")
    verified = hospital.request("GET", "/api/v1/audit/verify", lab["auditor9"]).json()
    assert verified["intact"] is True, verified


def _row(page: Page):
    return page.locator("tr", has=page.get_by_role("link", name="next 0.0.2", exact=True)).first


def _put_in_shadow(page: Page, scientist) -> None:
    scientist.go("/models")
    row = _row(page)
    row.get_by_text("Try in shadow …").press("Enter")
    row.get_by_label("What is to be found out").fill("Whether it misses fewer.")
    row.get_by_label(re.compile("Also read what arrived")).fill("2")
    row.get_by_role("button", name="Put it in shadow").click()
    expect(page.locator("main")).to_contain_text("next 0.0.2 is in shadow")


def _wait_for_shadow(hospital, scientist) -> None:
    """The workers read it by themselves, within a minute of the clock."""

    def has_read() -> bool:
        scientist.go("/models")
        said = scientist.page.get_by_text(re.compile(r"images? read"))
        return f"{STUDIES} images read" in said.inner_text()

    until(has_read, within=120, every=1, what="everything read in shadow")
    scientist.shot("models-shadow")


def _compare(page: Page, scientist) -> None:
    page.get_by_role("link", name="Compare the two on studies that were signed here").click()
    expect(page.locator("h1")).to_have_text("next 0.0.2 beside tiny 0.0.1")
    expect(page.locator("main")).to_contain_text(f"On {STUDIES} signed studies: 12 with pneumonia")
    scientist.shot("comparison")


def _choose_a_cut_off(scientist, second) -> None:
    page = scientist.page
    page.get_by_role("link", name=re.compile("choose one for next 0.0.2")).click()
    page.get_by_role("link", name=re.compile("^Choose 0")).first.click()
    page.get_by_label("Name of the set").fill("The first 24")
    page.get_by_label(re.compile("Why this one")).fill("A missed pneumonia costs more here.")
    page.get_by_label("Your password, to sign").fill(PASSWORD)
    scientist.shot("operating-point")
    page.get_by_role("button", name="Sign the proposal").click()
    page = second.page
    second.go("/models")
    waiting = page.locator("article", has_text="for next 0.0.2")
    waiting.get_by_label("Your password, to sign").fill(PASSWORD)
    waiting.get_by_role("button", name="Sign and use this cut-off").click()
    expect(page.locator("main")).to_contain_text("The first 24")


def _become(scientist, second, *, share: str) -> None:
    """Propose it, for a share or for all, and have a second person approve."""
    page = scientist.page
    scientist.go("/models")
    row = _row(page)
    row.get_by_text("Propose …").press("Enter")
    row.get_by_label("Why it should read here").fill("It misses fewer.")
    row.get_by_label(re.compile("Percent of the studies")).fill(share)
    row.get_by_role("button", name="Propose it").click()
    expect(page.locator("main")).to_contain_text("next 0.0.2 is proposed")
    page = second.page
    second.go("/models")
    page.get_by_role("button", name=re.compile("^Approve")).click()
    expect(page.locator("main")).to_contain_text("next 0.0.2 reads from now on")


def _roll_back(scientist, second) -> None:
    page = scientist.page
    scientist.go("/models")
    page.get_by_text("Roll back to tiny 0.0.1 …").press("Enter")
    page.get_by_label("Why it has to go").fill("It missed two.")
    page.get_by_role("button", name="Propose the rollback").click()
    expect(page.locator("main")).to_contain_text("Rollback proposed")
    page = second.page
    second.go("/models")
    page.get_by_role("button", name="Approve and make it live").click()
    expect(page.locator("main")).to_contain_text("tiny 0.0.1 Live")


def _export_labels(hospital, folder) -> None:
    """De-identified, with reader, reason and whether the AI had been shown; asked for or not."""
    export = ("export_labels", "--site", "lab", "--out")
    assert f"left out, saw the ai: {STUDIES}" in hospital.manage(*export, f"{folder}-blinded")
    hospital.manage(*export, str(folder), "--include-after-ai")
    text = (folder / "splits.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["label"] for row in rows].count("PNEUMONIA") == STUDIES // 2 == len(rows) // 2
    assert {(row["stage"], row["label_tier"]) for row in rows} == {("after", "after-ai")}
    assert {row["reason"] for row in rows} <= {"", "OTHER"}
    assert len({row["reader"] for row in rows}) == 1
    assert all((folder / row["file"]).is_file() for row in rows)
    assert not re.search(r"reviewer8|2\.25\.|T00\d{4}|The second reading", text)
