import pytest
from django.db import connection

from portal.accounts.roles import Role
from portal.audit.models import AuditEvent
from tests.factories import make_user, scored_study
from tests.portal.api.people import API, client_of, refused

pytestmark = pytest.mark.django_db


def events_for(user, query=""):
    response = client_of(user).get(f"{API}/audit/events{query}")
    assert response.status_code == 200, response.content
    return response.json()


def test_an_auditor_reads_the_trail_of_the_site_newest_first(site, other_site, auditor):
    scored_study(site)
    scored_study(other_site)
    body = events_for(auditor)
    assert body["chain"] == "demo"
    numbers = [event["seq"] for event in body["events"]]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] == 1
    stored = AuditEvent.objects.get(chain="demo", seq=numbers[0])
    shown = body["events"][0]
    assert (shown["digest"], shown["action"]) == (stored.digest, stored.action)


def test_the_other_sites_auditor_sees_nothing_of_it(site, other_site):
    scored_study(site)
    other_auditor = make_user(other_site, "auditor")
    body = events_for(other_auditor)
    assert body["chain"] == "other"
    assert not [e for e in body["events"] if e["action"].startswith("prediction")]


@pytest.mark.parametrize("role", [role for role in Role.values if role != "auditor"])
def test_nobody_else_reads_it(site, role):
    client = client_of(make_user(site, role))
    for path in ("events", "verify"):
        refused(client.get(f"{API}/audit/{path}"), 403, "forbidden")
    assert not AuditEvent.objects.filter(action__startswith="audit.").exists()


def test_reading_the_trail_is_in_the_trail(auditor):
    events_for(auditor, "?action=user.created&actor=auditor")
    event = AuditEvent.objects.get(action="audit.read")
    assert event.actor == "auditor"
    assert event.detail == {"filters": {"action": "user.created", "actor": "auditor"}}


def test_the_trail_can_be_narrowed_and_paged(site, auditor):
    study = scored_study(site)
    client = client_of(auditor)
    client.get(f"{API}/audit/events")
    asked = client.get(f"{API}/audit/events", {"actor": "auditor", "action": "audit.read"})
    assert {event["actor"] for event in asked.json()["events"]} == {"auditor"}
    instance = study.series.get().instances.get()
    about = client.get(f"{API}/audit/events", {"subject": f"instance:{instance}"})
    assert [event["action"] for event in about.json()["events"]] == ["instance.received"]
    cursor, seen = "", []
    while cursor is not None:
        page = client.get(f"{API}/audit/events?limit=2{cursor}&action=user.created").json()
        seen += [event["seq"] for event in page["events"]]
        cursor = page["next"] and f"&cursor={page['next']}"
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == AuditEvent.objects.filter(chain="demo", action="user.created").count()


@pytest.mark.parametrize(
    "query", ["action=nonsense", "cursor=x", "limit=0", "chain=other", "actor=%00", "seq=1"]
)
def test_a_bad_query_is_refused(auditor, query):
    refused(client_of(auditor).get(f"{API}/audit/events?{query}"), 400, "malformed_request")


def test_an_intact_trail_is_said_to_be_so(site, auditor):
    scored_study(site)
    count = AuditEvent.objects.filter(chain="demo").count()
    client = client_of(auditor)  # the token is an event too
    body = client.get(f"{API}/audit/verify").json()
    expected = {"chain": "demo", "intact": True, "events": count + 1, "seq": None, "problem": None}
    assert body == expected
    event = AuditEvent.objects.get(action="audit.verified")
    assert (event.actor, event.detail) == ("auditor", {"intact": True})


def test_an_edited_event_is_named(site, auditor):
    scored_study(site)
    drop = {
        "sqlite": "DROP TRIGGER audit_auditevent_no_update",
        "postgresql": "ALTER TABLE audit_auditevent DISABLE TRIGGER USER",
    }
    with connection.cursor() as cursor:
        cursor.execute(drop[connection.vendor])
        cursor.execute("UPDATE audit_auditevent SET actor='mallory' WHERE chain='demo' AND seq=2")
    body = client_of(auditor).get(f"{API}/audit/verify").json()
    assert (body["intact"], body["seq"]) == (False, 2)
    assert "changed" in body["problem"]
