"""Two roles on PostgreSQL: an owner that migrates, and one that serves and owns nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 (Django's word)
from django.db import OperationalError, connection, transaction

READ_ONLY = frozenset(
    {
        "auth_group",  # Django's own; roles are rows of ours
        "auth_group_permissions",
        "auth_permission",
        "django_content_type",
        "django_migrations",
    }
)
KEPT = frozenset(
    {
        "accounts_site",
        "accounts_user",
        "audit_audithead",
        "audit_tally",
        "predictions_deployment",
        "predictions_modelversion",
        "predictions_pause",
        "predictions_operatingpoint",
        "predictions_prediction",
        "predictions_proposal",
        "predictions_shadowscore",
        "predictions_siteprevalence",
        "predictions_widening",
        "reviews_studylease",
        "studies_instance",
        "studies_series",
        "studies_study",
    }
)
"""Tables whose rows may change and never go."""
_TABLES = """
    SELECT c.relname, c.relkind, pg_get_userbyid(c.relowner), EXISTS (
        SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE t.tgrelid = c.oid AND p.proname = 'refuse_change')
    FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'S')
    ORDER BY c.relname
"""
_STANDING = """
    SELECT r.rolsuper OR pg_has_role(r.oid, c.relowner, 'MEMBER'), EXISTS (
        SELECT FROM aclexplode(c.relacl) granted WHERE granted.grantee NOT IN (c.relowner, 0))
    FROM pg_class c CROSS JOIN pg_roles r
    WHERE c.oid = to_regclass('audit_auditevent') AND r.rolname = current_user
"""


class NotTheOwner(Exception):
    """Tables belong to somebody else. The message is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the role of this connection is to the tables."""

    owns_tables: bool
    another_serves: bool

    @property
    def is_too_high(self) -> bool:
        """Whether it could rewrite the audit trail although another role is there to serve."""
        return self.owns_tables and self.another_serves


@contextmanager
def as_owner() -> Iterator[None]:
    """Be the owner while the block runs, if there is one, then grant what the runtime role needs.

    Raises
    ------
    NotTheOwner
    """
    owner = settings.OVERREAD_OWNER_DATABASE
    if not owner:
        yield
        return
    runtime = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict |= {name: owner[name] for name in ("USER", "PASSWORD", "HOST", "PORT")}
    try:
        refuse_foreign_tables()
        yield
        grant_runtime(str(runtime["USER"]))
    finally:
        connection.close()
        connection.settings_dict |= runtime


@transaction.atomic
def grant_runtime(role: str) -> None:
    """Give ``role`` what serving needs in this schema, and take away whatever else it had.

    Run by the owner after each migration; running it again changes nothing.
    """
    named = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {named(role)}")
        for table, kind, _, only_grows in _tables():
            what = f"{'SEQUENCE' if kind == 'S' else 'TABLE'} {named(table)}"
            may = privileges(table, is_sequence=kind == "S", only_grows=only_grows)
            cursor.execute(f"REVOKE ALL ON {what} FROM PUBLIC, {named(role)}")
            cursor.execute(f"GRANT {may} ON {what} TO {named(role)}")


def refuse_foreign_tables() -> None:
    """Refuse to migrate or grant as a role that does not own everything here.

    Raises
    ------
    NotTheOwner
    """
    owner = str(connection.settings_dict["USER"])
    if foreign := sorted({holder for _, _, holder, _ in _tables()} - {owner}):
        raise NotTheOwner(
            f"The tables belong to {', '.join(foreign)}, not to {owner}: let "
            f"OVERREAD_OWNER_DATABASE_URL name {foreign[0]} and DATABASE_URL another role."
        )


def privileges(table: str, *, is_sequence: bool, only_grows: bool) -> str:
    """Return what the runtime role may do. Never TRUNCATE, TRIGGER or REFERENCES."""
    if is_sequence:
        return "SELECT, USAGE"
    if table in READ_ONLY:
        return "SELECT"
    if only_grows:
        return "SELECT, INSERT"
    return "SELECT, INSERT, UPDATE" if table in KEPT else "SELECT, INSERT, UPDATE, DELETE"


def standing() -> Standing:
    """Return what this connection's role is to the tables; harmless where roles do not exist."""
    if connection.vendor != "postgresql":
        return Standing(owns_tables=False, another_serves=False)
    with connection.cursor() as cursor:
        cursor.execute(_STANDING)
        found = cursor.fetchone()
    return Standing(*found) if found else Standing(owns_tables=False, another_serves=False)


def check_roles(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Refuse to serve as the owner where a second role is set up."""
    found = _standing_if_reached(databases)
    if not found or not found.is_too_high:
        return []
    return [
        Error(
            "This process is the owner of the tables, or a superuser, although another role is "
            "there to serve.",
            hint="Give DATABASE_URL the runtime role and OVERREAD_OWNER_DATABASE_URL the owner.",
            id="overread.E001",
        )
    ]


def check_second_role(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Say that one role for everything trusts every process with the audit trail."""
    found = _standing_if_reached(databases)
    if not found or not found.owns_tables or found.another_serves:
        return []
    return [
        Warning(
            "The role that serves owns the tables: it could disable the triggers of the trail.",
            hint="Set up two roles, see docs/deployment.md.",
            id="overread.W001",
        )
    ]


def _tables() -> list[tuple[str, str, str, bool]]:
    """Return name, kind, owner, and whether it only grows, of every table and sequence."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        return list(cursor.fetchall())


def _standing_if_reached(databases: Sequence[str] | None) -> Standing | None:
    owner = settings.OVERREAD_OWNER_DATABASE
    if not databases or (owner and owner["USER"] == connection.settings_dict["USER"]):
        return None  # nobody asked, or this is the migration
    try:
        return standing()
    except OperationalError:
        return None
