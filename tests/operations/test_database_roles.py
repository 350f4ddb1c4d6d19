"""The role that serves can do its work, and cannot touch what was said."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psycopg2
import pytest
from django.db import connection

from portal.operations.database_roles import privileges
from tests.chaos import radiographs
from tests.chaos.harness import PASSWORD, Overread, overread
from tests.operations.two_roles import ROOT, create, run, two_roles

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]
TRAIL = (
    "audit_auditevent",
    "predictions_modelreport",
    "predictions_reportpicture",
    "reviews_finding",
    "reviews_review",
    "watch_acknowledgement",
    "watch_alert",
)


READ = {
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
    "django_migrations",
}
KEPT = {
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
GONE_WHEN_OVER = {
    "accounts_attempts",
    "accounts_rolegrant",
    "accounts_session",
    "knox_authtoken",
    "predictions_worker",
    "reviews_reviewanswer",
    "studies_uploadanswer",
}


@pytest.mark.django_db
def test_every_table_is_one_whose_privileges_somebody_thought_of():
    """A new table gets a line here: may its rows change, and may they go?"""
    assert set(connection.introspection.table_names()) == {*READ, *KEPT, *GONE_WHEN_OVER, *TRAIL}
    told = {
        table: privileges(table, is_sequence=False, only_grows=table in TRAIL)
        for table in connection.introspection.table_names()
    }
    changing = "SELECT, INSERT, UPDATE"
    assert told == (
        dict.fromkeys(READ, "SELECT")
        | dict.fromkeys(TRAIL, "SELECT, INSERT")
        | dict.fromkeys(KEPT, changing)
        | dict.fromkeys(GONE_WHEN_OVER, f"{changing}, DELETE")
    )


@pytest.fixture(scope="module")
def hospital(roles, bundle, tmp_path_factory):
    """An Overread whose web server and workers run as the runtime role."""
    folder = tmp_path_factory.mktemp("roles")
    owner = {"OVERREAD_OWNER_DATABASE_URL": roles.owner}
    with overread(folder, bundle, database_url=roles.runtime, **owner) as one:
        one.start()
        one.tokens = one.people("uploader", "reviewer", "auditor")
        yield one


@pytest.fixture(scope="module")
def signed(hospital):
    """The study of a radiograph that was uploaded, read by the model, signed and amended."""
    uploader, reviewer = hospital.tokens["uploader"], hospital.tokens["reviewer"]
    verdict = hospital.upload(uploader, ("child.dcm", radiographs.dicom(1)))[0]
    settled = hospital.settled(uploader, [verdict["prediction"]], within=30)
    assert settled[verdict["prediction"]]["outcome"] == "scored"
    uid = verdict["study_instance_uid"]
    review = {"finding": settled[verdict["prediction"]]["finding"], "password": PASSWORD}
    answer = hospital.request("POST", f"/api/v1/studies/{uid}/reviews", reviewer, json=review)
    assert answer.status_code == 201, answer.text
    return uid


def privilege_error(roles, statement):
    with pytest.raises(psycopg2.errors.InsufficientPrivilege) as refused:
        run(roles.runtime, statement)
    return str(refused.value)


def test_the_whole_main_job_works_as_the_runtime_role(hospital, signed):
    found = hospital.request("GET", f"/api/v1/studies/{signed}", hospital.tokens["reviewer"])
    assert found.json()["report_status"] == "final"
    assert "BROKEN" not in hospital.manage("verify_audit")
    assert "BREACH" not in hospital.manage("verify_invariants")
    assert not hospital.said("InsufficientPrivilege|permission denied")


def test_the_services_are_connected_as_the_runtime_role_alone(hospital, signed, roles):
    rows = run(
        roles.superuser,
        "SELECT DISTINCT split_part(usename, '_', 1) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename IS NOT NULL",
    )
    assert rows == [("runtime",)]


def test_no_service_is_told_how_to_become_the_owner(hospital, roles):
    for pid in hospital.family():
        with suppress(FileNotFoundError):  # a child of the airlock that has ended
            assert roles.owner.encode() not in Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.parametrize("table", TRAIL)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
def test_what_was_said_is_refused_by_privilege_before_any_trigger(
    hospital, signed, roles, table, statement
):
    assert "permission denied" in privilege_error(roles, statement.format(table))


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER audit_auditevent_no_change ON audit_auditevent",
        "ALTER TABLE audit_auditevent DISABLE TRIGGER ALL",
        "ALTER TABLE audit_auditevent DROP COLUMN detail",
        "ALTER TABLE audit_auditevent OWNER TO CURRENT_USER",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RETURN NEW; END $$",
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE audit_auditevent (id int)",
        "SET session_replication_role = replica",
        "TRUNCATE studies_study CASCADE",
        "DELETE FROM audit_audithead",
        "DELETE FROM studies_instance",
        "DELETE FROM predictions_prediction",
        "DELETE FROM accounts_user",
        "DELETE FROM predictions_pause",
        "DELETE FROM predictions_proposal",
        "DELETE FROM predictions_siteprevalence",
        "DELETE FROM reviews_studylease",
        "DELETE FROM audit_tally",
        "INSERT INTO auth_group (name) VALUES ('a')",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('a', 'b', now())",
        "GRANT UPDATE ON audit_auditevent TO PUBLIC",
    ],
)
def test_the_runtime_role_cannot(hospital, signed, roles, statement):
    if statement.startswith("GRANT"):  # PostgreSQL warns and grants nothing
        run(roles.runtime, statement)
        assert "permission denied" in privilege_error(roles, "UPDATE audit_auditevent SET id = id")
    else:
        assert privilege_error(roles, statement)


def test_the_owner_is_still_stopped_by_the_triggers(hospital, signed, roles):
    with pytest.raises(psycopg2.errors.RaiseException, match="append-only"):
        run(roles.owner, "UPDATE audit_auditevent SET id = id")


def test_another_start_and_another_script_change_nothing(hospital, signed, roles):
    before = grants(roles)
    assert create(roles).returncode == 0
    hospital.manage("migrate", "--verbosity", "0")
    assert grants(roles) == before


def test_a_table_made_later_is_granted_by_the_next_migrate(hospital, signed, roles):
    run(roles.owner, "CREATE TABLE later (id serial PRIMARY KEY)")
    run(roles.owner, f"GRANT TRUNCATE ON audit_auditevent TO {role(roles.runtime)}")
    try:
        privilege_error(roles, "INSERT INTO later DEFAULT VALUES")
        hospital.manage("migrate", "--verbosity", "0")
        run(roles.runtime, "INSERT INTO later DEFAULT VALUES")
        privilege_error(roles, "TRUNCATE audit_auditevent")  # what it had too much is gone
    finally:
        run(roles.owner, "DROP TABLE later")


def test_the_check_finds_a_web_server_that_runs_as_the_owner(hospital, signed, roles):
    assert checked(hospital, DATABASE_URL=roles.runtime) == (0, "")
    code, said = checked(hospital, DATABASE_URL=roles.owner)
    assert code == 1
    assert "overread.E001" in said
    assert "overread.E001" in checked(hospital, DATABASE_URL=roles.superuser)[1]


def test_one_role_for_everything_still_serves_and_is_warned_of(bundle, tmp_path, postgres):
    with overread(tmp_path, bundle) as clinic:
        clinic.manage("migrate", "--verbosity", "0")
        code, said = checked(clinic)
        assert (code, "overread.W001" in said) == (0, True)


def test_tables_of_another_owner_stop_the_migration_with_what_to_do(bundle, tmp_path, postgres):
    with two_roles(postgres) as fresh:
        clinic = Overread(tmp_path, bundle, fresh.superuser)
        clinic.manage("migrate", "--verbosity", "0")
        clinic.env |= fresh.env
        done = manage(clinic, "migrate")
        assert done.returncode == 1
        assert "let OVERREAD_OWNER_DATABASE_URL name postgres" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_clinic_with_one_role_is_given_a_second_by_two_addresses_and_migrate(
    bundle, tmp_path, postgres
):
    with two_roles(postgres) as fresh:
        clinic = Overread(tmp_path, bundle, fresh.owner)
        clinic.manage("migrate", "--verbosity", "0")
        assert create(fresh).returncode == 0
        privilege_error(fresh, "SELECT * FROM accounts_user")
        clinic.env |= fresh.env
        clinic.manage("migrate", "--verbosity", "0")
        assert run(fresh.runtime, "SELECT count(*) FROM accounts_user") == [(0,)]
        privilege_error(fresh, "TRUNCATE audit_auditevent")


def grants(roles):
    return run(
        roles.superuser,
        "SELECT relname, relacl::text FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace ORDER BY relname",
    )


def role(url):
    return url.split("//")[1].split(":")[0]


def manage(one, *arguments, **env):
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=one.env | env,
        capture_output=True,
        text=True,
        check=False,
    )


def checked(one, **env):
    """Return exit code and what is said of roles by a check of a deployment."""
    plain = {k: v for k, v in one.env.items() if k != "OVERREAD_OWNER_DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--database", "default"],
        cwd=ROOT,
        env=plain | {"OVERREAD_ORIGIN": "https://overread.example"} | env,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if "overread." in line]
    return done.returncode, "\n".join(lines)
