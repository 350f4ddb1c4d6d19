"""Passwords with Argon2id, bounded in memory."""

from threading import BoundedSemaphore
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher

_AT_ONCE = BoundedSemaphore(2)


class BoundedArgon2(Argon2PasswordHasher):
    """Argon2id at 19 MiB and two passes (OWASP Password Storage Cheat Sheet), two at a time.

    Django's default takes 100 MiB a hash: a burst of sign-ins would outgrow a web worker.
    """

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Return the hash of ``password``."""
        with _AT_ONCE:
            return str(super().encode(password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        """Return whether ``password`` made ``encoded``."""
        with _AT_ONCE:
            return bool(super().verify(password, encoded))

    def harden_runtime(self, password: str, encoded: str) -> Any:
        """Do nothing: the cost of Argon2 does not depend on the password."""
