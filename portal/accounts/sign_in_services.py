"""Who comes in: sign-in and sign-out, as the trail tells them."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth import authenticate

from portal.accounts.models import User
from portal.accounts.throttle_services import (
    PER_ADDRESS,
    PER_DEVICE,
    PER_NAME,
    Guess,
    TooManyAttempts,
    forget_guesses,
    return_guesses,
    take_guesses,
)
from portal.audit.services import SYSTEM, Action, Outcome, record_alone, record_once
from portal.errors import Forbidden

_TOLD_EVERY = timedelta(minutes=1)  # an attack must not fill the trail


class SignInRefused(Forbidden):
    """Name and password do not belong together, or the account is closed: the same answer."""

    code = "sign_in_refused"


@dataclass(frozen=True, slots=True)
class Knock:
    """Where somebody signs in: the address, and the device if this person was there before."""

    address: str
    device: str = ""


def check_sign_in(*, username: str, password: str, knock: Knock) -> User:
    """Return who signs in. Every ending is in the trail but success, which has a session first.

    A device on which this person has signed in before has a bucket of its own: whoever attacks
    the name or shares the address cannot shut its owner out.

    Raises
    ------
    TooManyAttempts, SignInRefused
    """
    device = Guess(PER_DEVICE, f"{username} {knock.device}")
    strange = (Guess(PER_NAME, username), Guess(PER_ADDRESS, knock.address))
    try:
        take_guesses(*([device] if knock.device else strange))
    except TooManyAttempts:
        _record_throttled(username)
        raise
    user = authenticate(username=username, password=password)
    if not isinstance(user, User):
        record_refused_sign_in(username=username)
        raise SignInRefused("This username and password do not belong together.")
    if knock.device:
        forget_guesses(device)
    else:
        return_guesses(*strange)
    return user


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
    chain, subject = _whose(username)
    record_alone(
        Action.SIGN_IN_REFUSED, chain=chain, subject=subject, by=None, outcome=Outcome.REFUSED
    )


def _record_throttled(username: str) -> None:
    chain, subject = _whose(username)
    record_once(
        Action.SIGN_IN_THROTTLED,
        chain=chain,
        subject=subject,
        by=None,
        within=_TOLD_EVERY,
        outcome=Outcome.REFUSED,
    )


def _whose(username: str) -> tuple[str, str]:
    """Return the chain and the subject of what happens to a name that somebody typed."""
    user = User.objects.filter(username=username).select_related("site").first()
    return (user.site.slug, f"user:{user.username}") if user else (SYSTEM, "user:unknown")
