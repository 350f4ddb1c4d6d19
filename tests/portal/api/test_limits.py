"""How fast a client may be: per token, per person, per kind of request."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from portal.api.limits import BUCKETS, PERSON, Buckets
from portal.audit.models import AuditEvent
from tests.factories import make_user
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limits(settings):
    settings.OVERREAD_READS_A_MINUTE = 4
    settings.OVERREAD_WRITES_A_MINUTE = 2
    settings.OVERREAD_UPLOADS_A_MINUTE = 1
    BUCKETS.clear()
    yield settings
    BUCKETS.clear()


def statuses(client, times: int, path: str = "models", verb: str = "get") -> list[int]:
    return [getattr(client, verb)(f"{API}/{path}").status_code for _ in range(times)]


def test_what_comes_too_fast_is_told_when_to_come_again(reader):
    client = client_of(reader)
    assert statuses(client, 4) == [200] * 4
    response = client.get(f"{API}/models")
    refused(response, 429, "too_many_requests")
    assert 1 <= int(response["Retry-After"]) <= 15


def test_reads_writes_and_uploads_are_counted_apart(site, reader, deployed):
    client = client_of(reader)
    assert statuses(client, 5)[-1] == 429
    assert statuses(client, 3, "worklist/next", "post") == [204, 204, 429]
    one = {"files": SimpleUploadedFile("a.dcm", b"")}
    upload = [client.post(f"{API}/uploads", one).status_code for _ in range(2)]
    assert upload == [422, 429]


def test_a_search_is_a_read(reader):
    client, words = client_of(reader), {"patient_id": "P"}
    for expected in [200] * 4 + [429]:
        response = client.post(f"{API}/studies/search", words, format="json")
        assert response.status_code == expected


def test_one_token_does_not_use_up_anothers_share(reader):
    first, second = client_of(reader), client_of(reader)
    assert statuses(first, 5)[-1] == 429
    assert statuses(second, 4) == [200] * 4


def test_a_person_with_many_tokens_has_a_limit_too(reader):
    answers = [status for _ in range(4) for status in statuses(client_of(reader), 4)]
    assert answers.count(200) == PERSON * 4


def test_one_person_does_not_use_up_anothers_share(site, reader):
    assert statuses(client_of(reader), 5)[-1] == 429
    assert statuses(client_of(make_user(site, "reader")), 4) == [200] * 4


def test_the_limit_is_divided_by_the_web_processes(reader, limits):
    limits.OVERREAD_WEB_WORKERS = 2
    assert statuses(client_of(reader), 3) == [200, 200, 429]
    BUCKETS.clear()
    limits.OVERREAD_WEB_WORKERS = 100
    assert statuses(client_of(reader), 2) == [200, 429]  # each process lets one through


def test_zero_is_no_limit(reader, limits):
    limits.OVERREAD_READS_A_MINUTE = 0
    assert statuses(client_of(reader), 20) == [200] * 20


def test_a_flood_is_in_the_trail_once_a_minute(reader):
    client = client_of(reader)
    assert statuses(client, 10).count(429) == 6
    (event,) = AuditEvent.objects.filter(action="request.limited")
    assert (event.actor, event.subject, event.outcome) == ("reader", "user:reader", "refused")


def test_the_body_of_a_refused_upload_is_not_read(uploader):
    from tests.portal.api.test_authentication import Untouchable

    client = client_of(uploader)
    client.post(f"{API}/uploads", {"files": SimpleUploadedFile("a.dcm", b"")})
    body = {
        "wsgi.input": Untouchable(),
        "CONTENT_LENGTH": "1000000",
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
    }
    refused(client.post(f"{API}/uploads", **body), 429, "too_many_requests")


class TestBuckets:
    def test_permits_come_back_at_an_even_pace(self):
        now = [100.0]
        buckets = Buckets(clock=lambda: now[0])
        assert [buckets.take({"a": 6}) for _ in range(6)] == [0] * 6
        assert buckets.take({"a": 6}) == pytest.approx(10)
        now[0] += 9
        assert buckets.take({"a": 6}) == pytest.approx(1)
        now[0] += 1
        assert buckets.take({"a": 6}) == 0
        now[0] += 3600
        assert [buckets.take({"a": 6}) for _ in range(7)].count(0) == 6  # never more than full

    def test_a_refusal_takes_nothing_from_either_bucket(self):
        buckets = Buckets(clock=lambda: 0.0)
        assert buckets.take({"token": 1, "person": 5}) == 0
        for _ in range(9):
            assert buckets.take({"token": 1, "person": 5}) == pytest.approx(60)
        assert [buckets.take({"person": 5}) for _ in range(5)].count(0) == 4

    def test_senders_of_long_ago_are_forgotten(self):
        now = [0.0]
        buckets = Buckets(clock=lambda: now[0])
        for number in range(10_000):
            buckets.take({str(number): 5})
        now[0] += 61
        buckets.take({"new": 5})
        assert len(buckets) == 1

    def test_threads_cannot_take_more_than_there_is(self):
        from concurrent.futures import ThreadPoolExecutor

        buckets = Buckets(clock=lambda: 0.0)
        with ThreadPoolExecutor(8) as pool:
            waits = list(pool.map(lambda _: buckets.take({"a": 50}), range(400)))
        assert waits.count(0) == 50
