"""Write side of accounts: sites, people, tokens."""

from collections.abc import Iterable
from datetime import timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from knox.models import AuthToken

from portal.accounts.models import RoleGrant, Site, User
from portal.accounts.roles import Role
from portal.accounts.session_services import end_sessions
from portal.accounts.throttle_services import PER_SIGNER, Guess, forget_guesses, take_guesses
from portal.audit.services import Action, Actor, record, refusals_recorded
from portal.errors import Conflict, Forbidden, InvalidInput, NotFound


class SiteExists(Conflict):
    """A site of this slug is there already."""

    code = "site_exists"


class UserExists(Conflict):
    """A user of this name is there already."""

    code = "user_exists"


class PasswordTooWeak(InvalidInput):
    """The password is short, common or like the username."""

    code = "password_too_weak"


class NoSuchToken(NotFound):
    """The token is not this person's, or was revoked."""

    code = "no_such_token"


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
    granted = known_roles(roles)
    user = User(username=username, site=site, name=name, password=make_password(None))
    _validate(user)
    if password is not None:
        user.password = hashed_password(password, user)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise UserExists(f"There is a user {username!r} already.") from error
    RoleGrant.objects.bulk_create(RoleGrant(user=user, role=role) for role in granted)
    subject = f"user:{username}"
    record(Action.USER_CREATED, chain=site.slug, subject=subject, by=by, roles=granted)
    return user


def set_password(
    *, user: User, password: str, by: Actor | None = None, keep_session: str = ""
) -> None:
    """Give ``user`` a new password. Their sessions end but the one kept; a link dies with it.

    API tokens stay: they have their own end, and a person changes a password without breaking
    what runs by itself.

    Raises
    ------
    PasswordTooWeak
    """
    hashed = hashed_password(password, user)
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(
            password=hashed, link_digest="", link_expires_at=None
        )
        end_sessions(user=user, why="password_changed", by=by or user, keep=keep_session)
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


@transaction.atomic
def revoke_token(*, user: User, key: str, by: Actor | None = None) -> None:
    """Make an API token worthless at once. ``key`` is its beginning, as lists show it.

    Raises
    ------
    NoSuchToken
    """
    deleted, _ = AuthToken.objects.filter(user=user, token_key=key).delete()
    if not deleted:
        raise NoSuchToken("There is no such token; it may have been revoked already.")
    subject = f"user:{user.username}"
    record(Action.TOKEN_REVOKED, chain=user.site.slug, subject=subject, by=by, key=key)


def confirm_password(*, user: User, password: str) -> None:
    """Return if ``password`` is the user's.

    Never inside a transaction: a hash takes longer than a lock should be held.

    Raises
    ------
    PasswordWrong, TooManyAttempts
    """
    guess = Guess(PER_SIGNER, user.username)
    take_guesses(guess)
    if not check_password(password, user.password):
        raise PasswordWrong("The password is not yours; nothing was signed.")
    forget_guesses(guess)


def confirm_own_password(*, user: User, password: str) -> None:
    """Return if ``password`` is the user's, before they change it; a wrong one is in the trail.

    Raises
    ------
    PasswordWrong, TooManyAttempts
    """
    with refusals_recorded(
        Action.USER_CHANGE_REFUSED,
        chain=user.site.slug,
        subject=f"user:{user.username}",
        by=user,
        act="change password",
    ):
        confirm_password(user=user, password=password)


def hashed_password(password: str, user: User) -> str:
    """Return what is stored of a password that is good enough for ``user``.

    Raises
    ------
    PasswordTooWeak
    """
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PasswordTooWeak(" ".join(error.messages)) from error
    return make_password(password)


def known_roles(roles: Iterable[str]) -> list[str]:
    """Return ``roles`` in order, each once.

    Raises
    ------
    InvalidInput
        One is unknown, or there is none.
    """
    wanted = sorted(set(roles))
    if unknown := set(wanted) - set(Role.values):
        raise InvalidInput(f"Unknown role {sorted(unknown)[0]!r}; choose from {_all_roles()}.")
    if not wanted:
        raise InvalidInput(f"Say at least one role: {_all_roles()}.")
    return wanted


def _validate(row: Site | User) -> None:
    try:
        row.full_clean(validate_unique=False)
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages)) from error


def _all_roles() -> str:
    return ", ".join(Role.values)
