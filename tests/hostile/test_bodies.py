"""Bodies and heads that are no HTTP, or not the HTTP that they claim: never a 5xx, never a hang."""

import socket
import time
from contextlib import suppress

import pytest

from tests.chaos import radiographs
from tests.hostile import watch, wire
from tests.hostile.wire import BOUNDARY, END, head, multipart, part, status

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]
RADIOGRAPH = radiographs.dicom(1)
HUNG_UP = 0
FILE = 'form-data; name="files"; filename='


@pytest.fixture(autouse=True)
def whole(running):
    """After every test: nothing broke, no file was left, and honest people are answered."""
    yield
    watch.no_file_stays(running)
    assert watch.broke(running) == []
    assert wire.quick(running, running.tokens["reviewer"]) < 10


@pytest.fixture
def token(running):
    return running.tokens["uploader"]


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'x' * 300}",
        "multipart/form-data; boundary=another",
        'multipart/form-data; boundary="b0undary',
        "multipart/form-data; boundary=b\xf6se",
        "multipart/form-data; boundary=b0undary; boundary=another; charset=rot13",
        "multipart/form-data; charset=nonsense; boundary=another",
        "multipart/mixed; boundary=b0undary",
        "application/x-www-form-urlencoded",
        "text/plain",
        "",
        ";;;=",
    ],
)
def test_a_content_type_that_does_not_fit_the_body_is_refused(running, token, kind):
    request = multipart(running, token, part(RADIOGRAPH) + END, kind=kind or " ")
    assert status(running, request) in {400, 415, 422}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        END,
        b"--" + BOUNDARY.encode(),
        b"nothing of the kind",
        b"\0" * 5000,
        part(RADIOGRAPH)[: len(RADIOGRAPH) // 2],
        part(b"x", "form-data"),
        part(b"x", 'form-data; name=""; filename="a"') + END,
        part(b"x", 'attachment; name="files"; filename="a"') + END,
        part(b"x", 'form-data; name="other"; filename="a"') + END,
        part(b"x", "form-data; name=" + "n" * 60_000) + END,
        (f"--{BOUNDARY}\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n".encode()) * 50 + END,
        f"--{BOUNDARY}\r\n".encode() * 5000 + END,
        f"--{BOUNDARY}\r\nContent-Transfer-Encoding: base64\r\n".encode()
        + b'Content-Disposition: form-data; name="files"; filename="a"\r\n\r\n*****\r\n' + END,
    ],
    ids=range(15),
)  # fmt: skip
def test_a_body_that_is_no_upload_is_refused(running, token, body):
    assert status(running, multipart(running, token, body)) in {400, 422}


@pytest.mark.parametrize(
    "name",
    [
        '"../../../../etc/passwd"',
        '"C:\\\\Windows\\\\System32\\\\x.dcm"',
        '"/etc/passwd"',
        '""',
        '"' + "x" * 10_000 + '"',
        '"a\0b.dcm"',
        '"<script>alert(1)</script>.dcm"',
        '"=cmd|x!A0.dcm"',
        '"\u202egpj.dcm"',
        '"CON"',
        '".htaccess"',
        "\"a.dcm\"; filename*=utf-8''%00%ff%fe",
        "\"a.dcm\"; filename*=nonsense''x",
    ],
)
def test_a_file_name_is_a_text_and_nothing_else(running, token, name):
    request = multipart(running, token, part(RADIOGRAPH, FILE + name) + END)
    assert status(running, request) in {202, 400, 422}


def test_a_file_name_writes_no_line_of_the_log(running, token):
    for name in ('"a%0d%0aroot | forged line.dcm"', '"a\nroot | forged line.dcm"'):
        status(running, multipart(running, token, part(RADIOGRAPH, FILE + name) + END))
    assert not running.said("forged line")


@pytest.mark.parametrize("what", ["files", "fields"])
def test_ten_thousand_and_one_parts_are_refused(running, token, what):
    kind = FILE + '"a"' if what == "files" else 'form-data; name="f"'
    body = part(b"x", kind) * 10_001 + END
    assert status(running, multipart(running, token, body)) in {400, 413}


