"""``GET predictions/{id}/map``."""

import pytest

from portal.audit.models import AuditEvent
from portal.predictions.models import Prediction
from tests.factories import mapped_prediction, scored_study
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db


def looked():
    return AuditEvent.objects.filter(action="image.viewed")


@pytest.mark.parametrize("accept", ["image/png", "application/json", "text/csv"])
def test_the_link_leads_to_the_map_whatever_is_accepted(accept, site, reader):
    prediction = mapped_prediction(site)
    client = client_of(reader)
    link = client.get(f"{API}/predictions/{prediction.pk}").json()["map"]
    assert link == f"{API}/predictions/{prediction.pk}/map"
    response = client.get(link, headers={"Accept": accept})
    assert response.content == bytes(prediction.map_png)
    assert (response["Content-Type"], response["Cache-Control"]) == ("image/png", "no-store")
    assert [event.actor for event in looked()] == ["reader"]


def test_where_there_is_none_the_link_is_null_and_nothing_is_recorded(site, reader):
    scored_study(site)
    prediction, client = Prediction.objects.get(), client_of(reader)
    assert client.get(f"{API}/predictions/{prediction.pk}").json()["map"] is None
    refused(client.get(f"{API}/predictions/{prediction.pk}/map"), 404, "no_such_map")
    assert not looked().exists()


def test_another_sites_map_does_not_exist(other_site, reader, uploader):
    abroad = mapped_prediction(other_site)
    for user in (reader, uploader):
        response = client_of(user).get(f"{API}/predictions/{abroad.pk}/map")
        refused(response, 404, "no_such_prediction")
    assert not looked().exists()


def test_a_parameter_is_refused(site, reader):
    prediction = mapped_prediction(site)
    refused(
        client_of(reader).get(f"{API}/predictions/{prediction.pk}/map?x=1"),
        400,
        "malformed_request",
    )


def test_a_stranger_sees_nothing(site, client):
    assert client.get(f"{API}/predictions/{mapped_prediction(site).pk}/map").status_code == 401
