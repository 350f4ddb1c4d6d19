import sqlite3

import pytest
from django.db import DatabaseError, connection, transaction

from portal.audit.models import AuditEvent
from tests.factories import make_user, scored_study
from tests.portal.audit.conftest import COLUMNS


@pytest.fixture
def signed(site, reviewer):
    """Return nothing; there is a finding and a review in the database."""
    from portal.reviews.services import Read, sign_review
    from tests.factories import PASSWORD

    study = scored_study(site)
    sign_review(study=study, read=Read("present"), password=PASSWORD, by=reviewer)


def refused(statement: str, *parameters: object) -> None:
    """Run SQL that the database must refuse."""
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, parameters)


def test_an_event_cannot_be_updated(chain):
    refused("UPDATE audit_auditevent SET actor = 'nobody' WHERE seq = 3")


def test_not_even_by_a_value_that_it_has_already(chain):
    refused("UPDATE audit_auditevent SET actor = actor WHERE seq = 3")


def test_an_event_cannot_be_deleted(chain):
    refused("DELETE FROM audit_auditevent WHERE seq = 6")


def test_the_models_cannot_either(chain):
    event = AuditEvent.objects.get(chain=chain, seq=2)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.filter(pk=event.pk).update(actor="nobody")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        event.delete()


@pytest.mark.parametrize("table", ["reviews_finding", "reviews_review"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_findings_and_reviews_are_append_only_too(signed, table, statement):
    refused(statement.format(table))


def test_insert_or_replace_rewrites_nothing(chain):
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite has INSERT OR REPLACE")
    refused(
        f"INSERT OR REPLACE INTO audit_auditevent (id, chain, {COLUMNS}) "
        f"SELECT id, chain, seq, at, 'nobody', action, subject, outcome, detail, previous_digest, "
        "digest, signature FROM audit_auditevent WHERE seq = 3"
    )
    assert AuditEvent.objects.get(chain=chain, seq=3).actor == ""


def test_an_upsert_rewrites_nothing(chain):
    refused(
        f"INSERT INTO audit_auditevent (id, chain, {COLUMNS}) "
        f"SELECT id, chain, {COLUMNS} FROM audit_auditevent WHERE seq = 3 "
        "ON CONFLICT (id) DO UPDATE SET actor = 'nobody'"
    )


def test_sqlite_needs_recursive_triggers_for_that():
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite has the setting")
    assert sqlite3.sqlite_version_info >= (3, 35)
    assert "recursive_triggers=ON" in connection.settings_dict["OPTIONS"]["init_command"]


def test_people_and_studies_are_not_append_only(site):
    user = make_user(site, "reader")
    type(user).objects.filter(pk=user.pk).update(name="Dr New")
    user.refresh_from_db()
    assert user.name == "Dr New"
