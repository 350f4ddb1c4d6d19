"""The OpenAPI document is complete, and says what the resolver has."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from portal.api import urls
from tests.portal.api.people import API, client_of

pytestmark = pytest.mark.django_db
UNDESCRIBED = {None, "openapi", "docs"}  # the last route, and those that describe the others
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


def test_every_route_is_in_it(document):
    named = [pattern.name for pattern in urls.urlpatterns if pattern.name not in UNDESCRIBED]
    assert len(operations(document)) == len(named)


def test_every_operation_says_all_there_is_to_say(document):
    for path, verb, operation in operations(document):
        where = f"{verb} {path}"
        assert operation["summary"], where
        assert operation["operationId"], where
        assert operation["security"] == [{"token": []}, {"cookieAuth": []}], where
        good = {code for code in operation["responses"] if code < "400"}
        assert len(good) == 1, where
        assert {"400", "401", "403", "406"} <= set(operation["responses"]), where
        assert (verb == "post") == ("requestBody" in operation), where
        for code, response in operation["responses"].items():
            kind = "application/json" if code in good else "application/problem+json"
            assert list(response["content"]) == [kind], f"{where} {code}"
            assert response["content"][kind]["schema"], f"{where} {code}"
            assert response["content"][kind]["examples"], f"{where} {code}"


def test_the_examples_have_the_shape_that_they_show(document):
    schemas = document["components"]["schemas"]
    for path, verb, operation in operations(document):
        code = min(operation["responses"])
        media = operation["responses"][code]["content"]["application/json"]
        name = media["schema"]["$ref"].rsplit("/", 1)[1]
        (example,) = media["examples"].values()
        assert_shape(example["value"], schemas[name], schemas, f"{verb} {path}")


def assert_shape(value, schema, schemas, where):
    """Compare names only: types are the serializers' own business."""
    if value is None:
        return
    while "$ref" in schema or "allOf" in schema:
        ref = schema.get("$ref") or schema["allOf"][0]["$ref"]
        schema = schemas[ref.rsplit("/", 1)[1]]
    if schema.get("type") == "array":
        for item in value:
            assert_shape(item, schema["items"], schemas, where)
    elif "properties" in schema:
        assert set(value) == set(schema["properties"]), where
        for name, member in schema["properties"].items():
            assert_shape(value[name], member, schemas, f"{where} {name}")


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
