import pytest

from portal.predictions.version_services import deploy_model
from tests.factories import DISCLAIMER, make_model_version
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db


def models_for(user):
    response = client_of(user).get(f"{API}/models")
    assert response.status_code == 200
    return response.json()["models"]


def test_everyone_at_the_site_reads_what_the_machine_is(
    deployed, uploader, data_scientist, auditor
):
    for user in (uploader, data_scientist, auditor):
        (model,) = models_for(user)
        assert (model["name"], model["version"]) == (deployed.name, deployed.version)
        assert (model["threshold"], model["prevalence"]) == (0.5, 0.74)
        assert (model["disclaimer"], model["disclaimer_version"]) == (DISCLAIMER, "2026-1")
        assert (model["status"], model["weights_sha256"]) == ("live", deployed.weights_sha256)


def test_the_status_is_that_of_ones_own_site(site, other_site, uploader, other_reviewer):
    version = make_model_version()
    deploy_model(site=site, version=version)
    assert models_for(uploader)[0]["status"] == "live"
    (elsewhere,) = models_for(other_reviewer)
    assert (elsewhere["status"], elsewhere["since"]) == (None, None)


def test_metrics_and_intended_use_come_from_the_manifest(uploader):
    measured = {"val": {"auc": {"value": 0.97}}}
    make_model_version(measured=measured, intended_use={"age_years": [1, 5]})
    (model,) = models_for(uploader)
    assert model["metrics"] == measured
    assert model["intended_use"] == {"age_years": [1, 5]}


def test_the_newest_comes_first_and_few_queries_are_enough(uploader, django_assert_num_queries):
    for number in range(3):
        make_model_version(version=f"1.0.{number}")
    client = client_of(uploader)
    # of the token two; site, versions, history, proposals and cut-offs
    with django_assert_num_queries(7):
        found = client.get(f"{API}/models").json()["models"]
    assert [model["version"] for model in found] == ["1.0.2", "1.0.1", "1.0.0"]


def test_nobody_changes_a_model_here(deployed, data_scientist):
    for verb in ("post", "put", "patch", "delete"):
        response = getattr(client_of(data_scientist), verb)(f"{API}/models")
        refused(response, 405, "method_not_allowed")


def test_an_unknown_parameter_is_refused(uploader):
    refused(client_of(uploader).get(f"{API}/models?status=live"), 400, "malformed_request")
