from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from portal.audit.models import AuditEvent
from portal.audit.services import SYSTEM, Action, record_alone
from portal.studies.models import Study
from tests.factories import make_study, make_user, scored_study
from tests.portal.conftest import drop_triggers
from tests.portal.web.pages import at, events, prose_of, text_of

pytestmark = pytest.mark.django_db


def test_the_newest_event_comes_first_and_is_the_reading_itself(site, auditor, as_):
    scored_study(site)
    response = as_(auditor).get(at("audit"))
    shown = list(response.context["page"].object_list)
    assert [event.seq for event in shown] == sorted((e.seq for e in shown), reverse=True)
    assert (shown[0].action, shown[0].actor) == ("audit.read", "auditor")


def test_every_page_that_is_read_is_an_event(auditor, as_):
    client = as_(auditor)
    client.get(at("audit"))
    client.get(at("audit"), {"actor": "x"})
    assert [event.detail["filters"] for event in events("audit.read")] == [[], ["actor"]]


def test_another_sites_chain_cannot_be_read(other_site, auditor, as_):
    scored_study(other_site)
    response = as_(auditor).get(at("audit"), {"chain": other_site.slug})
    assert response.status_code == 422
    assert {event.chain for event in response.context["page"].object_list} == {"demo"}


def test_the_systems_chain_can_be_read(auditor, model_version, as_):
    response = as_(auditor).get(at("audit"), {"chain": SYSTEM})
    assert "model.registered" in prose_of(response)


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({"action": "instance.received"}, {"instance.received"}),
        ({"actor": "AUDITO", "action": "audit.read"}, {"audit.read"}),
        ({"subject": "user:aud"}, {"user.created"}),
        ({"action": "review.signed"}, set()),
    ],
)
def test_filters_narrow_the_trail(chosen, found, site, auditor, as_):
    scored_study(site)
    response = as_(auditor).get(at("audit"), chosen)
    assert {event.action for event in response.context["page"].object_list} == found
    if not found:
        assert "No event fits" in prose_of(response)


def test_fifty_events_make_a_page(site, auditor, as_):
    for number in range(60):
        record_alone(Action.STUDY_OPENED, chain=site.slug, subject=f"study:{number}", by=auditor)
    client = as_(auditor)
    first = client.get(at("audit"), {"action": "study.opened"})
    assert len(first.context["page"].object_list) == 50
    assert "action=study.opened&amp;page=2" in text_of(first)
    second = client.get(at("audit"), {"action": "study.opened", "page": "2"})
    assert len(second.context["page"].object_list) == 10


def test_an_intact_chain_is_said_to_be_intact(site, auditor, as_):
    scored_study(site)
    response = as_(auditor).post(at("audit-verify"), {"chain": site.slug})
    assert "Intact." in prose_of(response)
    (event,) = events("audit.verified")
    assert (event.actor, event.detail["intact"]) == ("auditor", True)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="drops the triggers of SQLite")
def test_the_first_bad_event_is_named(site, auditor, as_):
    scored_study(site)
    bad = AuditEvent.objects.filter(chain=site.slug).order_by("seq")[1]
    with connection.cursor() as cursor:
        drop_triggers(cursor)
        cursor.execute("UPDATE audit_auditevent SET actor = 'mallory' WHERE id = %s", [bad.pk])
    response = as_(auditor).post(at("audit-verify"), {"chain": site.slug})
    assert f"is number {bad.seq}: its content was changed" in prose_of(response).replace(" :", ":")
    assert "Intact." not in prose_of(response)
    assert events("audit.verified").get().detail["intact"] is False


def test_what_an_event_holds_cannot_break_out_of_the_page(site, auditor, as_):
    record_alone(
        Action.UPLOAD_REFUSED,
        chain=site.slug,
        subject="<script>alert(1)</script>",
        by=None,
        found=["<img src=x>", 1],
    )
    html = text_of(as_(auditor).get(at("audit")))
    assert "<script>alert" not in html
    assert "&lt;img src=x&gt;, 1" in html


@pytest.fixture
def looked(site, other_site, auditor, monkeypatch):
    """A patient whom two people saw in March and one in April, and others who are not that one."""
    study = make_study(site, patient_id="PAT-7")
    people = {name: make_user(site, "reader", username=name) for name in ("anna", "bert", "carl")}
    other, abroad = (
        make_study(site, patient_id="PAT-70"),
        make_study(other_site, patient_id="PAT-7"),
    )
    stranger = make_user(other_site, "reader")
    for name, day in (("anna", 3), ("anna", 5), ("bert", 31), ("carl", 32)):
        at_noon = datetime(2026, 2, 28, 12, tzinfo=UTC) + timedelta(days=day)
        with monkeypatch.context() as clock:
            clock.setattr("portal.audit.services.timezone.now", lambda at_noon=at_noon: at_noon)
            opened(study, people[name])
            opened(other, auditor)
            opened(abroad, stranger)
    return study


def opened(study, by):
    chain = study.site.slug
    record_alone(Action.STUDY_OPENED, chain=chain, subject=f"study:{study}", by=by)


MARCH = {"patient": "PAT-7", "first": "2026-03-01", "last": "2026-03-31"}


def test_who_saw_a_patient_in_march_is_answered_without_the_id_in_a_url(looked, auditor, as_):
    response = as_(auditor).post(at("audit"), MARCH)
    assert response.status_code == 200
    assert [(one["actor"], one["looks"]) for one in response.context["lookers"]] == [
        ("bert", 1), ("anna", 2),
    ]  # fmt: skip
    shown = response.context["page"].object_list
    assert {event.subject for event in shown} == {f"study:{looked}"}
    assert len(shown) == 3
    event = events("audit.read").get()
    assert event.detail["filters"] == ["patient", "first", "last"]
    assert "PAT-7" not in str(event.detail) + event.subject


def test_images_and_predictions_of_the_patient_are_found_too(site, auditor, as_):
    scored_study(site)
    named = Study.objects.get().patient_id
    response = as_(auditor).post(at("audit"), {"patient": named})
    kinds = {event.subject.split(":")[0] for event in response.context["page"].object_list}
    assert {"instance", "prediction"} <= kinds
    assert "Nobody looked at a study of this patient" in prose_of(response)


@pytest.mark.parametrize(
    "asked", [{"patient": ""}, MARCH | {"last": "2026-02-01"}, MARCH | {"first": "x"}]
)
def test_a_question_that_is_none_finds_nothing(asked, site, auditor, as_):
    scored_study(site)
    response = as_(auditor).post(at("audit"), asked)
    assert response.status_code == 422
    assert not response.context["page"].object_list


def test_the_id_in_an_address_is_not_looked_at(site, auditor, as_):
    scored_study(site)
    response = as_(auditor).get(at("audit"), {"patient": Study.objects.get().patient_id})
    assert not response.context["patient"].is_bound
    assert events("audit.read").get().detail["filters"] == []


def test_days_narrow_the_trail(looked, auditor, as_):
    days = {"first": "2026-03-31", "last": "2026-03-31"}
    shown = as_(auditor).get(at("audit"), days).context["page"].object_list
    assert {event.actor for event in shown} == {"bert", "auditor"}


def test_many_events_of_a_patient_have_pages(site, auditor, as_):
    study = make_study(site, patient_id="PAT-7")
    for _ in range(60):
        record_alone(Action.STUDY_OPENED, chain=site.slug, subject=f"study:{study}", by=auditor)
    second = as_(auditor).post(at("audit"), {"patient": "PAT-7", "page": "2"})
    assert len(second.context["page"].object_list) == 10
    assert b'name="patient" value="PAT-7"' in second.content
