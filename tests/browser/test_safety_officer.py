"""The safety officer: who saw whom, where a number comes from, an alert, the stop, the evidence."""

import json
import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.chaos import radiographs
from tests.chaos.harness import PASSWORD

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]
PREPARE = """
import json
from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from django.utils import timezone
from portal.accounts.services import create_site, create_token, create_user
from portal.audit.services import Action, record_alone
from portal.predictions.models import ModelVersion
from portal.predictions.version_services import deploy_model
from portal.studies.models import Study
from portal.watch.services import raise_alerts
from tests.factories import new_uid
from tests.portal.watch.worlds import scanned
site = create_site(slug="safe", name="Safe Hospital")
create_user(username="officer", site=site, roles=["reviewer", "auditor"], name="Dr Officer",
            password={password!r})
second = create_user(username="second", site=site, roles=["reviewer"], name="Dr Second",
                     password={password!r})
by = create_user(username="safe.sender", site=site, roles=["uploader"])
reader = create_user(username="safe.reader", site=site, roles=["reader"])
version = ModelVersion.objects.get(name="tiny")
deploy_model(site=site, version=version)
study = Study.objects.create(
    site=site, study_instance_uid=new_uid(), received_by=by, patient_id="SAFE-7")
for who, day in ((reader, 9), (second, 12), (reader, 40)):
    moment = datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(days=day)
    with patch("portal.audit.services.timezone.now", lambda: moment):
        record_alone(Action.STUDY_OPENED, chain="safe", subject=f"study:{{study}}", by=who)
now = timezone.now()
for overridden, of, at in ((10, 25, now), (5, 50, now - timedelta(days=14))):
    for number in range(of):
        score = max(version.threshold, 0.9)
        presence = "absent" if number < overridden else "present"
        scanned(site, version, by, at=at, score=score, presence=presence)
assert "overrides" in [alert.rule for alert in raise_alerts()]
print(json.dumps({{one.username: create_token(user=one, lasts=timedelta(days=1))
                  for one in (by, second)}}))
"""
WEIGHTS = """
from portal.predictions.models import ModelVersion
print(ModelVersion.objects.get(name="tiny").weights_sha256)
"""
COLOURS = """canvas => {
    const { width, height } = canvas;
    if (!width || !height) return 0;
    const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    const found = new Set();
    for (let at = 0; at < data.length; at += 4)
        if (data[at + 3]) found.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
    return found.size;
}"""
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation",
    event => window.violations.push(event.blockedURI));
