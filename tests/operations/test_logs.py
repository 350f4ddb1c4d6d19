"""A request's id is found on every line that it caused, and no line tells who a patient is."""

import json
import re

import pytest

from tests.chaos import radiographs
from tests.chaos.harness import overread, until

pytestmark = [pytest.mark.services, pytest.mark.timeout(120)]
GIVEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def telling(bundle, tmp_path_factory):
    """An Overread that writes JSON lines."""
    with overread(tmp_path_factory.mktemp("logs"), bundle, OVERREAD_LOG_FORMAT="json") as one:
        one.launch()
        ready = r"Overread is ready at (http://[^\"]+)"
        until(lambda: one.said(ready), within=60, what="the ready line")
        one.origin = re.search(ready, one.output())[1]
        one.tokens = one.people("uploader", "reviewer")
        yield one


@pytest.fixture(scope="module")
def story(telling):
    """All lines, once a radiograph was uploaded under a given id, read, found and not found."""
    uploader, reviewer = telling.tokens["uploader"], telling.tokens["reviewer"]
    content = radiographs.dicom(1, PatientName="CANARY^NAME", PatientID="CANARY-ID")
    answer = telling.request(
        "POST",
        "/api/v1/uploads",
        uploader,
        files=[("files", ("canary-file.dcm", content))],
        headers={"X-Request-ID": GIVEN},
    )
    assert answer.headers["X-Request-ID"] == GIVEN
    prediction = answer.json()["uploads"][0]["prediction"]
    telling.settled(uploader, [prediction], within=30)
    telling.request("GET", "/worklist?q=canary-query", reviewer)
    telling.request("GET", "/api/v1/canary-path?name=canary-query", reviewer)
    search = {"patient_id": "CANARY-ID"}
    telling.request("POST", "/api/v1/studies/search", reviewer, json=search)
    until(lambda: telling.said("studies/search"), within=5, what="the last access line")
    return prediction, [json.loads(line) for line in list(telling.lines)]


def test_every_line_of_every_process_is_a_json_object(story):
    _, lines = story
    assert {line["process"] for line in lines} >= {"serve", "web", "inference", "airlock"}
    for line in lines:
        assert line["at"]
        assert line["level"] in {"debug", "info", "warning", "error"}
        assert line["message"]


def test_the_id_given_at_the_door_is_on_the_lines_of_the_worker(story):
    prediction, lines = story
    mine = [line for line in lines if line.get("request_id") == GIVEN]
    told = {(line["process"], line["message"]) for line in mine}
    assert told >= {
        ("web", "request"),
        ("web", "prediction requested"),
        ("inference", "prediction claimed"),
        ("inference", "prediction settled"),
    }
    assert {line["prediction"] for line in mine if "prediction" in line} == {prediction}
    settled = next(line for line in mine if line["message"] == "prediction settled")
    assert settled["outcome"] == "scored"
    assert settled["attempt"] == 1


def test_an_access_line_has_the_route_and_the_user_and_no_more(story):
    _, lines = story
    upload = next(x for x in lines if x["message"] == "request" and x["request_id"] == GIVEN)
    assert (upload["method"], upload["route"], upload["status"]) == ("POST", "api/v1/uploads", 202)
    assert upload["ms"] > 0
    assert isinstance(upload["user"], int)
    assert set(upload) == {
        *("at", "process", "level", "logger", "message"),
        *("request_id", "method", "route", "status", "ms", "user"),
    }


def test_nothing_that_a_client_sent_is_in_any_line(story):
    _, lines = story
    assert [line for line in lines if "canary" in json.dumps(line).lower()] == []


def test_the_broker_is_told_no_id_of_a_request(telling, story):
    """The message is a doorbell; the id travels with the row."""
    kept = b"".join(p.read_bytes() for p in (telling.data / "queue").rglob("*") if p.is_file())
    assert GIVEN.encode() not in kept
    assert b"canary" not in kept.lower()


def test_a_terminal_is_told_in_sentences_and_not_of_each_request(bundle, tmp_path):
    with overread(tmp_path, bundle) as one:
        one.start()
        assert one.request("GET", "/sign-in", "none").status_code == 200
        assert not one.said(r"request.*status=200")
        assert not one.said(r"\| *\{")
        assert one.said(r"^airlock +\| airlock ready on")
