"""The stop button, with real processes: pressed while a queue waits, and let go by another."""

import json
import time

import pytest
import requests

from tests.chaos import radiographs
from tests.chaos.harness import PASSWORD, overread, until

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]
API = "/api/v1"
STARTED = """
import json
from portal.predictions.models import Pause, Prediction
pause = Pause.objects.get()
started = Prediction.objects.exclude(started_at=None).values_list("started_at", flat=True)
print(json.dumps({
    "after": [(at - pause.paused_at).total_seconds() for at in started if at > pause.paused_at],
    "states": sorted(Prediction.objects.values_list("state", flat=True)),
}))
"""


@pytest.fixture
def clinic(bundle, tmp_path):
    """An Overread on the tiny network that takes two seconds a batch."""
    with overread(tmp_path, bundle) as one:
        (one.hooks / "slow").write_text("2")
        one.start()
        one.tokens = one.people(
            "uploader", "reviewer1", "reviewer2", "adjudicator", "pacs_admin", "auditor"
        )
        yield one


def act(clinic, who, name, **body):
    """Do something to the only model there is."""
    (model,) = clinic.request("GET", f"{API}/models", clinic.tokens[who]).json()["models"]
    path = f"{API}/models/{model['id']}/{name}"
    return clinic.request("POST", path, clinic.tokens[who], json=body)


def page_of(clinic, uid, who):
    """Return the page of a study as somebody signed in sees it."""
    browser = requests.Session()
    browser.get(f"{clinic.origin}/sign-in", timeout=30)
    sent = {"username": who, "password": PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrf"]}
    headers = {"Referer": f"{clinic.origin}/sign-in"}
    browser.post(f"{clinic.origin}/sign-in", data=sent, headers=headers, timeout=30)
    page = browser.get(f"{clinic.origin}/studies/{uid}", timeout=30)
    assert page.status_code == 200
    return page.text


def test_paused_while_thirty_wait_and_resumed_by_a_second_person(clinic):
    said = it_stops_within_seconds(clinic)
    late = studies_flow_on_and_are_read_without_ai(clinic)
    time.sleep(6)  # longer than the sweep and the doorbell take
    assert told(clinic) == said
    a_second_person_lets_it_go_on(clinic)
    page = page_of(clinic, late, "reviewer1")
    assert "Read without AI" in page
    assert "The model is paused" not in page
    assert "BREACH" not in clinic.manage("verify_invariants")
    assert "BROKEN" not in clinic.manage("verify_audit")


def told(clinic):
    """Return the seconds after the pause at which something was started, and all states."""
    return json.loads(clinic.python(STARTED))


def it_stops_within_seconds(clinic):
    """Press the button while 30 wait; return what the rows say once nothing waits or runs."""
    token = clinic.tokens["uploader"]
    files = [(f"{n}.dcm", radiographs.dicom(n + 1)) for n in range(30)]
    ids = [verdict["prediction"] for verdict in clinic.upload(token, *files)]
    running = lambda: any(clinic.prediction(token, i)["state"] == "running" for i in ids)  # noqa: E731
    until(running, within=30, what="a running prediction")
    assert act(clinic, "adjudicator", "pause", reason="").status_code == 422
    assert act(clinic, "adjudicator", "pause", reason="False alarms.").status_code == 200
    clinic.settled(token, ids, within=15)
    said = told(clinic)
    assert max(said["after"], default=0) < 5, said
    assert set(said["states"]) == {"cancelled", "done"}, said
    assert said["states"].count("cancelled") >= 10
    return said


def studies_flow_on_and_are_read_without_ai(clinic):
    """Return the study of what was uploaded meanwhile."""
    late = ("late.dcm", radiographs.dicom(100))
    (verdict,) = clinic.upload(clinic.tokens["uploader"], late)
    assert (verdict["status"], verdict["code"]) == ("accepted", "no_live_model")
    assert verdict["prediction"] is None
    page = page_of(clinic, verdict["study_instance_uid"], "reviewer1")
    assert "Read without AI" in page
    assert "The model is paused at your site" in page
    return verdict["study_instance_uid"]


def a_second_person_lets_it_go_on(clinic):
    assert act(clinic, "adjudicator", "resume").status_code == 403
    assert act(clinic, "reviewer2", "resume", note="Updated.").status_code == 200
    token = clinic.tokens["uploader"]
    (verdict,) = clinic.upload(token, ("next.dcm", radiographs.dicom(101)))
    ended = clinic.settled(token, [verdict["prediction"]], within=30)
    assert ended[verdict["prediction"]]["outcome"] == "scored"
