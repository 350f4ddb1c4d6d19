import io
import json
import logging
import uuid

import pytest
from django.db import IntegrityError
from django.test import Client

from portal import logs
from portal.http.request_log import id_of

ROW = "duplicate key\nDETAIL:  Key (patient_id)=(SECRET) exists."
ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def lines():
    """What is logged, as the JSON objects of production."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    handler.addFilter(logs.WithoutPath())
    chatty = logging.getLogger("portal.http.request_log")
    level = chatty.level
    chatty.setLevel(logging.INFO)
    logging.root.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.root.removeHandler(handler)
    chatty.setLevel(level)


@pytest.mark.parametrize("given", [ID, ID.upper(), str(uuid.UUID(ID))])
def test_an_id_of_the_proxy_is_taken(rf, given):
    assert id_of(rf.get("/", headers={"X-Request-ID": given})) == ID


@pytest.mark.parametrize("given", ["", "DOE^JOHN", "12345678", f"{ID}0", f"{ID}\n", "g" * 32])
def test_anything_else_is_replaced(rf, given):
    made = id_of(rf.get("/", headers={"X-Request-ID": given}))
    assert made != given
    assert uuid.UUID(made)


@pytest.mark.parametrize("path", ["/sign-in", "/nowhere", "/api/v1/nowhere", "/static/none.css"])
def test_every_answer_has_the_id(db, path):
    assert Client().get(path, headers={"X-Request-ID": ID}).headers["X-Request-ID"] == ID


def test_the_line_names_the_user_by_key(lines, reviewer):
    client = Client()
    client.force_login(reviewer)
    client.get("/worklist?q=SECRET")
    line = lines()[-1]
    assert (line["route"], line["status"], line["user"]) == ("worklist", 200, reviewer.pk)
    assert "SECRET" not in json.dumps(lines())


def test_a_stranger_has_no_key(lines, db):
    Client().get("/sign-in")
    assert "user" not in lines()[-1]


def test_a_bug_is_told_with_its_stack_and_without_the_path(lines, reviewer, monkeypatch):
    def broken(*_args, **_kwargs):
        raise IntegrityError(ROW)

    monkeypatch.setattr("portal.web.views.study.StudyPage.get", broken)
    client = Client(raise_request_exception=False)
    client.force_login(reviewer)
    assert client.get("/studies/1.2.3").status_code == 500
    error = next(line for line in lines() if line["level"] == "error")
    assert error["message"] == "the request ended with 500"
    assert "in broken" in error["exception"]
    assert error["exception"].endswith("IntegrityError: duplicate key")
    assert {line["request_id"] for line in lines()} == {error["request_id"]}
    assert "1.2.3" not in json.dumps(lines())
    assert "SECRET" not in json.dumps(lines())


def test_what_is_bound_ends_with_its_block(lines):
    with logs.bound(prediction="p", request_id="r"):
        logging.getLogger("portal").warning("inside", extra=logs.fields(code="c", nothing=""))
        assert logs.request_id() == "r"
    logging.getLogger("portal").warning("outside")
    inside, outside = lines()
    assert (inside["prediction"], inside["request_id"], inside["code"]) == ("p", "r", "c")
    assert "nothing" not in inside
    assert set(outside) == {"at", "level", "logger", "message"}
    assert logs.request_id() == ""


def test_causes_are_told_too():
    two_lines = "first"
    try:
        try:
            int(two_lines)
        except ValueError as error:
            raise KeyError("second") from error
    except KeyError as error:
        told = logs.described(error)
    assert "ValueError: invalid literal for int() with base 10: 'first" in told
    assert "KeyError: 'second'" in told


def test_only_the_first_line_of_a_message_is_told():
    told = logs.described(IntegrityError(ROW))
    assert told == "IntegrityError: duplicate key"
