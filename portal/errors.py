"""Everything the portal can refuse, and why."""


class PortalError(Exception):
    """Something the caller can act on.

    ``code`` is part of the public API and never changes; the message is for people.
    """

    code = "portal_error"


class InvalidInput(PortalError):
    """What was sent cannot be accepted as it is (422)."""

    code = "invalid_input"


class ReasonMissing(InvalidInput):
    """An act that has to say why does not: an override, a decision on a model."""

    code = "reason_missing"


class Forbidden(PortalError):
    """The caller is known and may not do this (403)."""

    code = "forbidden"


class NotFound(PortalError):
    """There is no such thing, or it belongs to another site (404)."""

    code = "not_found"


class Conflict(PortalError):
    """The request is well formed, but the record is not in a state that allows it (409)."""

    code = "conflict"


class Stale(PortalError):
    """The caller decided on an older version of the record (412)."""

    code = "stale"


class PreconditionRequired(PortalError):
    """The caller must say which version of the record was decided on (428)."""

    code = "precondition_required"


class LengthRequired(PortalError):
    """The request does not say how long it is (411)."""

    code = "length_required"


class TooLarge(PortalError):
    """The request is larger than the portal takes (413)."""

    code = "too_large"


class Unavailable(PortalError):
    """A part that is needed does not answer; the same request may be sent again (503)."""

    code = "unavailable"


class TooManyRequests(PortalError):
    """The same was asked for too often; ``retry_after`` says in how many seconds to go on (429)."""

    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after
