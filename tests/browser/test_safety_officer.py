"""The safety officer: an alert, what was done about it, the stop button, and the evidence."""

import json
import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.chaos.harness import PASSWORD

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]
PREPARE = """
from datetime import timedelta
from django.utils import timezone
from portal.accounts.services import create_site, create_user
from portal.predictions.models import ModelVersion
from portal.predictions.version_services import deploy_model
from portal.watch.services import raise_alerts
from tests.portal.watch.worlds import scanned
site = create_site(slug="safe", name="Safe Hospital")
create_user(username="officer", site=site, roles=["reviewer", "auditor"], name="Dr Officer",
            password={password!r})
by = create_user(username="safe.sender", site=site, roles=["uploader"])
version = ModelVersion.objects.get(name="tiny")
deploy_model(site=site, version=version)
now = timezone.now()
for overridden, of, at in ((10, 25, now), (5, 50, now - timedelta(days=14))):
    for number in range(of):
        score = max(version.threshold, 0.9)
        presence = "absent" if number < overridden else "present"
        scanned(site, version, by, at=at, score=score, presence=presence)
print("raised", [alert.rule for alert in raise_alerts()])
"""


@pytest.fixture(scope="module")
def doubled(hospital):
    """A site at whose one scanner overrides have doubled this week."""
    said = hospital.python(PREPARE.format(password=PASSWORD))
    assert "OVERRIDES" in said


def test_from_an_alert_to_evidence_that_verifies(doubled, hospital, visit, tmp_path):
    with visit("officer") as officer:
        page = officer.page
        officer.go("/watch")
        alert = page.locator("article", has_text="Overrides have doubled: Acme Ray 7")
        expect(alert).to_contain_text("40 % of 25")
        alert.get_by_text("Acknowledge …").press("Enter")
        alert.get_by_label("What was done").select_option("model_paused")
        alert.get_by_label(re.compile("In words")).fill("Paused until the grid is mended.")
        alert.get_by_role("button", name="Note what was done").click()
        expect(page.locator("main")).to_contain_text("What was done is noted")
        expect(page.locator("article", has_text="Overrides have doubled")).to_have_count(0)
        officer.go("/models")
        page.get_by_text("Pause the model …").press("Enter")
        page.get_by_label(re.compile("Why it has to stop")).fill("Overrides doubled at Ray 7.")
        page.get_by_role("button", name="Pause it now").click()
        page.get_by_role("link", name="Figures, intended use and limits").click()
        with page.expect_download() as coming:
            page.get_by_role("button", name="Make the evidence pack").click()
        pack = tmp_path / "pack.zip"
        coming.value.save_as(pack)
    _is_intact(pack, hospital.data / "keys" / "audit.pub", tmp_path)


def _is_intact(pack, key, folder) -> None:
    """Check the pack by the script alone, and that it knows what was done."""
    import zipfile

    with zipfile.ZipFile(pack) as archive:
        (folder / "verify.py").write_bytes(archive.read("verify.py"))
        decisions = json.loads(archive.read("decisions.json"))
    command = [sys.executable, "-I", "verify.py", pack.name, "--public-key", str(key)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("INTACT"), done
    assert decisions["acknowledgements"][0]["words"] == "Paused until the grid is mended."
    assert decisions["pauses"][-1]["reason"] == "Overrides doubled at Ray 7."
