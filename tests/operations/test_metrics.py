"""What Prometheus is told is what happened, and what the alerts and panels ask for is told."""

import json
import re
import subprocess
import time
from contextlib import suppress

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from portal.accounts.sign_in_services import Knock, SignInRefused, check_sign_in
from portal.accounts.throttle_services import PER_NAME, TooManyAttempts
from portal.api.limits import _record
from portal.operations.metrics import _counted, _tallied
from portal.predictions.operator_services import cancel_prediction
from tests.chaos import radiographs
from tests.chaos.harness import overread, until
from tests.factories import (
    make_instance,
    make_prediction,
    make_site,
    make_study,
    make_user,
    scored_study,
)
from tests.operations.test_health import TOKEN, readyz
from tests.operations.two_roles import ROOT
from tests.programs import need

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD = ROOT / "deploy/grafana/overread.json"


@pytest.fixture(scope="module")
def watched(bundle, tmp_path_factory):
    """An Overread after two uploads, a duplicate and a refusal, and a lease that was lost."""
    folder = tmp_path_factory.mktemp("metrics")
    settings = {"OVERREAD_METRICS_TOKEN": TOKEN, "OVERREAD_WEB_WORKERS": "2"}
    with overread(folder, bundle, **settings) as one:
        one.start()
        until(lambda: readyz(one).ok, within=60, what="readiness")
        uploader = one.people("uploader", "auditor")["uploader"]
        files = [(f"{n}.dcm", radiographs.dicom(n)) for n in (1, 2)]
        sent = one.upload(uploader, *files, files[0], ("letter.png", b"Dear colleague"))
        one.settled(uploader, [v["prediction"] for v in sent if v["prediction"]], within=30)
        one.python(LOSE_A_LEASE)
        one.settled(uploader, [sent[0]["prediction"]], within=30)
        yield one


def scrape(one, token=TOKEN):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(f"{one.origin}/metrics", headers=headers, timeout=10)


@pytest.fixture(scope="module")
def figures(watched):
    """Every sample, by its name and labels."""
    time.sleep(5.1)  # figures are kept for five seconds
    answer = scrape(watched)
    assert answer.status_code == 200
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def told_in(samples, name):
    return {tuple(one.labels.values()): one.value for one in samples if one.name == name}


@pytest.mark.django_db
def test_what_was_cancelled_ended_too_and_was_neither_read_nor_run():
    site = make_site("demo")
    cancel_prediction(
        prediction=make_prediction(make_instance(make_study(site))),
        by=make_user(site, "pacs_admin"),
    )
    scored_study(site)
    samples = [sample for family in _counted(_tallied()) for sample in family.samples]
    outcomes = {"cancelled": 1, "scored": 1, "failed": 0}
    assert told_in(samples, "overread_predictions_total") == {(o,): n for o, n in outcomes.items()}
    assert told_in(samples, "overread_prediction_attempts_total") == {("1",): 1}
    assert told_in(samples, "overread_prediction_run_seconds_count") == {(): 1}


@pytest.mark.django_db
def test_guesses_and_floods_that_were_slowed_down_are_told():
    person = make_user(make_site("demo"), "reader", username="reader")
    for _ in range(PER_NAME.holds + 2):
        with suppress(SignInRefused, TooManyAttempts):
            check_sign_in(username="reader", password="a guess", knock=Knock("192.0.2.1"))
    _record(person)
    samples = [sample for family in _counted(_tallied()) for sample in family.samples]
    assert told_in(samples, "overread_sign_ins_refused_total") == {(): PER_NAME.holds}
    assert told_in(samples, "overread_sign_ins_throttled_total") == {(): 1}
    assert told_in(samples, "overread_requests_limited_total") == {(): 1}


def test_without_the_token_nothing_is_told(watched):
    for token in ("", "a wrong token"):
        answer = scrape(watched, token)
        assert answer.status_code == 401
        assert answer.text == ""
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_uploads_are_counted_by_verdict(figures):
    told = {v: figures["overread_uploads_total", v] for v in ("accepted", "duplicate", "refused")}
    assert told == {"accepted": 2, "duplicate": 1, "refused": 1}
    assert figures["overread_upload_refusals_total", "unsupported_type"] == 1


