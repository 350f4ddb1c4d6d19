"""What prolongs a session, what ends it, and that the trail says why."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from portal.accounts.link_services import make_link
from portal.accounts.models import Attempts, Session, User
from portal.accounts.people_services import change_roles, disable_user, enable_user
from portal.accounts.selectors import sessions_of
from portal.accounts.services import create_token, set_password
from portal.accounts.session_services import end_everything_temporary, end_expired_sessions
from portal.accounts.throttle_services import PER_NAME, Guess, take_guesses
from portal.audit.models import AuditEvent
from tests.factories import make_user
from tests.portal.web.pages import at

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def browser(reader, clock) -> Client:
    client = Client()
    client.force_login(reader)
    return client


def is_in(client) -> bool:
    return client.get(at("about")).status_code == 200


def ended() -> list[str]:
    events = AuditEvent.objects.filter(action="session.ended").order_by("seq")
    return [event.detail["why"] for event in events]


def test_a_session_ends_after_a_quarter_of_an_hour_without_its_person(browser, clock):
    clock.shift(14 * MINUTE)
    assert is_in(browser)
    clock.shift(14 * MINUTE)
    assert is_in(browser)
    clock.shift(15 * MINUTE)
    assert not is_in(browser)


def test_a_session_ends_after_eight_hours_whatever_its_person_does(browser, clock):
    for _ in range(47):
        clock.shift(10 * MINUTE)
        assert is_in(browser)
    clock.shift(10 * MINUTE)
    assert not is_in(browser)


def test_the_settings_say_how_long(browser, clock, settings):
    settings.OVERREAD_SESSION_IDLE_MINUTES = 30
    clock.shift(2 * MINUTE)
    assert is_in(browser)
    clock.shift(29 * MINUTE)
    assert is_in(browser)


@pytest.mark.parametrize("poll", ["worklist-rows"])
def test_an_open_page_that_polls_does_not_prolong_the_session(browser, clock, poll):
    for _ in range(7):
        clock.shift(2 * MINUTE)
        assert browser.post(at(poll), headers={"HX-Request": "true"}).status_code == 200
    clock.shift(MINUTE)
    assert browser.post(at(poll)).status_code == 302


def test_a_poll_that_stores_something_does_not_prolong_the_session_either(browser, clock):
    clock.shift(10 * MINUTE)
    assert browser.post(at("worklist-rows"), {"words": "P1"}).status_code == 200
    assert "searched" in browser.session
    clock.shift(5 * MINUTE)
    assert not is_in(browser)


def test_a_page_that_says_its_person_is_there_prolongs_the_session(browser, clock):
    for _ in range(3):
        clock.shift(10 * MINUTE)
        assert browser.post(at("still-here")).status_code == 204


def test_activity_is_written_at_most_once_a_minute(browser, clock, django_assert_num_queries):
    first = Session.objects.get().seen_at
    for _ in range(3):
        clock.shift(timedelta(seconds=19))
        is_in(browser)
    assert Session.objects.get().seen_at == first
    clock.shift(timedelta(seconds=19))
    is_in(browser)
    assert Session.objects.get().seen_at == timezone.now()


def test_a_clock_that_was_put_back_does_not_stop_the_counting(browser, clock):
    clock.shift(-5 * MINUTE)
    assert is_in(browser)
    clock.shift(16 * MINUTE)
    assert not is_in(browser)


def test_signing_in_again_begins_a_new_time_and_another_key(reader, clock):
    client = Client()
    client.force_login(reader)
    key = client.session.session_key
    clock.shift(10 * MINUTE)
    client.post(at("sign-out"))
    client.force_login(reader)
    session = Session.objects.get(user=reader)
    assert session.started_at == timezone.now()
    assert session.session_key != key


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (lambda u, a: change_roles(user=u, roles=["auditor"], by=a), "roles_changed"),
        (lambda u, a: set_password(user=u, password="another horse 8 battery"), "password_changed"),
        (lambda u, a: disable_user(user=u, by=a), "disabled"),
    ],
)
def test_these_end_every_session_at_once(browser, reader, site_admin, act, why):
    elsewhere = Client()
    elsewhere.force_login(reader)
    act(reader, site_admin)
    assert not is_in(browser)
    assert not is_in(elsewhere)
    assert ended() == [why]
    assert AuditEvent.objects.get(action="session.ended").detail["sessions"] == 2


def test_the_same_roles_again_end_nothing(browser, reader, site_admin):
    change_roles(user=reader, roles=["reader"], by=site_admin)
    assert is_in(browser)
    assert ended() == []


def test_an_ended_session_is_not_revived_by_a_request_that_was_on_its_way(browser, reader):
    store = browser.session
    store["word"] = "late"
    disable_user(user=reader, by=None)
    from django.contrib.sessions.backends.base import UpdateError

    with pytest.raises(UpdateError):
        store.save()
    assert not Session.objects.filter(user=reader).exists()


def test_tokens_of_a_disabled_person_open_nothing_and_do_not_come_back(reader, site_admin, client):
    token = create_token(user=reader, lasts=timedelta(days=1))
    headers = {"Authorization": f"Token {token}"}
    assert client.get("/api/v1/studies", headers=headers).status_code == 200
    disable_user(user=reader, by=site_admin)
    assert client.get("/api/v1/studies", headers=headers).status_code == 401
    enable_user(user=reader, by=site_admin)
    assert client.get("/api/v1/studies", headers=headers).status_code == 401


def test_tokens_outlive_a_change_of_ones_own_password(reader, client):
    token = create_token(user=reader, lasts=timedelta(days=1))
    set_password(user=reader, password="another horse 8 battery")
    headers = {"Authorization": f"Token {token}"}
    assert client.get("/api/v1/studies", headers=headers).status_code == 200


def test_a_token_does_not_survive_the_roles_it_was_made_under(reader, site_admin, client):
    token = create_token(user=reader, lasts=timedelta(days=1))
    change_roles(user=reader, roles=["auditor"], by=site_admin)
    headers = {"Authorization": f"Token {token}"}
    assert client.get("/api/v1/studies", headers=headers).status_code == 403


def test_expired_sessions_are_removed_and_the_trail_says_why_once(reader, auditor, clock):
    idle, busy, stranger = Client(), Client(), Client()
    idle.force_login(reader)
    busy.force_login(auditor)
    stranger.session.save()
    for _ in range(48):
        clock.shift(10 * MINUTE)
        is_in(busy)
    end_expired_sessions()
    end_expired_sessions()
    assert not Session.objects.exists()
    assert sorted(ended()) == ["idle", "too_long"]
    told = AuditEvent.objects.filter(action="session.ended")
    assert {event.actor for event in told} == {""}
    assert {event.subject for event in told} == {"user:reader", "user:auditor"}


def test_after_a_restore_nobody_is_signed_in_no_link_works_and_no_guess_counts(
    browser, reader, auditor
):
    twice = Client()
    twice.force_login(reader)
    twice.session.save()
    Client().session.save()
    make_link(user=auditor)
    take_guesses(Guess(PER_NAME, "reader"))
    end_everything_temporary()
    assert not is_in(browser)
    assert ended() == ["restored"]
    assert AuditEvent.objects.get(action="session.ended").detail["sessions"] == 2
    linked = User.objects.get(pk=auditor.pk)
    assert (linked.link_digest, linked.link_expires_at) == ("", None)
    assert not Session.objects.exists()
    assert not Attempts.objects.exists()


def test_living_sessions_are_left_alone(browser, reader):
    end_expired_sessions()
    assert [session.user for session in sessions_of(reader)] == [reader]


def test_a_session_shows_nothing_that_opens_it(browser, reader):
    page = browser.get(at("account")).content.decode()
    session = sessions_of(reader).get()
    assert session.session_key not in page
    assert User.objects.get(pk=reader.pk).password not in page


def test_sessions_of_another_person_cannot_be_ended(browser, site):
    other = make_user(site, "reader")
    away = Client()
    away.force_login(other)
    number = sessions_of(other).get().number
    assert browser.post(at("account-end-session", number)).status_code == 404
    assert is_in(away)
