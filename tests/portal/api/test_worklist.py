"""The worklist over REST: next, release, and who has what."""

import pytest

from portal.audit.models import AuditEvent
from portal.reviews.models import StudyLease
from tests.factories import make_study, make_user, scored_study
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db
NEXT = f"{API}/worklist/next"


def release(study) -> str:
    return f"{API}/worklist/{study}/release"


def test_the_next_study_is_yours_until_then(site, reviewer):
    study = make_study(site)
    response = client_of(reviewer).post(NEXT)
    assert response.status_code == 200
    body = response.json()
    assert (body["study_instance_uid"], body["held_by"]) == (str(study), "Dr reviewer")
    seconds = (StudyLease.objects.get().until - study.received_at).total_seconds()
    assert 895 <= seconds <= 960
    assert body["held_until"].endswith("Z")


def test_nothing_waits_is_204(site, reviewer):
    response = client_of(reviewer).post(NEXT)
    assert (response.status_code, response.content) == (204, b"")
    assert not AuditEvent.objects.filter(action="worklist.taken").exists()


def test_the_list_says_who_has_what(site, reviewer, uploader):
    scored_study(site, by=uploader)
    client_of(reviewer).post(NEXT)
    for user in (reviewer, uploader):
        (row,) = client_of(user).get(f"{API}/studies").json()["studies"]
        assert row["held_by"] == "Dr reviewer"
        assert row["held_until"]
    assert client_of(reviewer).post(release(row["study_instance_uid"])).status_code == 204
    (row,) = client_of(reviewer).get(f"{API}/studies").json()["studies"]
    assert (row["held_by"], row["held_until"]) == (None, None)


def test_what_a_colleague_has_cannot_be_released(site, reviewer):
    study = make_study(site)
    client_of(make_user(site, "reader")).post(NEXT)
    refused(client_of(reviewer).post(release(study)), 409, "held_by_another")


def test_releasing_twice_is_the_same_as_once(site, reviewer):
    study, client = make_study(site), client_of(reviewer)
    client.post(NEXT)
    assert [client.post(release(study)).status_code for _ in range(2)] == [204, 204]
    assert AuditEvent.objects.filter(action="worklist.released").count() == 1


def test_another_sites_study_cannot_be_released(site, other_reviewer):
    refused(client_of(other_reviewer).post(release(make_study(site))), 404, "no_such_study")


@pytest.mark.parametrize("path", [NEXT, f"{API}/worklist/1.2.3/release"])
def test_a_parameter_is_refused(reviewer, path):
    refused(client_of(reviewer).post(f"{path}?limit=1"), 400, "malformed_request")
