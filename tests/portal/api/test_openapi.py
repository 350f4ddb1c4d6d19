"""The OpenAPI document is complete, and says what the resolver has."""

import re
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.admindocs.views import simplify_regex
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from portal.accounts.models import RoleGrant
from portal.accounts.roles import Role
from portal.api import urls
from portal.api.forms import PageQuery
from portal.api.limits import BUCKETS
from portal.api.media import JSON
from portal.api.paging import _EPOCH, _MICROSECOND
from tests.contract.schemas import faults, plain
from tests.factories import make_user
from tests.portal.api.people import API, client_of
from worker.supervisor import gunicorn_conf

pytestmark = pytest.mark.django_db
UNDESCRIBED = {None, "openapi", "docs", "picture", "map"}
"""The last route, those that describe the others, and PNGs that a report or a score links to."""
UNKNOWN = str(uuid.uuid4())
VERBS = ("get", "post", "put", "patch", "delete")
EMPTY = {"204", "304"}
SEARCHED = {"patient_id", "patient_name", "accession_number"}
PATIENT = re.compile(r"patient|name|birth|accession|password", re.IGNORECASE)


@pytest.fixture(scope="module")
def document():
    with_client = APIClient()
    response = with_client.get(f"{API}/openapi.json")
    assert response.status_code == 200
    return response.json()


def operations(document):
    return [
        (path, verb, operation)
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    ]


def test_it_is_generated_without_a_warning(tmp_path):
    file = tmp_path / "openapi.json"
    call_command(
        "spectacular", "--format=openapi-json", "--validate", "--fail-on-warn", f"--file={file}"
    )
    assert Path(file).stat().st_size > 10_000


def test_everybody_may_read_it(document):
    assert document["openapi"].startswith("3.0")
    assert document["info"]["title"] == "Overread"


def routes() -> set[tuple[str, str]]:
    """Return address and verb of everything that the resolver leads to, parameters as {}."""
    found = set()
    for pattern in urls.urlpatterns:
        if pattern.name not in UNDESCRIBED:
            address = re.sub(r"<[^>]*>", "{}", simplify_regex(str(pattern.pattern)))
            verbs = {verb for verb in VERBS if hasattr(pattern.callback.cls, verb)}
            found |= {(f"{API}/{address.lstrip('/')}", verb) for verb in verbs}
    return found


def test_every_route_and_verb_is_in_it_and_nothing_else(document):
    described = {(re.sub(r"{[^}]*}", "{}", path), verb) for path, verb, _ in operations(document)}
    assert described == routes()
    assert len(described) > 14


def test_every_operation_says_all_there_is_to_say(document):
    for path, verb, operation in operations(document):
        where = f"{verb} {path}"
        assert operation["summary"], where
        assert operation["operationId"], where
        assert operation["security"] == [{"token": []}, {"cookieAuth": []}], where
        good = {code for code in operation["responses"] if code < "400"}
        assert good, where
        assert {"400", "401", "403", "406", "429"} <= set(operation["responses"]), where
        assert "Retry-After" in operation["responses"]["429"]["headers"], where
        for code, response in operation["responses"].items():
            assert response["description"], f"{where} {code}"
            if code in EMPTY:
                assert "content" not in response, f"{where} {code}"
                continue
            kinds = [*JSON] if code in good else ["application/problem+json"]
            assert list(response["content"]) == kinds, f"{where} {code}"
            for kind in kinds:
                assert response["content"][kind]["schema"], f"{where} {code}"
                assert response["content"][kind]["examples"], f"{where} {code}"


def test_every_example_is_what_its_schema_says(document):
    checked = 0
    for path, verb, operation in operations(document):
        contents = [operation.get("requestBody", {}).get("content", {})]
        contents += [answer.get("content", {}) for answer in operation["responses"].values()]
        for media in (media for content in contents for media in content.values()):
            for name, example in media.get("examples", {}).items():
                where = f"{verb} {path}: {name}"
                assert faults(document, media["schema"], example["value"]) == [], where
                assert_whole(document, media["schema"], example["value"], where)
                checked += 1
    assert checked > 100


def assert_whole(document, schema, value, where):
    """Assert that an example leaves nothing out that an answer holds."""
    shape = plain(document, schema)
    if isinstance(value, list):
        for item in value:
            assert_whole(document, shape["items"], item, where)
    elif isinstance(value, dict) and "title" not in value:  # a problem has what it needs
        writable = {"reason_code", "comment", "confidence"} | SEARCHED
        missing = set(shape.get("properties", {})) - set(value) - writable
        assert not missing, f"{where}: {missing}"


def test_a_wrong_example_would_be_seen(document):
    schema = document["components"]["schemas"]["ProblemOutput"]
    right = {"type": "x", "title": "x", "status": 1, "code": "x"}
    assert faults(document, schema, right) == []
    for wrong in ({**right, "status": "1"}, {**right, "code": None}, {}, []):
        assert faults(document, schema, wrong)
    summary = document["components"]["schemas"]["StudySummary"]
    assert any("report_status" in fault for fault in faults(document, summary, {}))


