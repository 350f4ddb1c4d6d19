"""The scanner finds what is planted: a test of leaks that could find none would prove nothing."""

import base64
import gzip
import json
import zlib
from urllib.parse import quote

import pytest

from tests.privacy.canaries import NAMES, canaries, found

WORDS = canaries("plant")
NAME = WORDS["patient_name"]


def in_task(text):
    body = base64.b64encode(json.dumps([[text], {}, {}]).encode()).decode()
    return json.dumps({"body": body, "properties": {"body_encoding": "base64"}}).encode()


@pytest.mark.parametrize(
    "content",
    [
        NAME.encode(),
        f"INFO portal: refused {NAME}^Jane".encode(),
        NAME.upper().encode(),
        NAME.encode("utf-16-le"),
        quote("".join(f"{c}" for c in NAME)).encode(),
        "".join(f"%{ord(c):02x}" for c in NAME).encode(),
        base64.b64encode(f"name={NAME}".encode()),
        base64.urlsafe_b64encode(f"??>>{NAME}".encode()),
        in_task(NAME),
        zlib.compress(f"name={NAME}".encode()),
        gzip.compress(f"name={NAME}".encode()),
        b"\0" * 5000 + NAME.encode() + b"\xff" * 5000,
    ],
    ids=range(12),
)
def test_a_canary_is_found_however_it_is_written(content):
    assert found(WORDS, [("here", content), ("there", b"nothing")]) == [("here", "patient_name")]


def test_a_birth_date_is_found_in_both_forms():
    for text in (b"born 20210317", b'"2021-03-17"'):
        assert found(WORDS, [("here", text)]) == [("here", "birth_date")]


def test_nothing_is_found_where_nothing_is():
    assert found(WORDS, [("here", b"study 1.2.3 of st-mary, Zq, 2021-03-18")]) == []
    assert found(WORDS, [("here", canaries("another salt")["comment"].encode())]) == []


def test_there_are_at_least_twenty_and_no_two_are_alike():
    assert len(set(WORDS.values())) == len(NAMES) >= 20
