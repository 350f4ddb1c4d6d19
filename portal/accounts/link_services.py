"""One-time links: how a person gets a password when there is no mail server to send one."""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from knox.models import AuthToken

from portal.accounts.models import User
from portal.accounts.services import hashed_password
from portal.accounts.session_services import end_sessions
from portal.audit.services import Action, Actor, record
from portal.errors import Conflict

LINK_LASTS = timedelta(days=3)


class LinkDead(Conflict):
    """The link was used, replaced, is too old, or its account is closed."""

    code = "link_dead"


@transaction.atomic
def make_link(*, user: User, by: Actor | None = None) -> str:
    """Return the address at which ``user`` may set a password once. An older link dies.

    It is stored hashed: this is the only time it is seen.

    Raises
    ------
    LinkDead
        The account is closed.
    """
    user = User.objects.select_for_update(of=("self",)).select_related("site").get(pk=user.pk)
    if not user.is_active:
        raise LinkDead("The account is disabled; enable it first.")
    token, expires = secrets.token_urlsafe(32), timezone.now() + LINK_LASTS
    User.objects.filter(pk=user.pk).update(link_digest=_digest(token), link_expires_at=expires)
    record(
        Action.LINK_MADE,
        chain=user.site.slug,
        subject=f"user:{user.username}",
        by=by,
        purpose="reset" if user.has_usable_password() else "invitation",
        expires=expires.isoformat(timespec="seconds"),
    )
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return f"{settings.OVERREAD_ORIGIN}{reverse('set-password', args=(uid, token))}"


def link_is_alive(user: User, token: str) -> bool:
    """Return whether ``token`` is from the one link of ``user`` that works now."""
    return bool(
        user.is_active
        and user.link_expires_at
        and timezone.now() < user.link_expires_at
        and secrets.compare_digest(user.link_digest, _digest(token))
    )


def use_link(*, user: User, token: str, password: str) -> None:
    """Set the password by a one-time link. Whoever was signed in as this person no longer is.

    API tokens go too: a reset is for an account that may be in other hands.

    Raises
    ------
    PasswordTooWeak, LinkDead
    """
    hashed = hashed_password(password, user)
    with transaction.atomic():
        user = User.objects.select_for_update(of=("self",)).select_related("site").get(pk=user.pk)
        if not link_is_alive(user, token):
            raise LinkDead("This link does not work any more.")
        User.objects.filter(pk=user.pk).update(
            password=hashed, link_digest="", link_expires_at=None
        )
        tokens, _ = AuthToken.objects.filter(user=user).delete()
        end_sessions(user=user, why="password_reset", by=user)
        record(
            Action.PASSWORD_SET,
            chain=user.site.slug,
            subject=f"user:{user.username}",
            by=user,
            by_link=True,
            tokens_revoked=tokens,
        )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
