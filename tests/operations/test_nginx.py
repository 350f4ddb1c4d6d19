"""A journey through a real nginx with the configuration that ships."""

import json
import re
import socket
import subprocess
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from django.utils import timezone

from portal import env
from tests.chaos import radiographs
from tests.chaos.harness import PASSWORD, overread, until
from tests.operations.two_roles import ROOT
from tests.programs import need

CONFIGURATION = ROOT / "deploy/nginx/nginx.conf"
FORGED = "f" * 32


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def certificate(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 and return it; its key is beside it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), timezone.now()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "tls.key").write_bytes(key.private_bytes(pem, form, plain))
    (folder / "tls.crt").write_bytes(made.public_bytes(pem))
    return folder / "tls.crt"


def configured(folder: Path, *, http: int, https: int, web: int) -> Path:
    """Return the shipped configuration with the ports and files of a test."""
    changes = {
        "listen 80;": f"listen 127.0.0.1:{http};",
        "listen 443 ssl;": f"listen 127.0.0.1:{https} ssl;",
        "server web:8000;": f"server 127.0.0.1:{web};",
        "/run/secrets/tls_certificate": str(folder / "tls.crt"),
        "/run/secrets/tls_key": str(folder / "tls.key"),
        "/run/nginx.pid": str(folder / "nginx.pid"),
        "/dev/stdout": str(folder / "access.log"),
        "/dev/stderr": str(folder / "error.log"),
        "worker_processes auto;": "worker_processes 1; user root;",
    }
    text = CONFIGURATION.read_text()
    for shipped, changed in changes.items():
        assert shipped in text, shipped
        text = text.replace(shipped, changed)
    place = folder / "nginx.conf"
    place.write_text(text)
    return place


def nginx(*arguments):
    return subprocess.run(["nginx", *arguments], capture_output=True, text=True, check=False)


class Front:
    """nginx in front of an Overread."""

    def __init__(self, folder: Path, http: int, https: int) -> None:
        self.folder, self.plain = folder, f"http://127.0.0.1:{http}"
        self.origin = f"https://127.0.0.1:{https}"
        self.browser = requests.Session()
        self.browser.verify = str(folder / "tls.crt")
        self.browser.trust_env = False  # a bundle named there would win over this one

    def get(self, path, **options):
        return self.browser.get(f"{self.origin}{path}", timeout=20, **options)

    def lines(self):
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]


@pytest.fixture(scope="module")
def front(bundle, tmp_path_factory):
    """Return nginx, and Overread behind it as it runs in production: over TLS, in JSON."""
    need("nginx", debian="nginx-light")
    folder = tmp_path_factory.mktemp("nginx")
    http, https, web = free_port(), free_port(), free_port()
    certificate(folder)
    settings = {"OVERREAD_ORIGIN": f"https://127.0.0.1:{https}", "OVERREAD_LOG_FORMAT": "json"}
    settings |= {"OVERREAD_MAX_UPLOAD_MB": "1", "OVERREAD_TRUSTED_PROXIES": "1"}
    place = configured(folder, http=http, https=https, web=web)
    checked = nginx("-t", "-c", str(place))
    assert checked.returncode == 0, checked.stderr
    with overread(folder, bundle, **settings) as one:
        one.launch(port=web)
        until(lambda: one.said("Overread is ready at"), within=60, what="the ready line")
        one.tokens = one.people("uploader", "reviewer")
        started = nginx("-c", str(place))
        assert started.returncode == 0, started.stderr
        try:
            answering = Front(folder, http, https)
            answering.overread = one
            yield answering
        finally:
            nginx("-c", str(place), "-s", "stop")


pytestmark = [pytest.mark.services, pytest.mark.timeout(120)]


def test_plain_http_is_sent_to_tls_with_its_method(front):
    answer = requests.post(f"{front.plain}/sign-in", allow_redirects=False, timeout=10)
    assert answer.status_code == 308
    assert answer.headers["Location"].startswith("https://127.0.0.1")


