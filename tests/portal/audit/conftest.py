"""A chain of events, and an attacker who owns the database but not the key."""

import json

import pytest
from django.db import connection

from portal.audit.services import Action, record_alone
from tests.portal.conftest import drop_triggers

COLUMNS = "seq, at, actor, action, subject, outcome, detail, previous_digest, digest, signature"


def look_at(subject: str, chain: str = "demo"):
    """Append one event to ``chain``."""
    return record_alone(Action.STUDY_OPENED, chain=chain, subject=subject, by=None, place="ward")


def event_at(seq: int, chain: str = "demo"):
    from portal.audit.models import AuditEvent

    return AuditEvent.objects.get(chain=chain, seq=seq)


@pytest.fixture
def chain(db):
    """Return the name of a chain of six events."""
    for number in range(1, 7):
        look_at(f"study:{number}")
    return "demo"


@pytest.fixture
def attacker(chain):
    """Return a function that runs SQL on tables whose triggers were dropped."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            drop_triggers(cursor)
        else:
            cursor.execute("DROP TRIGGER audit_auditevent_no_change ON audit_auditevent")

        def run(statement: str, *parameters: object) -> None:
            cursor.execute(statement, parameters)
            assert cursor.rowcount > 0, "the attack changed nothing"

        yield run


def detail_sql(value: object) -> str:
    """Return ``value`` as the database keeps the column ``detail``."""
    return json.dumps(value)
