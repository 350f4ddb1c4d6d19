"""What a site administrator does with people: invite, change roles, disable, enable.

The row of the site is the lock: of two administrators who remove each other one is too late.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import transaction
from django.db.models import Q
from knox.models import AuthToken

from portal.accounts.link_services import make_link
from portal.accounts.models import RoleGrant, Site, User
from portal.accounts.roles import May, Role, allows
from portal.accounts.services import create_user, known_roles
from portal.accounts.session_services import end_sessions
from portal.audit.models import AuditEvent
from portal.audit.services import Action, record, refusals_recorded
from portal.errors import Conflict, Forbidden


class OwnAccount(Conflict):
    """Nobody takes their own administration away: somebody else must."""

    code = "own_account"


class LastAdmin(Conflict):
    """The site would have nobody left who can administer it."""

    code = "last_admin"


class NoLongerAdmin(Forbidden):
    """The actor was an administrator when the request began, and is not any more."""

    code = "no_longer_admin"


def invite_user(*, username: str, name: str, roles: Iterable[str], by: User) -> tuple[User, str]:
    """Return a new person of the site of ``by``, and the one-time link to hand over.

    Raises
    ------
    UserExists, InvalidInput, NoLongerAdmin
    """
    with _answered_for("invite", by, by), transaction.atomic():
        site = _lock(by.site_id, by)
        user = create_user(username=username, site=site, roles=roles, name=name, by=by)
        return user, make_link(user=user, by=by)


def change_roles(*, user: User, roles: Iterable[str], by: User | None) -> None:
    """Give ``user`` exactly ``roles``. Their sessions end: what they may do is not what it was.

    Raises
    ------
    InvalidInput, OwnAccount, LastAdmin, NoLongerAdmin
    """
    with _answered_for("change roles", user, by), transaction.atomic():
        wanted = set(known_roles(roles))
        site = _lock(user.site_id, by)
        had = set(RoleGrant.objects.filter(user=user).values_list("role", flat=True))
        if Role.SITE_ADMIN in had - wanted:
            _keep_an_admin(user, by)
        RoleGrant.objects.filter(user=user, role__in=had - wanted).delete()
        RoleGrant.objects.bulk_create(RoleGrant(user=user, role=r) for r in sorted(wanted - had))
        if wanted != had:
            end_sessions(user=user, why="roles_changed", by=by)
        for action, roles_told in (
            (Action.ROLE_GRANTED, sorted(wanted - had)),
            (Action.ROLE_REVOKED, sorted(had - wanted)),
        ):
            if roles_told:
                _record(action, site, user, by, roles=roles_told)


def disable_user(*, user: User, by: User | None) -> None:
    """Close an account at once: sessions end, API tokens and a one-time link die.

    Raises
    ------
    OwnAccount, LastAdmin, NoLongerAdmin
    """
    with _answered_for("disable", user, by), transaction.atomic():
        site = _lock(user.site_id, by)
        _keep_an_admin(user, by)
        if not User.objects.filter(pk=user.pk, is_active=True).update(
            is_active=False, link_digest="", link_expires_at=None
        ):
            return
        tokens, _ = AuthToken.objects.filter(user=user).delete()
        end_sessions(user=user, why="disabled", by=by)
        _record(Action.USER_DISABLED, site, user, by, tokens_revoked=tokens)


def enable_user(*, user: User, by: User | None) -> None:
    """Open an account again, with the roles and the password it had.

    Raises
    ------
    NoLongerAdmin
    """
    with _answered_for("enable", user, by), transaction.atomic():
        site = _lock(user.site_id, by)
        if User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
            _record(Action.USER_ENABLED, site, user, by)


def _answered_for(act: str, user: User, by: User | None) -> AbstractContextManager[None]:
    """Audit a refusal; of an invitation with the one who invites: a name typed is none yet."""
    return refusals_recorded(
        Action.USER_CHANGE_REFUSED,
        chain=user.site.slug,
        subject=f"user:{user.username}",
        by=by,
        act=act,
    )


def _lock(site_id: int, by: User | None) -> Site:
    """Return the site with its row locked, if ``by`` may still administer it."""
    site = Site.objects.select_for_update().get(pk=site_id)
    if by is None:
        return site
    now = User.objects.filter(pk=by.pk, is_active=True, site=site)
    roles = now.values_list("role_grants__role", flat=True)
    if not allows([role for role in roles if role], May.ADMINISTER):
        raise NoLongerAdmin("You do not administer this site any more.")
    return site


def _keep_an_admin(user: User, by: User | None) -> None:
    """Return if somebody other than ``user`` can administer the site afterwards."""
    admins = User.objects.filter(
        site=user.site_id, is_active=True, role_grants__role=Role.SITE_ADMIN
    )
    if not admins.filter(pk=user.pk).exists():
        return
    if by is not None and user.pk == by.pk:
        raise OwnAccount("You cannot take your own administration away; another one must do it.")
    # whoever was invited and never came cannot administer anything
    never_came = Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    if not admins.exclude(pk=user.pk).exclude(never_came).exists():
        raise LastAdmin("This is the last administrator of the site; name another one first.")


def _record(
    action: AuditEvent.Action, site: Site, user: User, by: User | None, **detail: Any
) -> None:
    record(action, chain=site.slug, subject=f"user:{user.username}", by=by, **detail)