def test_a_person_signs_in_through_it_with_secure_cookies(front):
    page = front.get("/sign-in")
    csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
    form = {"csrfmiddlewaretoken": csrf, "username": "reviewer", "password": PASSWORD}
    forged = {"Referer": f"{front.origin}/sign-in", "X-Forwarded-For": "203.0.113.9"}
    signed_in = front.browser.post(f"{front.origin}/sign-in", data=form, headers=forged, timeout=20)
    assert signed_in.status_code == 200, signed_in.text
    account = front.get("/account").text
    assert "127.0.0.1" in account  # the browser's own address, whatever it says of itself
    assert "203.0.113.9" not in account
    assert {c.name for c in front.browser.cookies if c.secure} >= {"__Host-session", "__Host-csrf"}
    worklist = front.get("/worklist")
    assert worklist.status_code == 200
    assert "Content-Encoding" not in worklist.headers  # it holds secrets beside what was typed
    assert worklist.headers["Strict-Transport-Security"]
    assert worklist.headers["Content-Security-Policy"]


def test_an_upload_is_followed_by_its_id_from_nginx_to_the_worker(front):
    one, uploader = front.overread, front.overread.tokens["uploader"]
    answer = requests.post(
        f"{front.origin}/api/v1/uploads?q=canary-query",
        files=[("files", ("a.dcm", radiographs.dicom(1)))],
        headers={"Authorization": f"Token {uploader}", "X-Request-ID": FORGED},
        verify=front.browser.verify,
        timeout=30,
    )
    assert answer.status_code in {202, 400}, answer.text
    answer = requests.post(
        f"{front.origin}/api/v1/uploads",
        files=[("files", ("a.dcm", radiographs.dicom(1)))],
        headers={"Authorization": f"Token {uploader}", "X-Request-ID": FORGED},
        verify=front.browser.verify,
        timeout=30,
    )
    name = answer.headers["X-Request-ID"]
    assert answer.status_code == 202, answer.text
    assert name != FORGED  # what a client says of itself is not believed
    until(lambda: one.said(rf"prediction settled.*{name}|{name}.*prediction settled"), within=30)
    (line,) = until(lambda: [x for x in front.lines() if x["request_id"] == name], within=5)
    assert (line["method"], line["status"]) == ("POST", 202)
    assert "canary" not in (front.folder / "access.log").read_text()
    assert "canary" not in (front.folder / "error.log").read_text()


def test_a_file_that_is_too_large_is_refused_by_the_portal_in_words(front):
    token = front.overread.tokens["uploader"]
    answer = requests.post(
        f"{front.origin}/api/v1/uploads",
        files=[("files", ("large.dcm", b"0" * 2 * 2**20))],
        headers={"Authorization": f"Token {token}"},
        verify=front.browser.verify,
        timeout=30,
    )
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


def test_a_refused_upload_leaves_no_connection_behind_that_the_next_page_breaks_on(front):
    headers = {"Authorization": f"Token {front.overread.tokens['uploader']}"}
    for _ in range(30):  # every fifth page was a 502
        large = [("files", ("large.dcm", b"0" * 2 * 2**20))]
        address = f"{front.origin}/api/v1/uploads"
        refused = front.browser.post(address, files=large, headers=headers, timeout=30)
        assert refused.status_code == 413
        assert front.get("/sign-in").status_code == 200


def test_static_files_are_compressed_and_health_is_reached(front):
    sheet = re.search(r'href="(/static/[^"]+\.css[^"]*)"', front.get("/sign-in").text)[1]
    assert front.get(sheet).headers.get("Content-Encoding") == "gzip"
    assert front.get("/healthz").text == "ok\n"


def test_limits_fit_those_of_the_portal():
    text = CONFIGURATION.read_text()
    default = int(re.search(r'"OVERREAD_MAX_UPLOAD_MB", (\d+)', settings_source())[1])
    assert int(re.search(r"client_max_body_size (\d+)m", text)[1]) > default
    gunicorn = (ROOT / "worker/supervisor/gunicorn_conf.py").read_text()
    timeout = int(re.search(r"^timeout = (\d+)", gunicorn, re.M)[1])
    assert int(re.search(r"proxy_read_timeout (\d+)s", text)[1]) > timeout
    assert "OVERREAD_MAX_UPLOAD_MB" in env.KNOWN


def settings_source():
    return (ROOT / "portal/settings.py").read_text()
