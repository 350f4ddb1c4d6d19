"""Where sessions are kept: Django's own store on our own rows (``SESSION_ENGINE``)."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from portal.accounts.models import Session

USER = "_auth_user_id"  # Django's own name for who is signed in
ADDRESS, BROWSER = "address", "browser"


class SessionStore(DatabaseStore):
    """A session that ends by itself, and that knows whose it is.

    Saving it does not prolong it: only `portal.accounts.session_services.note_activity` does.
    """

    row: Session | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Return the model of the rows."""
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """Return the row to store; who signs in begins a new time, whoever was there before."""
        now, user_id = timezone.now(), data.get(USER)
        key = self._get_or_create_session_key()  # type: ignore[attr-defined]  # Django's
        row = Session(
            session_key=key,
            session_data=self.encode(data),
            user_id=user_id,
            started_at=now,
            seen_at=now,
            address=data.get(ADDRESS, ""),
            browser=data.get(BROWSER, ""),
        )
        before = self.row
        if before and before.session_key == key:
            row.number = before.number
            if str(before.user_id) == str(user_id):
                row.started_at, row.seen_at = before.started_at, before.seen_at
        row.expire_date = ends_at(row.started_at, row.seen_at)
        self.row = row
        return row

    def flush(self) -> None:
        """Forget everything, the row's times included."""
        super().flush()
        self.row = None

    def _get_session_from_db(self) -> Session | None:
        self.row = super()._get_session_from_db()  # type: ignore[misc]  # not in the stubs
        return self.row


def ends_at(started_at: datetime, seen_at: datetime) -> datetime:
    """Return when a session ends if nothing more happens in it."""
    idle = seen_at + timedelta(minutes=settings.OVERREAD_SESSION_IDLE_MINUTES)
    return min(idle, started_at + timedelta(hours=settings.OVERREAD_SESSION_HOURS))
