import pytest

from tests.factories import make_instance, make_study, scored_study
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db
URL = f"{API}/changes"


def test_a_client_comes_back_with_the_cursor(site, reader):
    client, study = client_of(reader), scored_study(site)
    body = client.get(URL).json()
    assert [change["kind"] for change in body["changes"]] == [
        "instance.received", "prediction.requested", "prediction.completed",
    ]  # fmt: skip
    assert body["changes"][2].keys() == {
        "kind", "at", "study_instance_uid", "sop_instance_uid", "prediction", "review",
    }  # fmt: skip
    assert body["changes"][0]["prediction"] is None
    assert body["more"] is False
    again = client.get(f"{URL}?cursor={body['cursor']}").json()
    assert (again["changes"], again["cursor"]) == ([], body["cursor"])
    scored_study(site)
    page = client.get(f"{URL}?cursor={body['cursor']}&limit=2").json()
    assert len(page["changes"]) == 2
    assert page["more"] is True
    last = client.get(f"{URL}?cursor={page['cursor']}&limit=2").json()
    assert [change["kind"] for change in last["changes"]] == ["prediction.completed"]
    assert str(study) not in str(last)


@pytest.mark.parametrize(
    "query",
    ["cursor=x", "cursor=-1", "cursor=", "cursor=1.5", "limit=0", "limit=1001", "kind=x",
     "cursor=1&cursor=2", "cursor=%D9%A1", f"cursor={10**18}"],
)  # fmt: skip
def test_a_bad_query_is_refused(reader, query):
    refused(client_of(reader).get(f"{URL}?{query}"), 400, "malformed_request")


def test_a_cursor_that_is_ahead_is_a_conflict(reader):
    refused(client_of(reader).get(f"{URL}?cursor={10**17}"), 409, "cursor_ahead")


def test_it_names_no_patient_and_a_poll_is_not_an_event(site, reader):
    from portal.audit.models import AuditEvent

    study = make_study(site, patient_name="Canary^Ada")
    make_instance(study)
    client = client_of(reader)
    before = AuditEvent.objects.count()
    text = client.get(URL).content.decode()
    assert "Canary" not in text
    assert study.patient_id not in text
    assert AuditEvent.objects.count() == before


def test_it_takes_as_many_queries_however_much_changed(site, reader, django_assert_max_num_queries):
    client = client_of(reader)
    for _ in range(2):
        for _ in range(3):
            scored_study(site)
        with django_assert_max_num_queries(9):
            client.get(URL)
