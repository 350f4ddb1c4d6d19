"""Write side of accounts: sites, people, tokens."""

from collections.abc import Iterable
from datetime import timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from knox.models import AuthToken

from portal.accounts.models import RoleGrant, Site, User
from portal.accounts.roles import Role
from portal.audit.services import SYSTEM, Action, Actor, Outcome, record, record_alone
from portal.errors import Conflict, Forbidden, InvalidInput


class SiteExists(Conflict):
    """A site of this slug is there already."""

    code = "site_exists"


class UserExists(Conflict):
    """A user of this name is there already."""

    code = "user_exists"


class PasswordTooWeak(InvalidInput):
    """The password is short, common or like the username."""

    code = "password_too_weak"


class PasswordWrong(Forbidden):
    """The password given with a signature is not the signer's."""

    code = "password_wrong"


@transaction.atomic
def create_site(*, slug: str, name: str, by: Actor | None = None) -> Site:
    """Return a new site.

    Raises
    ------
    SiteExists, InvalidInput
    """
    if Site.objects.filter(slug=slug).exists():
        raise SiteExists(f"There is a site {slug!r} already.")
    site = Site(slug=slug, name=name)
    _validate(site)
    site.save(force_insert=True)
    record(Action.SITE_CREATED, chain=site.slug, subject=f"site:{slug}", by=by)
    return site


@transaction.atomic
def create_user(
    *,
    username: str,
    site: Site,
    roles: Iterable[str],
    name: str = "",
    password: str | None = None,
    by: Actor | None = None,
) -> User:
    """Return a new user; without a password the account waits for a one-time link.

    Raises
    ------
    UserExists, PasswordTooWeak, InvalidInput
    """
    granted = sorted(set(roles))
    if unknown := set(granted) - set(Role.values):
        raise InvalidInput(f"Unknown role {sorted(unknown)[0]!r}; choose from {_all_roles()}.")
    if not granted:
        raise InvalidInput(f"Say at least one role: {_all_roles()}.")
    if User.objects.filter(username=username).exists():
        raise UserExists(f"There is a user {username!r} already.")
    user = User(username=username, site=site, name=name, password=make_password(None))
    _validate(user)
    if password is not None:
        user.password = _hashed(password, user)
    user.save(force_insert=True)
    RoleGrant.objects.bulk_create(RoleGrant(user=user, role=role) for role in granted)
    subject = f"user:{username}"
    record(Action.USER_CREATED, chain=site.slug, subject=subject, by=by, roles=granted)
    return user


def set_password(*, user: User, password: str, by: Actor | None = None) -> None:
    """Give ``user`` a new password.

    Raises
    ------
    PasswordTooWeak
    """
    hashed = _hashed(password, user)
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(password=hashed)
        subject = f"user:{user.username}"
        record(Action.PASSWORD_SET, chain=user.site.slug, subject=subject, by=by or user)
    user.password = hashed


@transaction.atomic
def create_token(*, user: User, lasts: timedelta, by: Actor | None = None) -> str:
    """Return a new API token. It is stored hashed: this is the only time it is seen."""
    stored, token = AuthToken.objects.create(user=user, expiry=lasts)
    record(
        Action.TOKEN_CREATED,
        chain=user.site.slug,
        subject=f"user:{user.username}",
        by=by,
        key=stored.token_key,
        expires=stored.expiry.isoformat(timespec="seconds"),
    )
    return str(token)


def record_sign_in(*, user: User) -> None:
    """Remember that somebody signed in."""
    subject = f"user:{user.username}"
    record_alone(Action.SIGNED_IN, chain=user.site.slug, subject=subject, by=user)


def record_sign_out(*, user: User) -> None:
    """Remember that somebody signed out."""
    subject = f"user:{user.username}"
    record_alone(Action.SIGNED_OUT, chain=user.site.slug, subject=subject, by=user)


def record_refused_sign_in(*, username: str) -> None:
    """Remember a sign-in that failed, at the user's site or, for a stranger, the system's.

    What a stranger typed is not kept: people type their password into the wrong field.
    """
    user = User.objects.filter(username=username).select_related("site").first()
    record_alone(
        Action.SIGN_IN_REFUSED,
        chain=user.site.slug if user else SYSTEM,
        subject=f"user:{user.username}" if user else "user:unknown",
        by=None,
        outcome=Outcome.REFUSED,
    )


def confirm_password(*, user: User, password: str) -> None:
    """Return if ``password`` is the user's.

    Never inside a transaction: a hash takes longer than a lock should be held.

    Raises
    ------
    PasswordWrong
    """
    if not check_password(password, user.password):
        raise PasswordWrong("The password is not yours; nothing was signed.")


def _hashed(password: str, user: User) -> str:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PasswordTooWeak(" ".join(error.messages)) from error
    return make_password(password)


def _validate(row: Site | User) -> None:
    try:
        row.full_clean(validate_unique=False)
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages)) from error


def _all_roles() -> str:
    return ", ".join(Role.values)
