"""No canary leaves the database, the blobs and the pages of those who may read it."""

import json
import threading
from pathlib import Path

import pytest
import redis

from tests.bundles import tiny_bundle
from tests.chaos.harness import PASSWORD, command_of
from tests.hostile import watch
from tests.hostile.runner import signed_in
from tests.privacy.canaries import canaries, found
from tests.privacy.flows import Flows

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]
KEPT = ("blobs", "overread.sqlite3")
"""Where patients are kept: everything else in the data folder may not know them."""
OTHERS_PAGES = ("/worklist", "/upload", "/about")
OTHERS_ANSWERS = ("studies", "models", "openapi.json")


class Listener:
    """Hears every command that Redis is sent, task messages among them."""

    def __init__(self, url: str) -> None:
        self.server = redis.Redis.from_url(url)
        self.heard: list[bytes] = []
        self._monitor = self.server.monitor()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "Listener":
        self._monitor.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.ping()
        self._monitor.connection.disconnect()
        self._thread.join(10)

    def _listen(self) -> None:
        try:
            for command in self._monitor.listen():
                self.heard.append(str(command["command"]).encode())
        except (redis.RedisError, OSError, ValueError, AttributeError):
            return  # it was closed

    def stored(self) -> list[tuple[str, bytes]]:
        """Return what every key holds now."""
        return [(f"redis {key!r}", self.server.dump(key) or b"") for key in self.server.scan_iter()]


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    """Everything was done once, at site st-mary, with Redis listened to."""
    folder = tmp_path_factory.mktemp("privacy")
    bundle = tiny_bundle(folder / "tiny-0.0.1")
    with watch.started(folder, bundle, OVERREAD_LOG_LEVEL="DEBUG") as product:
        one = Flows(product, canaries("flows"))
        one.sessions = {name: signed_in(product, name) for name in ("uploader", "reviewer")}
        with Listener(redis_url(product)) as listener:
            one.by_api()
            one.by_form()
        one.redis = listener
        yield one


def redis_url(product):
    """Return where the product's queue is."""
    return product.env.get("REDIS_URL") or f"unix://{product.data / 'run' / 'valkey.sock'}"


def leaks(flows, places):
    """Return which canaries are in which places, after making sure that there is something."""
    places = list(places)
    assert sum(len(content) for _, content in places) > 0
    return found(flows.words, places)


def test_the_flows_put_the_canaries_where_they_belong(flows):
    reviewer = flows.get("reviewer", f"/studies/{flows.study}")
    for name in ("patient_name", "patient_id", "accession_number", "comment", "amend_reason"):
        assert flows.words[name] in reviewer, name
    blobs = [
        (str(p), p.read_bytes()) for p in (flows.product.data / "blobs").rglob("*") if p.is_file()
    ]
    assert {name for _, name in found(flows.words, blobs)} >= {
        "institution",
        "operator",
        "png_name",
    }


def test_no_log_line_names_a_patient(flows):
    assert flows.product.said("upload refused")
    assert leaks(flows, [("output", flows.product.output().encode())]) == []


def test_redis_and_the_arguments_of_tasks_name_no_patient(flows):
    assert any(b"overread" in heard or b"drain" in heard for heard in flows.redis.heard)
    assert leaks(flows, [("command", heard) for heard in flows.redis.heard]) == []
    assert found(flows.words, flows.redis.stored()) == []


def test_files_beside_the_blobs_and_the_database_name_no_patient(flows):
    data = flows.product.data
    files = [p for p in data.rglob("*") if p.is_file() and not is_kept(p, data)]
    files += [p for p in flows.product.temporary.rglob("*") if p.is_file()]
    assert any("aof" in path.name for path in files) or "REDIS_URL" in flows.product.env
    assert leaks(flows, [(str(path), path.read_bytes()) for path in files]) == []
    assert watch.left_files(flows.product) == []


def is_kept(path: Path, data: Path) -> bool:
    return path.relative_to(data).parts[0].startswith(KEPT)


def test_a_password_is_kept_nowhere(flows):
    secrets = {"password": PASSWORD.replace(" ", ""), "canary": flows.words["password"]}
    database = sorted(flows.product.data.glob("overread.sqlite3*"))
    places = [(path.name, path.read_bytes().replace(b" ", b"")) for path in database]
    places += [("output", flows.product.output().encode().replace(b" ", b""))]
    assert found(secrets, places) == []


def test_addresses_name_no_patient(flows):
    assert len(flows.addresses) > 100
    assert leaks(flows, [(text[:60], text.encode()) for text in flows.addresses]) == []


def test_no_process_is_started_with_a_patient_in_its_arguments(flows):
    family = flows.product.family()
    places = [(f"{pid}", " ".join(command_of(pid)).encode()) for pid in family]
    assert leaks(flows, places) == []


def test_metrics_and_health_name_no_patient(flows):
    for path in ("/metrics", "/healthz", "/readyz"):
        answer = flows.product.request("GET", path, flows.product.tokens["auditor"])
        assert found(flows.words, [(path, answer.content)]) == []


def test_the_trail_names_no_patient(flows):
    script = """
import json
from portal.audit.models import AuditEvent
print(json.dumps([[e.action, e.subject, e.actor, e.detail] for e in AuditEvent.objects.all()]))
"""
    events = json.loads(flows.product.python(script))
    assert {event[0] for event in events} >= {"upload.refused", "studies.searched", "review.signed"}
    assert leaks(flows, [(event[0], json.dumps(event).encode()) for event in events]) == []


def test_the_other_site_sees_nothing(flows):
    product, places = flows.product, []
    for who in ("uploader2", "reviewer2"):
        session = signed_in(product, who)
        pages = (*OTHERS_PAGES, f"/studies/{flows.study}", "/nowhere")
        places += [(p, session.get(f"{product.origin}{p}", timeout=30).content) for p in pages]
        for path in (*OTHERS_ANSWERS, f"studies/{flows.study}", f"studies/{flows.study}/history"):
            answer = product.request("GET", f"/api/v1/{path}", product.tokens[who])
            places.append((path, answer.content))
        for name in ("patient_id", "patient_name", "accession_number"):
            sought = {name: flows.words[name]}
            token = product.tokens[who]
            answer = product.request("POST", "/api/v1/studies/search", token, json=sought)
            places.append((f"search by {name}", answer.content))
    assert leaks(flows, places) == []


def test_nothing_broke_on_the_way(flows):
    assert watch.broke(flows.product) == []
    watch.is_whole(flows.product)