def test_a_head_without_end_is_refused(running, token):
    for headers in (
        {f"X-{n}": "y" for n in range(500)},
        {"X-Long": "y" * 100_000},
        {"Cookie": "a=b; " * 20_000},
        {"X" * 9000: "y"},
    ):
        request = head(running, token, verb="GET", path="/api/v1/studies", **headers)
        assert status(running, request) in {400, 413, 431, HUNG_UP}
    assert status(running, b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n") in {400, 414, HUNG_UP}


@pytest.mark.parametrize("query", ["cursor=", "modality=", "no_such_filter="])
def test_an_address_that_is_too_long_is_refused_by_the_product(running, token, query):
    answer = running.request("GET", f"/api/v1/studies?{query}" + "%F0%9F%A6%B4" * 600, token)
    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_two_ways_to_say_how_long_a_body_is_are_refused(running, token):
    smuggled = b"0\r\n\r\nGET /api/v1/studies HTTP/1.1\r\nHost: x\r\n\r\n"
    for headers in (
        {"Content_Length": "5", "Transfer_Encoding": "chunked"},
        {"Content_Length": "5, 6"},
        {"Content_Length": "+5"},
        {"Content_Length": "-1"},
        {"Content_Length": "0x5"},
        {"Content_Length": "9" * 40},
        {"Transfer_Encoding": "xchunked"},
        {"Transfer_Encoding": "chunked, identity"},
        {"Transfer_Encoding": " chunked\r\nTransfer-Encoding: identity"},
    ):
        request = head(running, token, Content_Type="application/json", **headers) + smuggled
        assert status(running, request) in {400, 411, 413, 415, 501, HUNG_UP}, headers


def test_two_lengths_are_refused(running, token):
    request = head(running, token, Content_Length="5").replace(
        b"Content-Length: 5\r\n", b"Content-Length: 5\r\nContent-Length: 6\r\n"
    )
    assert status(running, request + b"12345") in {400, HUNG_UP}


@pytest.mark.parametrize(
    "chunks", [b"zz\r\nx\r\n", b"-1\r\n", b"ffffffffffffffffff\r\nx", b"5\r\nab"]
)
def test_a_chunked_body_that_is_broken_is_refused(running, token, chunks):
    request = head(
        running, token, Transfer_Encoding="chunked",
        Content_Type=f"multipart/form-data; boundary={BOUNDARY}",
    )  # fmt: skip
    assert status(running, request + chunks) in {400, 411, 413, 422, HUNG_UP}


@pytest.mark.parametrize(
    "verb", ["TRACE", "CONNECT", "PROPFIND", "PATCH", "DELETE", "PUT", "get", "X" * 50, "P\0ST", ""]
)
def test_another_verb_is_refused(running, token, verb):
    for path in ("/api/v1/uploads", "/api/v1/studies", "/worklist", "/sign-in"):
        assert status(running, head(running, token, verb=verb, path=path)) in {
            400, 403, 404, 405, 501, 302, HUNG_UP
        }, path  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/studies/../../../etc/passwd", "/static/../../portal/settings.py",
        "/static/%2e%2e/%2e%2e/portal/settings.py", "/static//etc/passwd", "/%00", "/%ff%fe",
        "/api/v1/studies/1.2.3%0d%0aX-Forged:%20x", "//evil.example/", "/\\evil.example",
        "/studies/" + "1." * 5000 + "1", "*", "http://evil.example/nowhere",
    ],
)  # fmt: skip
def test_a_path_that_leads_out_leads_nowhere(running, token, path):
    got = status(running, head(running, token, verb="GET", path=path))
    assert got in {301, 302, 400, 404, 414, HUNG_UP}


@pytest.mark.parametrize("host", ["evil.example", "", "127.0.0.1:1@evil", "a b", "x" * 5000])
def test_a_foreign_host_is_refused(running, token, host):
    request = head(running, token, verb="GET", path="/sign-in", Host=host)
    assert status(running, request) in {400, HUNG_UP}


@pytest.mark.parametrize(
    "document",
    [
        b"[" * 100_000, b'{"a":' * 50_000, b'{"patient_id": "a", "patient_id": "b"}', b"{", b"",
        b"NaN", b'{"limit": 1e999}', b'{"a": "\xff"}', b'{"patient_name": "\\ud800"}',
        b"\xef\xbb\xbf{}", b'{"a": ' + b"9" * 10_000 + b"}", b"null", b'"words"', b"[1, 2]",
        b'{"patient_name": "' + b"x" * 3_000_000 + b'"}', b'{"patient_name": "\\u0000"}',
    ],
    ids=range(16),
)  # fmt: skip
def test_json_that_is_none_is_refused(running, document):
    request = head(
        running, running.tokens["reviewer"], path="/api/v1/studies/search",
        Content_Type="application/json", Content_Length=str(len(document)),
    )  # fmt: skip
    assert status(running, request + document) in {400, 413, 422}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_client_that_leaves_in_its_upload_leaves_no_file(running, token, share):
    whole = multipart(running, token, part(RADIOGRAPH * 20) + END)
    with wire.connection(running) as client:
        client.sendall(whole[: int(len(whole) * share)])
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset


def test_a_body_shorter_than_said_is_not_taken(running, token):
    body = part(RADIOGRAPH) + END
    request = multipart(running, token, body, said=len(body) + 1000)
    assert status(running, request) in {202, 400, HUNG_UP}
    cut = part(RADIOGRAPH)[:-500]
    assert status(running, multipart(running, token, cut, said=len(body))) in {400, HUNG_UP}


def test_a_body_longer_than_said_is_not_taken(running, token):
    body = part(RADIOGRAPH) + END
    assert status(running, multipart(running, token, body, said=len(body) // 2)) == 400


def test_slow_clients_keep_nobody_waiting(running, token):
    slow = [wire.connection(running) for _ in range(24)]  # three times the threads
    try:
        for number, client in enumerate(slow):
            client.sendall(b"POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\nX-Slow: "[: 1 + number])
        assert wire.quick(running, running.tokens["reviewer"]) < 15
        assert wire.quick(running, running.tokens["reviewer"]) < 2
    finally:
        for client in slow:
            client.close()


def test_a_head_that_comes_byte_by_byte_is_not_waited_for(running):
    began = time.monotonic()
    with wire.connection(running) as client, suppress(ConnectionError):
        client.sendall(b"GET /sign-in HTTP/1.1\r\nX-Slow: ")
        while time.monotonic() - began < 20:
            client.sendall(b"y")
            time.sleep(0.3)
    assert time.monotonic() - began < 12


def test_the_rest_of_a_refused_body_is_not_waited_for_byte_by_byte(running):
    head = b"POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
    began = time.monotonic()
    with wire.connection(running) as client, suppress(ConnectionError):
        client.sendall(head)  # from nobody: refused unread
        while time.monotonic() - began < 25:
            client.sendall(b"y")
            time.sleep(0.3)
    assert time.monotonic() - began < 12


def test_a_body_that_stops_coming_is_not_waited_for(running, token):
    whole = multipart(running, token, part(RADIOGRAPH * 4) + END)
    with wire.connection(running) as client:
        client.sendall(whole[: len(whole) // 2])
        client.settimeout(45)
        answer = client.recv(4096)  # the end, or a refusal
    assert not answer or answer.split()[1] in {b"400", b"408"}, answer
