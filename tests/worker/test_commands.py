"""The commands that an operator types."""

import io
import sys

import pytest
from django.core.management import CommandError, call_command
from django.utils.http import urlsafe_base64_decode
from knox.models import AuthToken

from portal.accounts.link_services import link_is_alive, use_link
from portal.accounts.models import Site, User
from portal.audit.models import AuditEvent
from portal.predictions.deployment_selectors import live_version

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery 7"


def run(*arguments, **options):
    out = io.StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue().strip()


def test_a_new_site_has_the_shipped_model(bundle):
    assert run("create_site", "st-mary", "--name", "St Mary") == "site st-mary: tiny 0.0.1 is live"
    site = Site.objects.get(slug="st-mary")
    assert site.name == "St Mary"
    assert str(live_version(site)) == "tiny 0.0.1"


@pytest.mark.parametrize(
    ("slug", "sentence"), [("demo", "already"), ("St Mary", "valid"), ("system", "lower-case")]
)
def test_a_site_that_cannot_be_is_a_sentence(bundle, site, slug, sentence):
    with pytest.raises(CommandError, match=sentence):
        run("create_site", slug)


def test_a_broken_bundle_makes_no_site(bundle):
    (bundle / "head.npz").unlink()
    with pytest.raises(CommandError, match=r"head\.npz"):
        run("create_site", "st-mary")
    assert not Site.objects.exists()


def test_a_user_may_have_several_roles_and_a_password_from_standard_input(site, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    roles = ("--role", "reader", "--role", "reviewer")
    run("create_user", "anna", "--site", "demo", *roles, "--name", "Dr Anna", "--password-stdin")
    user = User.objects.get(username="anna")
    assert user.roles == {"reader", "reviewer"}
    assert user.name == "Dr Anna"
    assert user.check_password(PASSWORD)


def test_a_link_lets_its_user_set_a_password_and_until_then_there_is_none(site):
    link = run("create_user", "anna", "--site", "demo", "--role", "reader", "--link")
    uid, token = link.rstrip("/").split("/")[-2:]
    assert link.startswith("http://127.0.0.1:8000/set-password/")
    user = User.objects.get(pk=urlsafe_base64_decode(uid).decode())
    assert user.username == "anna"
    assert not user.has_usable_password()
    assert link_is_alive(user, token)
    use_link(user=user, token=token, password=PASSWORD)
    assert not link_is_alive(User.objects.get(pk=user.pk), token)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("anna", "--site", "nowhere", "--role", "reader", "--link"), "no site 'nowhere'"),
        (("anna", "--site", "demo", "--role", "king", "--link"), "Unknown role 'king'"),
        (("Anna!", "--site", "demo", "--role", "reader", "--link"), "lower-case"),
        (("anna", "--site", "demo", "--role", "reader", "--password-stdin"), "too short"),
        (("anna", "--site", "demo", "--role", "reader"), "no terminal"),
    ],
)
def test_a_user_that_cannot_be_is_a_sentence(site, monkeypatch, arguments, sentence):
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    with pytest.raises(CommandError, match=sentence):
        run("create_user", *arguments)
    assert not User.objects.exists()


def test_a_token_is_printed_alone_stored_hashed_and_audited(uploader):
    token = run("create_token", "uploader", "--days", "1")
    assert token.startswith("ovr_")
    assert len(token.split()) == 1
    assert AuthToken.objects.get().user == uploader
    assert token not in str(list(AuthToken.objects.values()))
    assert AuditEvent.objects.filter(action="token.created").count() == 1


def test_a_token_for_nobody_or_for_no_time_is_refused(uploader):
    with pytest.raises(CommandError, match="no user 'nobody'"):
        run("create_token", "nobody")
    with pytest.raises(CommandError, match="at least 1"):
        run("create_token", "uploader", "--days", "0")
    assert not AuthToken.objects.exists()
