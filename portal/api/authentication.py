import re
from typing import Any

from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

_TOKEN = re.compile(rb"[A-Za-z0-9_]{16,128}\Z")  # what knox hands out; "$" would let a newline in


class TokenAuthentication(KnoxTokenAuthentication):  # type: ignore[misc]  # knox is untyped
    """``Authorization: Token T``; what cannot be a token never reaches the database."""

    def authenticate_credentials(self, token: bytes) -> Any:
        """Return the user and the stored token.

        Raises
        ------
        AuthenticationFailed
        """
        if not _TOKEN.match(token):
            raise AuthenticationFailed("Invalid token.")
        return super().authenticate_credentials(token)
