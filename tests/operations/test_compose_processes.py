"""The commands of docker-compose.yml, as processes of this machine: the same words, other paths."""

import json
import os
import stat
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from tests.bundles import tiny_bundle
from tests.chaos import radiographs
from tests.chaos.harness import Overread, until
from tests.operations.test_compose import SERVICES, command_of
from tests.operations.test_nginx import free_port
from tests.operations.two_roles import ROOT, run, two_roles
from tests.programs import need

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]
ORIGIN = "https://overread.example"
THROUGH_TLS = {"Host": "overread.example", "X-Forwarded-Proto": "https"}


class Machine:
    """Paths and secrets of one composition."""

    def __init__(self, folder: Path, secrets: dict[str, str], port: int) -> None:
        self.folder, self.port = folder, port
        for name in ("data", "socket", "secrets"):
            (folder / name).mkdir(mode=0o700)
        for name, value in secrets.items():
            (folder / "secrets" / name).write_text(value)

    def here(self, text: str) -> str:
        """Return a word of the file with the paths and the port of this machine."""
        for there, here in (
            ("/run/secrets", str(self.folder / "secrets")),
            ("/run/overread", str(self.folder / "socket")),
            ("0.0.0.0:8000", f"127.0.0.1:{self.port}"),
            ("${OVERREAD_ORIGIN:?the https address that browsers use}", ORIGIN),
            ("${OVERREAD_WEB_WORKERS:-2}", "2"),
            ("${OVERREAD_CLAIM_AFTER:-0}", "0"),
            ("${OVERREAD_ENGINE:-auto}", "auto"),
        ):
            text = text.replace(there, here)
        return str(self.port) if text == "8000" else text

    def command(self, words: list[str]) -> list[str]:
        first, *rest = [self.here(word) for word in words]
        program = sys.executable if first == "python" else str(Path(sys.executable).parent / first)
        return [program, *rest]

    def environment(self, service: str) -> dict[str, str]:
        told = SERVICES[service].get("environment", {})
        image = {"DJANGO_SETTINGS_MODULE": "portal.settings"}
        if service != "airlock":
            image["OVERREAD_DATA"] = str(self.folder / "data")
            image |= {"OVERREAD_BUNDLE": str(self.folder / "tiny-0.0.1")}
            image |= {"OVERREAD_ALLOW_TEST_BUNDLE": "1"}
        return {
            "PATH": os.environ["PATH"],
            **image,
            **{name: self.here(value) for name, value in told.items()},
        }

    @contextmanager
    def running(self, service: str):
        """Run a service while the block runs; its log is a file."""
        log = self.folder / f"{service}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                self.command(command_of(service)),
                cwd=ROOT,
                env=self.environment(service),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                yield process
            finally:
                process.terminate()
                process.wait(20)

    def once(self, service: str, words: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(words),
            cwd=ROOT,
            env=self.environment(service),
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def composed(postgres, tmp_path_factory):
    """Everything but db, redis and nginx, started in the order of the file."""
    need("redis-server", debian="redis-server")
    folder, redis, port = tmp_path_factory.mktemp("composed"), free_port(), free_port()
    with ExitStack() as stack:
        roles = stack.enter_context(two_roles(postgres))
        secrets = {
            "database_url": roles.runtime,
            "owner_database_url": roles.owner,
            "redis_url": f"redis://:word@127.0.0.1:{redis}/0",
            "secret_key": "k" * 64,
            "metrics_token": "t" * 32,
        }
        machine = Machine(folder, secrets, port)
        tiny_bundle(folder / "tiny-0.0.1")
        stack.enter_context(redis_like_that_of_the_file(folder, redis))
        for _ in range(2):  # a second start of everything prepares again
            prepared = machine.once("prepare", command_of("prepare"))
            assert prepared.returncode == 0, prepared.stderr
        for service in ("airlock", "web", "worker-cpu", "general"):
            stack.enter_context(machine.running(service))
        machine.roles = roles
        probe = SERVICES["web"]["healthcheck"]["test"][1:]
        until(lambda: machine.once("web", probe).returncode == 0, within=60, what="health")
        yield machine


@contextmanager
def redis_like_that_of_the_file(folder, port):
    (folder / "redis").mkdir()
    (folder / "redis_password").write_text("word")
    shell, flag, line = SERVICES["redis"]["command"]
    line = line.replace("$$", "$").replace("/run/secrets", str(folder))
    words = f"{line} --port {port} --bind 127.0.0.1 --dir {folder / 'redis'}"
    process = subprocess.Popen([shell, flag, words], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def ask(machine, method, path, token="", **options):
    headers = THROUGH_TLS | ({"Authorization": f"Token {token}"} if token else {})
    address = f"http://127.0.0.1:{machine.port}{path}"
    return requests.request(
        method, address, headers=headers, timeout=20, allow_redirects=False, **options
    )


def test_it_becomes_healthy_and_reads_an_upload(composed):
    assert ask(composed, "GET", "/healthz").ok
    one = Overread.__new__(Overread)
    one.env = composed.environment("general")
    token = one.people("uploader")["uploader"]
    until(lambda: ask(composed, "GET", "/readyz").status_code == 200, within=90, what="readiness")
    files = [("files", ("a.dcm", radiographs.dicom(1)))]
    sent = ask(composed, "POST", "/api/v1/uploads", token, files=files)
    assert sent.status_code == 202, sent.text
    path = f"/api/v1/predictions/{sent.json()['uploads'][0]['prediction']}"

    def scored():
        return ask(composed, "GET", path, token).json().get("outcome") == "scored"

    until(scored, within=60, what="the score")


def test_the_healthcheck_of_the_airlock_is_answered(composed):
    test = SERVICES["airlock"]["healthcheck"]["test"][1:]
    until(lambda: composed.once("airlock", test).returncode == 0, within=30, what="the airlock")


def test_the_group_of_the_socket_may_connect_and_nobody_else(composed):
    socket = composed.folder / "socket/airlock.sock"
    until(socket.exists, within=30, what="the socket")
    assert stat.S_IMODE(socket.stat().st_mode) == 0o660


def test_without_tls_it_sends_everybody_to_tls(composed):
    address = f"http://127.0.0.1:{composed.port}/sign-in"
    answer = requests.get(
        address, headers={"Host": "overread.example"}, timeout=20, allow_redirects=False
    )
    assert answer.status_code == 301
    assert answer.headers["Location"].startswith("https://overread.example/")


def test_every_log_is_of_json_lines(composed):
    for service in ("airlock", "web", "worker-cpu", "general"):
        log = composed.folder / f"{service}.log"
        until(lambda log=log: log.read_text(), within=60, what=f"a line of {service}")
        for line in log.read_text().splitlines():
            assert json.loads(line)["message"], (service, line)


def test_no_service_but_prepare_knows_the_owner(composed):
    users = run(
        composed.roles.superuser,
        "SELECT DISTINCT split_part(usename, '_', 1) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename IS NOT NULL",
    )
    assert set(users) <= {("runtime",)}
