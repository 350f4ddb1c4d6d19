"""The users page of a site administrator, and what it refuses."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from portal.accounts.models import User
from portal.accounts.people_services import (
    LastAdmin,
    NoLongerAdmin,
    change_roles,
    disable_user,
    enable_user,
    invite_user,
)
from portal.accounts.services import create_token
from portal.errors import InvalidInput
from tests.factories import PASSWORD, make_user
from tests.portal.web.pages import at, events, prose_of, text_of

pytestmark = pytest.mark.django_db
FRESH = "a quite different phrase 9"


@pytest.fixture
def admin(site_admin, as_):
    return as_(site_admin)


def invite(client, **changes):
    sent = {"username": "anna.ward", "name": "Dr Anna Ward", "roles": ["reader", "reviewer"]}
    return client.post(at("invite"), sent | changes)


def secret_in(response) -> str:
    return re.search(r'once__secret">([^<]+)<', text_of(response))[1]


def test_the_list_shows_the_people_of_the_site_alone(admin, reader, other_reviewer):
    create_token(user=reader, lasts=timedelta(days=1))
    page = prose_of(admin.get(at("users")))
    assert "Dr reader" in page
    assert "other_reviewer" not in page
    assert re.search(r"Dr reader reader Reader Active never 1", page)


def test_the_list_asks_the_database_no_more_for_more_people(
    admin, site, django_assert_max_num_queries
):
    for _ in range(8):
        make_user(site, "reader", "auditor")
    with django_assert_max_num_queries(12):
        admin.get(at("users"))


def test_an_administrator_alone_is_told_what_to_do(admin):
    assert "You are alone here so far" in prose_of(admin.get(at("users")))


def test_an_invitation_makes_an_account_and_shows_its_link_once(admin, client):
    response = invite(admin)
    link = urlsplit(secret_in(response)).path
    user = User.objects.get(username="anna.ward")
    assert (user.site.slug, user.roles) == ("demo", {"reader", "reviewer"})
    assert [e.actor for e in events("user.created")][-1] == "site_admin"
    made = events("user.link_made").get()
    assert (made.actor, made.subject) == ("site_admin", "user:anna.ward")
    assert made.detail["purpose"] == "invitation"
    token = link.rstrip("/").split("/")[-1]
    assert token not in f"{made.detail}{user.link_digest}"
    assert token not in text_of(admin.get(at("user", user.pk)))
    page = client.get(link, follow=True)
    form = {"new_password1": FRESH, "new_password2": FRESH}
    assert client.post(page.request["PATH_INFO"], form)["Location"] == at("sign-in")
    signed_in = client.post(at("sign-in"), {"username": "anna.ward", "password": FRESH})
    assert signed_in["Location"] == at("home")


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"username": "reader"}, 409, "already"),
        ({"username": "Anna Ward"}, 422, "lower-case"),
        ({"username": ""}, 422, "required"),
        ({"username": "a" * 151}, 422, "150"),
        ({"roles": []}, 422, "at least one role"),
        ({"roles": ["king"]}, 422, "not one of the available"),
    ],
)
def test_an_invitation_that_cannot_be_is_refused_beside_its_field(
    changes, status, said, admin, reader
):
    people = User.objects.count()
    response = invite(admin, **changes)
    assert response.status_code == status
    assert said in prose_of(response)
    assert "Dr Anna Ward" in text_of(response)
    assert User.objects.count() == people


def test_roles_are_changed_with_an_event_for_what_was_given_and_what_was_taken(admin, reader):
    response = admin.post(at("user-roles", reader.pk), {"roles": ["auditor"]}, follow=True)
    assert "roles are stored" in prose_of(response)
    assert User.objects.get(pk=reader.pk).roles == {"auditor"}
    assert events("role.granted").get().detail == {"roles": ["auditor"]}
    assert events("role.revoked").get().detail == {"roles": ["reader"]}
    assert events("role.revoked").get().actor == "site_admin"


@pytest.mark.parametrize(("roles", "status"), [([], 422), (["king"], 422), (["reader", "x"], 422)])
def test_roles_that_do_not_exist_change_nothing(roles, status, admin, reader):
    assert admin.post(at("user-roles", reader.pk), {"roles": roles}).status_code == status
    assert User.objects.get(pk=reader.pk).roles == {"reader"}
    assert not events("role.granted").exists()


def test_an_administrator_cannot_take_their_own_administration_away(admin, site, site_admin):
    make_user(site, "site_admin")
    for act, sent in (("user-roles", {"roles": ["auditor"]}), ("user-disable", {})):
        response = admin.post(at(act, site_admin.pk), sent)
        assert response.status_code == 409
        assert "another one must do it" in prose_of(response)
    assert admin.get(at("users")).status_code == 200
    assert "Disable the account" not in prose_of(admin.get(at("user", site_admin.pk)))


def test_an_administrator_may_take_another_role_and_signs_in_anew(admin, site_admin):
    admin.post(at("user-roles", site_admin.pk), {"roles": ["site_admin", "reader"]})
    assert User.objects.get(pk=site_admin.pk).roles == {"site_admin", "reader"}
    assert admin.get(at("users")).status_code == 302


def test_the_last_administrator_stays(site, site_admin):
    invited, _ = invite_user(username="never.came", name="", roles=["site_admin"], by=site_admin)
    assert not invited.has_usable_password()
    for act in (
        lambda: change_roles(user=site_admin, roles=["reader"], by=None),
        lambda: disable_user(user=site_admin, by=None),
    ):
        with pytest.raises(LastAdmin):
            act()
    assert User.objects.get(pk=site_admin.pk).roles == {"site_admin"}


def test_a_disabled_administrator_is_nobody_to_rely_on(site, site_admin):
    second = make_user(site, "site_admin")
    disable_user(user=second, by=site_admin)
    with pytest.raises(LastAdmin):
        disable_user(user=site_admin, by=None)


def test_the_administrator_of_another_site_does_not_count(site_admin, other_site):
    make_user(other_site, "site_admin")
    with pytest.raises(LastAdmin):
        disable_user(user=site_admin, by=None)


def test_who_is_no_administrator_any_more_changes_nothing(site, site_admin, reader):
    late = make_user(site, "site_admin")
    change_roles(user=late, roles=["reader"], by=site_admin)
    for act in (
        lambda: change_roles(user=reader, roles=["site_admin"], by=late),
        lambda: disable_user(user=reader, by=late),
        lambda: enable_user(user=reader, by=late),
        lambda: invite_user(username="x", name="", roles=["reader"], by=late),
    ):
        with pytest.raises(NoLongerAdmin):
            act()
    told = [(e.actor, e.subject, e.detail) for e in events("user.change_refused")]
    refused = {"code": "no_longer_admin"}
    assert told == [
        (late.username, f"user:{reader.username}", refused | {"act": "change roles"}),
        (late.username, f"user:{reader.username}", refused | {"act": "disable"}),
        (late.username, f"user:{reader.username}", refused | {"act": "enable"}),
        (late.username, f"user:{late.username}", refused | {"act": "invite"}),
    ]


def test_a_name_that_was_refused_is_not_in_the_trail(site_admin):
    with pytest.raises(InvalidInput):
        invite_user(username="Anna Ward, born 1981", name="", roles=["reader"], by=site_admin)
    (event,) = events("user.change_refused")
    assert (event.subject, event.detail["code"]) == ("user:site_admin", "invalid_input")
    assert "1981" not in str(event.detail)


def test_an_account_is_disabled_and_enabled(admin, reader, client):
    create_token(user=reader, lasts=timedelta(days=1))
    page = admin.post(at("user-disable", reader.pk), follow=True)
    assert "Enable the account" in prose_of(page)
    assert not AuthToken.objects.filter(user=reader).exists()
    sent = {"username": "reader", "password": PASSWORD}
    assert client.post(at("sign-in"), sent).status_code == 403
    admin.post(at("user-enable", reader.pk))
    assert client.post(at("sign-in"), sent).status_code == 302
    assert [e.detail for e in events("user.disabled")] == [{"tokens_revoked": 1}]
    assert events("user.enabled").count() == 1


def test_disabling_twice_is_one_event(reader, site_admin):
    disable_user(user=reader, by=site_admin)
    disable_user(user=reader, by=site_admin)
    enable_user(user=reader, by=site_admin)
    enable_user(user=reader, by=site_admin)
    assert (events("user.disabled").count(), events("user.enabled").count()) == (1, 1)


def test_a_disabled_person_gets_no_link(admin, reader):
    disable_user(user=reader, by=None)
    response = admin.post(at("user-link", reader.pk))
    assert response.status_code == 409
    assert "enable it first" in prose_of(response)


def test_a_reset_link_ends_sessions_and_tokens_when_it_is_used(admin, reader, client, as_):
    create_token(user=reader, lasts=timedelta(days=1))
    elsewhere = as_(reader)
    link = urlsplit(secret_in(admin.post(at("user-link", reader.pk)))).path
    assert events("user.link_made").get().detail["purpose"] == "reset"
    assert elsewhere.get(at("about")).status_code == 200
    page = client.get(link, follow=True)
    client.post(page.request["PATH_INFO"], {"new_password1": FRESH, "new_password2": FRESH})
    assert elsewhere.get(at("about")).status_code == 302
    assert not AuthToken.objects.filter(user=reader).exists()
    assert events("user.password_set").get().detail == {"by_link": True, "tokens_revoked": 1}


def test_sessions_of_a_person_are_ended(admin, reader, as_):
    away = as_(reader)
    assert "End it" in prose_of(admin.get(at("user", reader.pk)))
    admin.post(at("user-end-sessions", reader.pk))
    assert away.get(at("about")).status_code == 302
    ended = events("session.ended").get()
    assert (ended.actor, ended.detail["why"]) == ("site_admin", "ended")


def test_a_token_is_shown_once_and_later_by_its_beginning(admin, reader, client):
    response = admin.post(at("user-tokens", reader.pk), {"days": "30"})
    token = secret_in(response)
    headers = {"Authorization": f"Token {token}"}
    assert client.get("/api/v1/studies", headers=headers).status_code == 200
    page = text_of(admin.get(at("user", reader.pk)))
    key = AuthToken.objects.get().token_key
    assert key in page
    assert token not in page
    assert events("token.created").get().actor == "site_admin"
    admin.post(at("user-revoke-token", reader.pk), {"key": key})
    assert client.get("/api/v1/studies", headers=headers).status_code == 401
    revoked = events("token.revoked").get()
    assert (revoked.actor, revoked.detail) == ("site_admin", {"key": key})


def test_a_token_ends(admin, reader, client):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        token = secret_in(admin.post(at("user-tokens", reader.pk), {"days": "7"}))
        headers = {"Authorization": f"Token {token}"}
        clock.shift(timedelta(days=7, seconds=1))
        assert client.get("/api/v1/studies", headers=headers).status_code == 401


@pytest.mark.parametrize("days", ["", "0", "-1", "100000", "x"])
def test_a_token_without_a_sensible_end_is_refused(days, admin, reader):
    assert admin.post(at("user-tokens", reader.pk), {"days": days}).status_code == 422
    assert not AuthToken.objects.exists()


def test_a_token_of_somebody_else_is_not_revoked_by_a_wrong_page(admin, reader, auditor):
    create_token(user=auditor, lasts=timedelta(days=1))
    key = AuthToken.objects.get().token_key
    assert admin.post(at("user-revoke-token", reader.pk), {"key": key}).status_code == 404
    assert AuthToken.objects.exists()


def test_a_name_of_any_length_and_script_is_shown_as_text(admin, site, django_user_model):
    user = make_user(site, "reader")
    name = "<script>alert(1)</script>" + "Ü" * 120
    django_user_model.objects.filter(pk=user.pk).update(name=name)
    for page in (at("users"), at("user", user.pk)):
        assert "<script>alert" not in text_of(admin.get(page))


def test_an_act_reached_by_its_address_leads_to_the_person(admin, reader):
    assert admin.get(at("user-disable", reader.pk))["Location"] == at("user", reader.pk)


def test_ones_own_account_shows_sessions_and_tokens_and_ends_them(reader, as_):
    here, away = as_(reader), as_(reader)
    create_token(user=reader, lasts=timedelta(days=1))
    page = here.get(at("account"))
    assert prose_of(page).count("this one") == 1
    here.post(at("account-end-others"))
    assert away.get(at("about")).status_code == 302
    assert here.get(at("about")).status_code == 200
    here.post(at("account-revoke-token"), {"key": AuthToken.objects.get().token_key})
    assert not AuthToken.objects.exists()
    assert events("token.revoked").get().actor == "reader"


def test_one_session_of_ones_own_is_ended(reader, as_):
    here, away = as_(reader), as_(reader)
    number = reader.sessions.exclude(pk=here.session.session_key).get().number
    page = here.post(at("account-end-session", number), follow=True)
    assert "That session has ended" in prose_of(page)
    assert away.get(at("about")).status_code == 302


def test_a_session_says_from_where_it_is(reader):
    client = Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Gecko Firefox/140.0"})
    client.post(at("sign-in"), {"username": "reader", "password": PASSWORD})
    session = reader.sessions.get()
    assert (session.browser, session.address) == ("Firefox on Linux", "127.0.0.1")