"""


@pytest.fixture(scope="module")
def doubled(hospital):
    """A site at whose one scanner overrides have doubled this week; tokens of two of its people."""
    return json.loads(hospital.python(PREPARE.format(password=PASSWORD)))


def test_the_charts_of_the_watch_are_drawn_and_break_no_policy(doubled, visit):
    """`visit` fails of itself if the console heard an error."""
    with visit("officer") as officer:
        page = officer.page
        page.add_init_script(LISTEN)
        answer = officer.go("/watch")
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy, policy
        charts = page.locator("[data-chart]:visible canvas")
        expect(charts.first).to_be_visible()
        assert charts.count() == page.locator("[data-chart]").count() > 0
        drawn = {one.get_attribute("aria-label"): one.evaluate(COLOURS) for one in charts.all()}
        assert min(drawn.values()) > 2, drawn  # axes, words and a series at least
        assert page.evaluate("window.violations") == []
        officer.shot("watch-charts")


def test_from_who_saw_a_patient_to_evidence_that_verifies(doubled, hospital, visit, tmp_path):
    confirmed = _confirmed_study(hospital, doubled)
    with visit("officer") as officer:
        _who_saw_a_patient_in_march(officer)
        _the_chain_is_intact(officer)
        _where_a_result_comes_from(officer, confirmed, hospital)
        _the_alert_is_answered(officer)
        _the_model_is_paused(officer)
        _the_site_reads_on_without_ai(officer, hospital, doubled)
        _a_second_person_lets_it_go_on(officer, visit)
        pack = _evidence(officer, tmp_path)
    _is_intact(pack, hospital.data / "keys" / "audit.pub", tmp_path)


def _confirmed_study(hospital, tokens) -> str:
    """Return the study of a radiograph that was read and then signed as the model has it."""
    sent = ("confirmed.dcm", radiographs.dicom(8800))
    (verdict,) = hospital.upload(tokens["safe.sender"], sent)
    ended = hospital.settled(tokens["safe.sender"], [verdict["prediction"]], within=60)
    uid = verdict["study_instance_uid"]
    found = ended[verdict["prediction"]]["finding"]
    review = {"finding": found, "reason_code": "", "comment": "", "password": PASSWORD}
    path = f"/api/v1/studies/{uid}/reviews"
    answer = hospital.request("POST", path, tokens["second"], json=review | {"confidence": 4})
    assert answer.status_code == 201, answer.text
    return uid


def _who_saw_a_patient_in_march(officer) -> None:
    page = officer.page
    officer.go("/audit")
    whose = page.get_by_role("search", name="Events about a patient")
    tops = [page.locator(name).bounding_box()["y"] for name in ("#id_action", "#id_first")]
    assert abs(tops[0] - tops[1]) <= 1, tops  # the fields of a row stand in a line
    whose.get_by_label("Patient ID").fill("SAFE-7")
    whose.get_by_label("From").fill("2026-03-01")
    whose.get_by_label("To").fill("2026-03-31")
    whose.get_by_role("button", name="Find the events").click()
    seen = page.locator("table", has=page.get_by_role("columnheader", name="Seen by"))
    expect(seen.locator("tbody th")).to_have_text(["second", "safe.reader"])
    expect(page.locator("main")).to_contain_text("2 events")
    assert "SAFE-7" not in page.url
    officer.shot("safety-who-saw")


def _the_chain_is_intact(officer) -> None:
    officer.go("/audit")
    officer.page.get_by_role("button", name="Verify the chain").click()
    expect(officer.page.locator("#verification")).to_contain_text("Intact.")
    officer.shot("safety-verified")


def _where_a_result_comes_from(officer, uid, hospital) -> None:
    """Weights, cut-off, preprocessing, who confirmed, how long it took, and which disclaimer."""
    page = officer.page
    officer.go(f"/studies/{uid}")
    page.get_by_text("Where this number comes from").click()
    answer = page.locator("article.answer")
    expect(answer).to_contain_text(hospital.python(WEIGHTS))
    expect(answer).to_contain_text(re.compile(r"cut-off 0\.\d+, model tiny 0\.0\.1"))
    for words in ("Preprocessing", "Pixels, SHA-256", "Engine", "ran ", "Disclaimer "):
        expect(answer).to_contain_text(words)
    expect(page.locator("main")).to_contain_text("AI confirmed")
    expect(page.locator("main")).to_contain_text("signed by Dr Second")
    officer.shot("safety-provenance")


def _the_alert_is_answered(officer) -> None:
    page = officer.page
    officer.go("/watch")
    alert = page.locator("article", has_text="Overrides have doubled: scanner Acme Ray 7")
    expect(alert).to_contain_text("40 % of 25")
    alert.get_by_text("Acknowledge …").press("Enter")
    alert.get_by_label("What was done").select_option("model_paused")
    alert.get_by_label(re.compile("In words")).fill("Paused until the grid is mended.")
    officer.shot("safety-alert")
    alert.get_by_role("button", name="Note what was done").click()
    expect(page.locator("main")).to_contain_text("What was done is noted")
    expect(page.locator("article", has_text="Overrides have doubled")).to_have_count(0)


def _the_model_is_paused(officer) -> None:
    page = officer.page
    officer.go("/models")
    page.get_by_text("Pause the model …").press("Enter")
    page.get_by_label(re.compile("Why it has to stop")).fill("Overrides doubled at Ray 7.")
    page.get_by_role("button", name="Pause it now").click()
    expect(page.locator("main")).to_contain_text("You paused it, so somebody else has to")
    expect(page.get_by_role("button", name="Resume the model")).to_have_count(0)
    officer.shot("safety-paused")


def _the_site_reads_on_without_ai(officer, hospital, tokens) -> None:
    sent = ("meanwhile.dcm", radiographs.dicom(8801))
    (verdict,) = hospital.upload(tokens["safe.sender"], sent)
    assert (verdict["status"], verdict["code"]) == ("accepted", "no_live_model")
    officer.go(f"/studies/{verdict['study_instance_uid']}")
    expect(officer.page.locator("main")).to_contain_text("Read without AI")
    expect(officer.page.locator("#paused")).to_contain_text("Overrides doubled at Ray 7.")
    expect(officer.page.get_by_role("button", name="Sign", exact=True)).to_be_visible()
    expect(officer.page.get_by_label("Reason, if you")).to_contain_text("or it gave no answer")
    officer.shot("safety-without-ai")


def _a_second_person_lets_it_go_on(officer, visit) -> None:
    with visit("second") as second:
        second.go("/models")
        second.page.get_by_label(re.compile("Why it may go on")).fill("The grid is mended.")
        second.page.get_by_role("button", name="Resume the model").click()
        expect(second.page.locator("main")).to_contain_text("tiny 0.0.1 Live")
    officer.go("/models")
    expect(officer.page.locator("main")).to_contain_text("tiny 0.0.1 Live")
    officer.shot("safety-resumed")


def _evidence(officer, folder):
    """Return the file of the pack, made on the page about the version."""
    page = officer.page
    page.get_by_role("link", name="Figures, intended use and limits").click()
    officer.shot("safety-evidence")
    with page.expect_download() as coming:
        page.get_by_role("button", name="Make the evidence pack").click()
    coming.value.save_as(folder / "pack.zip")
    return folder / "pack.zip"


def _is_intact(pack, key, folder) -> None:
    """Check the pack by the script alone, and that it knows what was done."""
    import zipfile

    with zipfile.ZipFile(pack) as archive:
        (folder / "verify.py").write_bytes(archive.read("verify.py"))
        decisions = json.loads(archive.read("decisions.json"))
        repeats = json.loads(archive.read("watch/repeats.json"))
    command = [sys.executable, "-I", "verify.py", pack.name, "--public-key", str(key)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("INTACT"), done
    assert decisions["acknowledgements"][0]["words"] == "Paused until the grid is mended."
    assert decisions["pauses"][-1]["reason"] == "Overrides doubled at Ray 7."
    assert decisions["pauses"][-1]["resumed_by"] == "second"
    assert repeats["scores_not_reproduced"]["events"] == 0
