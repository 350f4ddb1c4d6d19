"""Requests in good form with bad intent: another site's things, forged forms, fields of others."""

import re

import pytest
import requests

from tests.chaos import radiographs
from tests.chaos.harness import PASSWORD, until
from tests.hostile import watch
from tests.hostile.runner import csrf_token, signed_in

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]
API = "/api/v1"
CONFIRM = {"finding": "present", "password": PASSWORD}


@pytest.fixture(scope="module")
def study(running):
    """A study of st-mary that is scored and signed: its UID, instance, prediction and review."""
    uploader, reviewer = running.tokens["uploader"], running.tokens["reviewer"]
    verdict = running.upload(uploader, ("a.dcm", radiographs.dicom(77)))[0]
    running.settled(uploader, [verdict["prediction"]], within=60)
    uid = verdict["study_instance_uid"]
    answer = running.request("GET", f"{API}/studies/{uid}", reviewer)
    read = running.prediction(reviewer, verdict["prediction"])
    signed = running.request(
        "POST", f"{API}/studies/{uid}/reviews", reviewer,
        json={"finding": read["finding"], "password": PASSWORD},
    )  # fmt: skip
    assert signed.status_code == 201, signed.text
    stale = {"If-Match": answer.headers["ETag"]}
    return verdict | {"review": signed.json()["id"], "stale": stale, "finding": read["finding"]}


def test_what_is_of_another_site_does_not_exist(running, study):
    uid, token = study["study_instance_uid"], running.tokens["reviewer2"]
    for verb, path, sent in (
        ("GET", f"studies/{uid}", None),
        ("GET", f"studies/{uid}/results", None),
        ("GET", f"studies/{uid}/history", None),
        ("GET", f"predictions/{study['prediction']}", None),
        ("POST", f"studies/{uid}/reviews", CONFIRM),
        ("POST", f"reviews/{study['review']}/amend", CONFIRM | {"amend_reason": "x"}),
    ):
        answer = running.request(verb, f"{API}/{path}", token, json=sent)
        assert answer.status_code == 404, path
        assert "T000077" not in answer.text
    session = signed_in(running, "reviewer2")
    for path in (
        f"/studies/{uid}",
        f"/studies/{uid}/answer",
        f"/studies/{uid}/images/{study['sop_instance_uid']}.png",
    ):
        assert session.get(f"{running.origin}{path}", timeout=30).status_code == 404, path
    assert uid not in session.get(f"{running.origin}/worklist", timeout=30).text


def test_who_read_an_older_version_does_not_overwrite_the_newer(running, study):
    sent = {"finding": study["finding"], "password": PASSWORD, "amend_reason": "again"}
    path = f"{API}/reviews/{study['review']}/amend"
    for headers, status in (
        ({}, 428), (study["stale"], 412), ({"If-Match": '"x"'}, 412),
        ({"If-Match": "x" * 5000}, 412), ({"If-Match": "\xff"}, 412),
    ):  # fmt: skip
        token = running.tokens["reviewer"]
        answer = running.request("POST", path, token, json=sent, headers=headers)
        assert answer.status_code in {status, 400}, (headers, answer.text)


@pytest.mark.parametrize("token", ["", "stolen", "a" * 64])
@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
def test_a_form_of_another_page_changes_nothing(running, study, token, origin):
    session = signed_in(running, "reviewer")
    headers = {"X-CSRFToken": token} | ({"Origin": origin} if origin else {})
    uid = study["study_instance_uid"]
    for path in ("/upload", "/sign-out", f"/studies/{uid}/review", "/password"):
        answer = session.post(
            f"{running.origin}{path}",
            data={"csrfmiddlewaretoken": token},
            headers=headers,
            timeout=30,
        )
        assert answer.status_code == 403, path
    answer = session.post(f"{running.origin}{API}/studies/{uid}/reviews", json=CONFIRM, timeout=30)
    assert answer.status_code == 403
    assert session.get(f"{running.origin}/worklist", timeout=30).url.endswith("/worklist")


def test_a_foreign_origin_with_the_right_token_is_refused(running):
    session = signed_in(running, "reviewer")
    headers = {"X-CSRFToken": csrf_token(session, running, "/password"), "Origin": "https://evil.x"}
    answer = session.post(f"{running.origin}/sign-out", headers=headers, timeout=30)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "next_page",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example",
        "http:evil.example", "javascript:alert(1)", "/%09/evil.example", "https:/evil.example",
        "///evil.example", "\thttps://evil.example", "http://127.0.0.1@evil.example",
    ],
)  # fmt: skip
def test_signing_in_leads_to_no_other_server(running, next_page):
    session = requests.Session()
    token = csrf_token(session, running, "/sign-in")
    answer = session.post(
        f"{running.origin}/sign-in",
        params={"next": next_page},
        data={
            "username": "reader", "password": PASSWORD, "next": next_page,
            "csrfmiddlewaretoken": token,
        },
        allow_redirects=False,
        timeout=30,
    )  # fmt: skip
    assert answer.status_code == 302
    assert re.match(r"/(?![/\\])", answer.headers["Location"]), answer.headers["Location"]
    assert "evil" not in answer.headers["Location"].partition("?")[0].replace("/%09/evil", "")


@pytest.mark.parametrize(
    "more",
    [
        {"site": "st-elsewhere"}, {"reviewer": "reader"}, {"signed_at": "2020-01-01"},
        {"is_superuser": True}, {"id": 1}, {"supersedes": 1}, {"__class__": "x"}, {"score": 0.1},
    ],
)  # fmt: skip
def test_fields_that_are_not_ones_own_are_refused(running, study, more):
    token, uid = running.tokens["reviewer"], study["study_instance_uid"]
    answer = running.request("POST", f"{API}/studies/{uid}/reviews", token, json=CONFIRM | more)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_field")
    files = [("files", ("a.dcm", radiographs.dicom(78)))]
    token = running.tokens["uploader"]
    answer = running.request("POST", f"{API}/uploads", token, files=files, data=more)
    assert answer.status_code == 422, answer.text


def test_what_a_stranger_types_writes_no_line_of_the_log(running):
    forged = "x\r\nroot | forged line\x1b[31m"
    session = requests.Session()
    token = csrf_token(session, running, "/sign-in")
    data = {"username": forged, "password": "wrong wrong", "csrfmiddlewaretoken": token}
    assert session.post(f"{running.origin}/sign-in", data=data, timeout=30).status_code == 403
    session.get(f"{running.origin}/x%0d%0aroot | forged line", timeout=30)
    session.get(f"{running.origin}/x%1b[31m", headers={"User-Agent": "\x1b[31m"}, timeout=30)
    last = running.request("GET", f"{API}/studies?x%0aforged line=1", running.tokens["reviewer"])
    its_line = last.headers["X-Request-ID"]
    until(lambda: running.said(its_line), within=5, what="the log of the last request")
    assert not running.said(r"\| +root \| forged|^root \| forged")
    assert not [line for line in running.lines if "\x1b[31m" in line]


def test_a_large_file_is_not_held_in_memory(running):
    before = watch.web_megabytes(running)
    for number in range(2):
        content = number.to_bytes(1, "little") * (150 << 20)
        verdict = running.upload(running.tokens["uploader"], ("large.dcm", content))[0]
        assert verdict["code"] == "unsupported_type"
    assert watch.grown(before, watch.web_megabytes(running)) < watch.GROWTH_MB
    assert watch.left_files(running) == []


def test_nothing_of_this_broke_anything(running):
    assert watch.broke(running) == []
    watch.is_whole(running)
