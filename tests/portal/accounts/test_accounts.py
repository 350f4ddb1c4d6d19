import threading
from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import check_password, identify_hasher
from django.db import IntegrityError, transaction
from knox.models import AuthToken

from portal.accounts.hashers import _AT_ONCE, BoundedArgon2
from portal.accounts.models import RoleGrant, Site, User
from portal.accounts.selectors import NoSuchSite, NoSuchUser, site_named, user_named
from portal.accounts.services import (
    PasswordTooWeak,
    PasswordWrong,
    SiteExists,
    UserExists,
    confirm_password,
    create_site,
    create_token,
    create_user,
    set_password,
)
from portal.accounts.sign_in_services import (
    record_refused_sign_in,
    record_sign_in,
    record_sign_out,
)
from portal.audit.models import AuditEvent
from portal.errors import InvalidInput
from tests.factories import PASSWORD, make_user


def last_event(chain: str = "demo") -> AuditEvent:
    return AuditEvent.objects.filter(chain=chain).latest("seq")


def test_a_new_site_opens_its_own_chain(db):
    create_site(slug="north-1", name="North")
    event = last_event("north-1")
    assert (event.seq, event.action, event.subject) == (1, "site.created", "site:north-1")


def test_a_site_is_not_made_twice(site):
    with pytest.raises(SiteExists):
        create_site(slug="demo", name="Again")


@pytest.mark.parametrize("slug", ["", "North", "a b", "ä", "system", "-x", "a" * 41, "a\n", "a_b"])
def test_a_slug_that_is_not_plain_is_refused(db, slug):
    with pytest.raises(InvalidInput):
        create_site(slug=slug, name="North")
    assert not Site.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("slug", ["North", "a b", "system", "-x", "a\n"])
def test_the_database_refuses_the_slug_too(db, slug):
    with pytest.raises(IntegrityError), transaction.atomic():
        Site.objects.create(slug=slug, name="North")


def test_a_new_user_has_roles_a_password_and_an_event(site):
    user = create_user(
        username="dr.b", site=site, roles=["reader", "auditor"], name="Dr B", password=PASSWORD
    )
    assert user.roles == {"reader", "auditor"}
    assert check_password(PASSWORD, user.password)
    assert str(user) == "Dr B"
    assert last_event().detail == {"roles": ["auditor", "reader"]}


def test_a_user_without_a_password_cannot_sign_in(site):
    user = create_user(username="new", site=site, roles=["reader"])
    assert not user.has_usable_password()
    assert authenticate(username="new", password="") is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"username": "Upper"}, InvalidInput),
        ({"username": "a b"}, InvalidInput),
        ({"username": ""}, InvalidInput),
        ({"username": "x\n"}, InvalidInput),
        ({"username": "-x"}, InvalidInput),
        ({"username": "x" * 151}, InvalidInput),
        ({"roles": []}, InvalidInput),
        ({"roles": ["owner"]}, InvalidInput),
        ({"roles": ["reader", "owner"]}, InvalidInput),
        ({"username": "reader"}, UserExists),
        ({"password": "short"}, PasswordTooWeak),
        ({"password": "password1234"}, PasswordTooWeak),
        ({"password": "847261093852746"}, PasswordTooWeak),
        ({"username": "longusername", "password": "longusername1"}, PasswordTooWeak),
    ],
)
def test_a_user_that_cannot_be_is_refused_and_leaves_nothing(site, reader, changes, error):
    people, events = User.objects.count(), AuditEvent.objects.count()
    fields = {"username": "fresh", "site": site, "roles": ["reader"], "password": PASSWORD}
    with pytest.raises(error):
        create_user(**fields | changes)
    assert (User.objects.count(), AuditEvent.objects.count()) == (people, events)


@pytest.mark.parametrize("username", ["Upper", "a b", "", "x\n"])
def test_the_database_refuses_the_username_too(site, username):
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(username=username, site=site)


def test_the_database_refuses_an_unknown_role_and_one_granted_twice(reader):
    for role in ("owner", "reader"):
        with pytest.raises(IntegrityError), transaction.atomic():
            RoleGrant.objects.create(user=reader, role=role)


def test_a_new_password_replaces_the_old_one(reader):
    set_password(user=reader, password="another horse battery 8")
    fresh = User.objects.get(pk=reader.pk)
    assert check_password("another horse battery 8", fresh.password)
    assert not check_password(PASSWORD, fresh.password)
    assert (last_event().action, last_event().actor) == ("user.password_set", "reader")


def test_a_weak_password_changes_nothing(reader):
    with pytest.raises(PasswordTooWeak):
        set_password(user=reader, password="short")
    assert check_password(PASSWORD, User.objects.get(pk=reader.pk).password)


def test_only_the_right_password_confirms(reader):
    confirm_password(user=reader, password=PASSWORD)
    for wrong in ("", "x", PASSWORD.upper(), PASSWORD + " "):
        with pytest.raises(PasswordWrong):
            confirm_password(user=reader, password=wrong)


def test_an_unusable_password_confirms_nothing(site):
    user = create_user(username="new", site=site, roles=["reviewer"])
    for guess in ("", "!", user.password):
        with pytest.raises(PasswordWrong):
            confirm_password(user=user, password=guess)


def test_a_token_is_stored_hashed_and_expires(reader, site_admin):
    token = create_token(user=reader, lasts=timedelta(days=1), by=site_admin)
    stored = AuthToken.objects.get(user=reader)
    assert token.startswith("ovr_")
    assert token not in stored.digest
    assert stored.expiry is not None
    event = last_event()
    assert (event.action, event.actor) == ("token.created", "site_admin")
    assert token not in str(event.detail)


def test_sign_ins_are_events_of_the_site(reader):
    record_sign_in(user=reader)
    assert (last_event().action, last_event().actor) == ("user.signed_in", "reader")
    record_sign_out(user=reader)
    assert last_event().action == "user.signed_out"


def test_a_refused_sign_in_is_kept_at_the_users_site(reader):
    record_refused_sign_in(username="reader")
    event = last_event()
    assert (event.subject, event.outcome, event.actor) == ("user:reader", "refused", "")


def test_what_a_stranger_typed_is_not_kept(db):
    record_refused_sign_in(username="MyPassword123!")
    event = last_event("system")
    assert event.subject == "user:unknown"
    assert "MyPassword" not in f"{event.subject}{event.detail}"


def test_people_and_sites_are_found_by_name(reader, site):
    assert user_named("reader") == reader
    assert site_named("demo") == site
    with pytest.raises(NoSuchUser):
        user_named("nobody")
    with pytest.raises(NoSuchSite, match="there are: demo"):
        site_named("nowhere")


def test_passwords_are_argon2id_of_19_mib(reader):
    hasher = identify_hasher(reader.password)
    assert isinstance(hasher, BoundedArgon2)
    decoded = hasher.decode(reader.password)
    assert (decoded["variety"], decoded["memory_cost"]) == ("argon2id", 19_456)
    assert decoded["time_cost"] >= 2


def test_no_more_than_two_hashes_are_computed_at_once():
    with _AT_ONCE, _AT_ONCE:
        waiting = threading.Thread(target=BoundedArgon2().encode, args=("secret", "saltsalt"))
        waiting.start()
        waiting.join(timeout=0.3)
        assert waiting.is_alive()
    waiting.join(timeout=10)
    assert not waiting.is_alive()


def test_people_of_the_other_site_are_other_people(site, other_site):
    make_user(other_site, "reader", username="twin")
    with pytest.raises(UserExists):
        make_user(site, "reader", username="twin")