def sample(path: str, verb: str, operation) -> dict:
    """Return a request that gets as far as the rules that all operations share."""
    path = path.replace("{study_instance_uid}", "1.2.3").replace("{prediction_id}", UNKNOWN)
    path = re.sub(r"{[^}]*_id}", "7", path)
    content = operation.get("requestBody", {}).get("content", {})
    kind = next(iter(content), "application/json")
    boundary = "; boundary=x" if kind.startswith("multipart") else ""
    return {
        "method": verb,
        "path": path,
        "data": b"",
        "content_type": f"{kind}{boundary}",
        "headers": {"If-Match": '"x"'},
    }


def described(code: str):
    """Return the operations that say they may answer with ``code``."""
    document = SchemaGenerator().get_schema(request=None, public=True)
    return [
        pytest.param(sample(path, verb, operation), id=operation["operationId"])
        for path, verb, operation in operations(document)
        if code in operation["responses"]
    ]


def send(client, request, **changes):
    request = request | changes
    return client.generic(
        request["method"].upper(), request["path"], request["data"],
        content_type=request["content_type"], headers=request["headers"],
    )  # fmt: skip


class TestEveryOperationAnswersWhatItSaysItMay:
    @pytest.fixture
    def everybody(self, site):
        """Somebody who may do everything."""
        return client_of(make_user(site, *Role.values))

    @pytest.mark.parametrize("request_", described("400"))
    def test_an_unknown_parameter(self, everybody, request_):
        response = send(everybody, request_, path=f"{request_['path']}?unknown=1")
        assert response.status_code == 400, response.content

    @pytest.mark.parametrize("request_", described("401"))
    def test_a_stranger(self, request_):
        assert send(APIClient(), request_).status_code == 401

    @pytest.mark.parametrize("request_", described("403"))
    def test_somebody_without_a_role(self, site, request_):
        user = make_user(site, "uploader")
        RoleGrant.objects.filter(user=user).delete()
        status = send(client_of(user), request_).status_code
        for_everybody = {"models": 200, "report": 404}  # there is no model 7
        assert status == for_everybody.get(request_["path"].rsplit("/", 1)[1], 403)

    @pytest.mark.parametrize("request_", described("404"))
    def test_what_is_not_there(self, everybody, request_):
        assert send(everybody, request_).status_code == 404

    @pytest.mark.parametrize("request_", described("406"))
    def test_an_answer_that_nobody_can_give(self, everybody, request_):
        headers = {"Accept": "application/vnd.overread.v9+json"}
        assert send(everybody, request_, headers=headers).status_code == 406

    @pytest.mark.parametrize("request_", described("429"))
    def test_too_many(self, everybody, request_, settings):
        BUCKETS.clear()
        for scope in ("READS", "WRITES", "UPLOADS"):
            setattr(settings, f"OVERREAD_{scope}_A_MINUTE", 1)
        statuses = [send(everybody, request_).status_code for _ in range(2)]
        BUCKETS.clear()
        assert statuses[0] != 429
        assert statuses[1] == 429


def test_no_address_takes_a_patient(document):
    for path, _, operation in operations(document):
        names = [p["name"] for p in operation.get("parameters", []) if p["in"] != "header"]
        assert not PATIENT.search(path + " ".join(names)), path


def test_the_page_to_read_it_runs_no_inline_script(reader):
    for client in (APIClient(), client_of(reader)):
        response = client.get(f"{API}/docs/", headers={"Accept": "text/html"})
        assert response.status_code == 200
        page = response.content.decode()
        assert 'data-openapi="/api/v1/openapi.json"' in page
        assert not re.search(r"<style|style=|<script(?![^>]* src=)|\son\w+=", page)
        policy = response["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "script-src 'self'" in policy
        assert "img-src 'self' data:" in policy


def test_the_page_finds_its_files():
    from django.contrib.staticfiles import finders

    page = APIClient().get(f"{API}/docs/").content.decode()
    files = re.findall(r'(?:src|href)="/static/([^"?]+)\?v=', page)
    assert len(files) == 5
    assert [file for file in files if not finders.find(file)] == []


def longest(parameter):
    """Return how many bytes of an address the longest valid value of a parameter takes.

    A character outside of the basic plane is four bytes, and each of them ``%F0``.
    """
    schema = parameter["schema"]
    if "enum" in schema:
        return max(map(len, schema["enum"]))
    if schema["type"] == "integer":
        return 20
    if schema.get("format") in {"date-time", "date", "uuid"}:
        return 3 * 40
    return (3 if "pattern" in schema else 12) * schema["maxLength"]


def test_every_valid_address_fits_into_the_request_line(document):
    """What does not is answered by the HTTP server, and not as a problem document."""
    for path, verb, operation in operations(document):
        given = [p for p in operation.get("parameters", []) if p["in"] in {"path", "query"}]
        line = len(f"{verb} {path} HTTP/1.1\r\n") + sum(
            len(parameter["name"]) + 2 + longest(parameter) for parameter in given
        )
        assert line < gunicorn_conf.limit_request_line, (verb, path, line)
    assert gunicorn_conf.limit_request_line < 8 * 1024  # what nginx reads of one


def test_the_cursors_are_as_short_as_the_document_says():
    last = datetime.max.replace(tzinfo=UTC)
    longest_of_studies = f"{(last - _EPOCH) // _MICROSECOND}-{2**63 - 1}"
    assert len(longest_of_studies) <= PageQuery().fields["cursor"].max_length
