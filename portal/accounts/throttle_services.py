"""Guesses at passwords are slowed down, across all web processes, by rows that clean themselves.

A refused guess is not counted: whoever keeps knocking gets a slow trickle of guesses, never an
account that stays shut. Decision 9 says why these buckets and these sizes.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from portal.accounts.models import Attempts
from portal.errors import TooManyRequests


class TooManyAttempts(TooManyRequests):
    """Too many passwords were tried; ``retry_after`` says in how many seconds to go on."""

    code = "too_many_attempts"


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many guesses are free at once, and how long until there is one more."""

    kind: str
    holds: int
    leaks: timedelta


PER_NAME = Bucket("name", 10, timedelta(minutes=5))
PER_ADDRESS = Bucket("address", 60, timedelta(seconds=30))
PER_DEVICE = Bucket("device", 10, timedelta(minutes=1))
PER_SIGNER = Bucket("signer", 10, timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class Guess:
    """One guess at a password, counted by what it was aimed at or where it came from."""

    bucket: Bucket
    about: str

    @property
    def key(self) -> str:
        """The keyed hash under which it is counted."""
        return salted_hmac(
            f"portal.accounts.attempts.{self.bucket.kind}", self.about, algorithm="sha256"
        ).hexdigest()


@transaction.atomic
def take_guesses(*guesses: Guess) -> None:
    """Count a guess before it is checked, so that many at once are no more than many in a row.

    Raises
    ------
    TooManyAttempts
    """
    now = timezone.now()
    for guess in sorted(guesses, key=lambda one: one.key):  # one order: no deadlock
        Attempts.objects.get_or_create(key=guess.key, defaults={"empty_at": now})
        row = Attempts.objects.select_for_update().get(key=guess.key)
        bucket = guess.bucket
        full = now + bucket.holds * bucket.leaks
        # a clock that was put back must not shut anybody out
        empty_at = max(now, min(row.empty_at, full)) + bucket.leaks
        if empty_at > full:
            seconds = math.ceil((empty_at - full).total_seconds())
            raise TooManyAttempts(_words(seconds), retry_after=seconds)
        Attempts.objects.filter(key=guess.key).update(empty_at=empty_at)


def return_guesses(*guesses: Guess) -> None:
    """Take back what `take_guesses` counted: the password was right."""
    for guess in guesses:
        Attempts.objects.filter(key=guess.key).update(empty_at=F("empty_at") - guess.bucket.leaks)


def forget_guesses(*guesses: Guess) -> None:
    """Start anew with these: somebody has shown that they are who they are."""
    Attempts.objects.filter(key__in=[guess.key for guess in guesses]).delete()


def forget_empty_buckets() -> None:
    """Remove the rows that no longer hold anybody back."""
    Attempts.objects.filter(empty_at__lte=timezone.now()).delete()


def _words(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    wait = f"{seconds} seconds" if seconds < 60 else f"{minutes} minute{'s' * (minutes > 1)}"  # noqa: PLR2004
    return f"Too many passwords were tried. Wait {wait} and try again."
