import pytest

from tests.factories import make_model_version
from tests.portal.api.people import API, client_of, refused
from tests.reports import document, make_report, pictures

pytestmark = pytest.mark.django_db


@pytest.fixture
def reported(model_version):
    make_report(model_version)
    return model_version


def test_everyone_at_the_site_reads_what_was_measured(reported, uploader, auditor):
    for user in (uploader, auditor):
        response = client_of(user).get(f"{API}/models/{reported.pk}/report")
        assert response.status_code == 200
        answer = response.json()
        assert answer["report"] == document()
        assert (answer["model"], answer["model_id"]) == (str(reported), reported.pk)
        assert answer["weights_sha256"] == reported.weights_sha256
        assert [one["name"] for one in answer["pictures"]] == sorted(pictures())


def test_the_links_lead_to_the_pictures_whatever_is_accepted(reported, uploader):
    client = client_of(uploader)
    for one in client.get(f"{API}/models/{reported.pk}/report").json()["pictures"]:
        for accept in ("image/png", "application/json", "text/csv"):
            response = client.get(one["url"], headers={"Accept": accept})
            assert response.content == pictures()[one["name"]]
        assert response["ETag"] == f'"{one["sha256"]}"'
        again = client.get(one["url"], headers={"If-None-Match": response["ETag"]})
        assert again.status_code == 304


def test_the_list_says_which_versions_have_one(reported, uploader):
    bare = make_model_version(version="9.0.0")
    models = client_of(uploader).get(f"{API}/models").json()["models"]
    links = {one["id"]: one["report"] for one in models}
    assert links == {reported.pk: f"{API}/models/{reported.pk}/report", bare.pk: None}


def test_what_is_not_there_is_said(reported, uploader):
    bare, client = make_model_version(version="9.0.0"), client_of(uploader)
    refused(client.get(f"{API}/models/{bare.pk}/report"), 404, "no_such_report")
    refused(client.get(f"{API}/models/{bare.pk}/pictures/network.png"), 404, "no_such_report")
    refused(client.get(f"{API}/models/{reported.pk}/pictures/x.png"), 404, "no_such_report")
    refused(client.get(f"{API}/models/99999/report"), 404, "no_such_model")
    refused(client.get(f"{API}/models/{reported.pk}/report?x=1"), 400, "malformed_request")


def test_nobody_changes_one(reported, data_scientist):
    for verb in ("post", "put", "patch", "delete"):
        response = getattr(client_of(data_scientist), verb)(f"{API}/models/{reported.pk}/report")
        refused(response, 405, "method_not_allowed")


@pytest.mark.parametrize("path", ["report", "pictures/network.png"])
def test_a_stranger_reads_nothing(reported, client, path):
    response = client.get(f"{API}/models/{reported.pk}/{path}")
    assert response.status_code == 401
