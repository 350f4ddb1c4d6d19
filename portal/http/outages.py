"""Which failures of database and disk are outages: the same request may be sent again later."""

import errno
import sqlite3

from django.db import DatabaseError, Error, InterfaceError, InternalError, OperationalError

from portal.errors import Unavailable
from portal.studies.blobs import StorageUnavailable

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_WRITES = frozenset({errno.EROFS, errno.ESTALE})
"""The kernel lets nobody write after an error of the disk; a server of files has come back anew."""
_POSTGRESQL_DISK_FULL = "53100"
_POSTGRESQL_AWAY = frozenset({"25006", "25P03", "25P04"})
"""Outages that psycopg2 calls an `InternalError`: the server takes no writes for now, as a standby
does, or has ended a transaction that stood still or went on for too long."""
_SQLITE_AWAY = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
    }
)
"""The others, such as a missing table, are bugs."""


class StorageFull(Unavailable):
    """There is no room for what was sent."""

    code = "storage_full"


class DatabaseUnavailable(Unavailable):
    """The database does not answer, or not in time."""

    code = "database_unavailable"


def outage_of(error: BaseException | None) -> Unavailable | None:
    """Return what a failure is to the caller; None for a bug."""
    if isinstance(error, OSError) and (outage := storage_outage(error)):
        return outage
    if isinstance(error, OperationalError):
        return _of_database(error.__cause__)
    is_away = isinstance(error, InterfaceError) or _is_no_bug_of_postgresql(error)
    return _away() if is_away else None


def outage_beneath(error: BaseException | None) -> Unavailable | None:
    """Return the same of a failure of the database that another error hides."""
    while error is not None and not isinstance(error, Error):
        error = error.__context__
    return outage_of(error)


def storage_outage(error: OSError) -> Unavailable | None:
    """Return what it is to the caller that a file could not be written; None for a bug."""
    if error.errno in _NO_SPACE:  # for this user or for anybody
        return _full()
    return StorageUnavailable() if error.errno in _NO_WRITES else None


def _of_database(cause: BaseException | None) -> Unavailable | None:
    if not isinstance(cause, sqlite3.Error):
        is_full = getattr(cause, "pgcode", None) == _POSTGRESQL_DISK_FULL
        return _full() if is_full else _away()
    primary = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the rest says more exactly which
    if primary == sqlite3.SQLITE_FULL:
        return _full()
    return _away() if primary in _SQLITE_AWAY else None


def _is_no_bug_of_postgresql(error: BaseException | None) -> bool:
    cause = error.__cause__ if error else None
    if cause is None or isinstance(cause, sqlite3.Error):
        return False
    code = getattr(cause, "pgcode", None)
    if isinstance(error, InternalError):
        return code in _POSTGRESQL_AWAY
    return type(error) is DatabaseError and code is None  # an answer that broke off


def _full() -> StorageFull:
    return StorageFull("The disk is full. Send it again later: nothing is stored twice.")


def _away() -> DatabaseUnavailable:
    return DatabaseUnavailable(
        "The database does not answer. Send it again later: nothing is stored twice."
    )