def test_predictions_attempts_and_losses_are_counted(figures):
    assert figures["overread_predictions_total", "scored"] == 3
    assert figures["overread_predictions_total", "failed"] == 0
    assert figures["overread_prediction_attempts_total", "1"] == 2
    assert figures["overread_prediction_attempts_total", "3"] == 1
    assert figures["overread_lease_losses_total",] == 1


@pytest.mark.parametrize("what", ["wait", "run"])
def test_durations_are_a_histogram(figures, what):
    name = f"overread_prediction_{what}_seconds"
    assert figures[f"{name}_count",] == figures[f"{name}_bucket", "+Inf"] == 3
    assert 0 <= figures[f"{name}_sum",] < 120
    rising = [figures[f"{name}_bucket", bound] for bound in ("1", "60", "1800", "+Inf")]
    assert rising == sorted(rising)


def test_the_queue_is_empty_and_everybody_is_there(figures):
    assert figures["overread_queue_depth", "queued"] == figures["overread_queue_oldest_seconds",]
    assert figures["overread_workers", "cpu", "inference"] == 1
    assert figures["overread_workers", "general", "none"] == 1
    assert {v for (name, *_), v in figures.items() if name == "overread_part_up"} == {1}
    assert figures["overread_data_free_bytes",] > 0


def test_the_trail_and_the_tallies_tell_the_same(watched, figures):
    counted, told = json.loads(watched.python(TRAIL_AND_TALLIES))
    assert counted == told
    assert figures["overread_audit_events", "st-mary"] > 0
    assert 0 <= figures["overread_audit_head_age_seconds", "st-mary"] < 120


def test_no_figure_names_anybody(watched):
    text = scrape(watched).text
    assert "T000001" not in text
    assert "uploader" not in text


def test_two_processes_tell_the_same(watched):
    time.sleep(5.1)
    counters = [
        sorted(line for line in scrape(watched).text.splitlines() if "_total" in line)
        for _ in range(6)
    ]
    assert all(one == counters[0] for one in counters)


def asked_for():
    """Return every metric that an alert or a panel names."""
    rules = [r["expr"] for g in yaml.safe_load(ALERTS.read_text())["groups"] for r in g["rules"]]
    panels = [t["expr"] for p in json.loads(DASHBOARD.read_text())["panels"] for t in p["targets"]]
    return {name for expr in rules + panels for name in re.findall(r"overread_\w+", expr)}


def test_every_alert_and_panel_asks_for_what_is_told(watched):
    text = scrape(watched).text
    described = set(re.findall(r"^# TYPE (\w+)", text, re.M))
    sampled = set(re.findall(r"^(overread_\w+)", text, re.M))
    assert len(asked_for()) > 15
    assert asked_for() - sampled - described == set()


def test_prometheus_accepts_the_rules():
    command = [need("promtool", debian="prometheus"), "check", "rules", str(ALERTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def test_every_alert_is_in_the_runbook():
    names = re.findall(r"alert: (\w+)", ALERTS.read_text())
    runbook = (ROOT / "docs/deployment.md").read_text()
    assert [name for name in names if f"`{name}`" not in runbook] == []


def test_there_is_no_metrics_page_without_the_setting(client, settings):
    settings.OVERREAD_METRICS_TOKEN = ""
    answer = client.get("/metrics", headers={"Authorization": "Bearer "})
    assert answer.status_code == 404


def test_a_probe_from_inside_is_not_sent_to_tls_and_the_metrics_are(client, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200
    assert client.get("/metrics").status_code == 301


LOSE_A_LEASE = """
from datetime import timedelta
from django.db.models.functions import Now
from portal.predictions.models import Prediction
import uuid
done = Prediction.objects.filter(state="done").order_by("requested_at")
Prediction.objects.filter(pk=done[0].pk).update(
    state="running", attempt=2, lease_token=uuid.uuid4(), lease_until=Now() - timedelta(1),
    outcome="", score=None, threshold=None, finding="", finished_at=None, disclaimer="")
"""
TRAIL_AND_TALLIES = """
import json
from django.db.models import Count
from portal.audit.models import AuditEvent, Tally
events = AuditEvent.objects.values("action").annotate(n=Count("pk")).values_list("action", "n")
told = {}
for tally in Tally.objects.all():
    told[tally.name] = told.get(tally.name, 0) + tally.count
print(json.dumps([dict(events), {name: told[name] for name in dict(events)}]))
"""
