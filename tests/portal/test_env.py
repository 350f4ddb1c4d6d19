"""What is wrong in the environment stops the start with a sentence."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection

from portal import env
from portal.operations import dumps

ROOT = Path(__file__).parents[2]


def start(tmp_path, command="check", **variables):
    """Run a command of `manage.py` in a clean environment with ``variables``."""
    clean = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("OVERREAD_", "DATABASE_", "REDIS_"))
    }
    return subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=ROOT,
        env={**clean, "OVERREAD_DATA": str(tmp_path / "data"), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_defaults_start(tmp_path):
    done = start(tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("OVERREAD_LEESE_SECONDS", "60", "is not a setting"),
        ("OVERREAD_LEASE_SECONDS", "soon", "number of seconds"),
        ("OVERREAD_LEASE_SECONDS", "0", "above 0"),
        ("OVERREAD_LEASE_SECONDS", "inf", "above 0"),
        ("OVERREAD_LEASE_SECONDS", "nan", "above 0"),
        ("OVERREAD_MAX_UPLOAD_MB", "-1", "whole number"),
        ("OVERREAD_WEB_THREADS", "0", "at least 1"),
        ("OVERREAD_DEVICE", "tpu", "auto, cpu, gpu"),
        ("OVERREAD_ENGINE", "abacus", "auto, tensorflow, ncnn, onnx, reduced"),
        ("OVERREAD_ORIGIN", "overread.example", "https://"),
        ("OVERREAD_ORIGIN", "https://overread.example/path", "https://"),
        ("DATABASE_URL", "mysql://root@localhost/x", "postgresql://"),
        ("OVERREAD_LOG_LEVEL", "LOUD", "one of"),
        ("OVERREAD_LOG_FORMAT", "xml", "console, json"),
        ("OVERREAD_METRICS_TOKEN", "short", "at least 24"),
        ("REDIS_URL", "http://127.0.0.1", "redis://"),
    ],
)
def test_a_wrong_value_is_one_sentence_and_exit_code_2(tmp_path, name, value, words):
    done = start(tmp_path, **{name: value})
    assert done.returncode == 2
    assert done.stderr.startswith("overread: ")
    assert name in done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_data_folder_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    done = start(tmp_path, OVERREAD_DATA=str(tmp_path / "file"))
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_secret_is_made_once_and_for_its_owner_only(tmp_path, monkeypatch):
    monkeypatch.delenv("OVERREAD_SECRET_KEY", raising=False)
    kept = tmp_path / "alone" / "secret_key"
    kept.parent.mkdir()
    first = env.secret("OVERREAD_SECRET_KEY", kept_in=kept)
    assert len(first) >= 50
    assert env.secret("OVERREAD_SECRET_KEY", kept_in=kept) == first
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert list(kept.parent.iterdir()) == [kept]


def test_a_given_secret_wins_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_SECRET_KEY", "given")
    kept = tmp_path / "secret_key"
    assert env.secret("OVERREAD_SECRET_KEY", kept_in=kept) == "given"
    assert not kept.exists()


def test_a_secret_may_come_from_a_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x" * 60 + "\n")
    done = start(tmp_path, OVERREAD_SECRET_KEY_FILE=str(secret))
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "data" / "keys" / "secret_key").exists()


@pytest.mark.parametrize("name", sorted(env.MAY_BE_FILES - {"OVERREAD_SECRET_KEY"}))
def test_an_address_with_a_password_may_come_from_a_file(tmp_path, name):
    secret = tmp_path / "secret"
    secret.write_text("nonsense\n")
    database = {"DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c"} if "OWNER" in name else {}
    done = start(tmp_path, **database, **{f"{name}_FILE": str(secret)})
    assert f"{name} " in one_sentence(done)
    assert "nonsense" not in done.stderr  # it may hold a password


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_file_that_is_missing_or_empty_stops_the_start(tmp_path, content):
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_text(content)
    done = start(tmp_path, OVERREAD_SECRET_KEY_FILE=str(secret))
    assert one_sentence(done) == (
        f"overread: OVERREAD_SECRET_KEY_FILE names {secret}, which "
        f"{'cannot be read' if content is None else 'is empty'}."
    )


def test_a_secret_said_twice_stops_the_start(tmp_path):
    done = start(tmp_path, OVERREAD_SECRET_KEY="x" * 60, OVERREAD_SECRET_KEY_FILE="/dev/null")
    assert "both set" in one_sentence(done)


def test_a_setting_that_is_no_secret_takes_no_file(tmp_path):
    done = start(tmp_path, OVERREAD_DEVICE_FILE="/dev/null")
    assert "OVERREAD_DEVICE_FILE is not a setting" in one_sentence(done)


@pytest.mark.parametrize(
    ("owner", "runtime", "words"),
    [
        ("postgresql://a:b@h/x", "sqlite:////tmp/x", "must both start with postgresql://"),
        ("sqlite:////tmp/x", "postgresql://a:b@h/x", "must both start with postgresql://"),
        ("postgresql://a:b@h/x", "postgresql://c:d@h/y", "the same database"),
        ("postgresql://a:b@h/x", "postgresql://a:b@h/x", "two roles, not one"),
    ],
)
def test_an_owner_that_makes_no_sense_stops_the_start(tmp_path, owner, runtime, words):
    done = start(tmp_path, OVERREAD_OWNER_DATABASE_URL=owner, DATABASE_URL=runtime)
    assert words in one_sentence(done)


def one_sentence(done):
    """Return what stopped the start."""
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    return done.stderr.strip()


def test_sockets_move_to_a_short_folder_when_the_path_is_long(tmp_path):
    short = env.run_folder(tmp_path / ("x" * 100))
    assert len(str(short)) < 80
    assert stat.S_IMODE(short.stat().st_mode) == 0o700
    short.rmdir()


def test_sockets_find_a_short_folder_where_that_of_temporary_files_is_long_too(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / ("y" * 100)))
    short = env.run_folder(tmp_path / ("x" * 100))
    assert len(str(short)) < 80
    short.rmdir()


def test_every_setting_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    hidden = {"OVERREAD_ALLOW_TEST_BUNDLE", "OVERREAD_TEST_DATA"}
    short = {
        "OVERREAD_AIRLOCK_CPU_SECONDS": "_CPU_SECONDS",
        "OVERREAD_AIRLOCK_WALL_SECONDS": "_WALL",
    }
    missing = [n for n in env.KNOWN - hidden if n not in readme and short.get(n, n) not in readme]
    assert missing == []


@pytest.mark.parametrize(
    "command", ["serve --port 0", "prepare", "verify_audit", "create_site st-mary --name x"]
)
def test_a_command_says_in_a_sentence_that_the_database_is_away(tmp_path, command):
    server = "postgresql://portal:secret@127.0.0.1:1/overread"
    done = start(tmp_path, command, DATABASE_URL=server)
    assert done.returncode == 2, done.stderr
    assert "overread: the database does not answer (" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_a_key_is_on_disk_for_good_before_it_has_its_name(tmp_path, monkeypatch):
    """After a power cut it would be empty, and all that was signed with it worth nothing."""
    kept, path = [], tmp_path / "audit.pem"
    honest = os.fsync
    keep = lambda descriptor: kept.append((path.exists(), honest(descriptor)))  # noqa: E731
    monkeypatch.setattr(os, "fsync", keep)
    assert env.write_once(path, b"first")
    assert [was_there for was_there, _ in kept] == [False, True]
    assert not env.write_once(path, b"second")
    assert path.read_bytes() == b"first"
    assert [file.name for file in tmp_path.glob("audit*")] == ["audit.pem"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_first_of_many_writers_wins_and_no_other_harms_it(tmp_path, monkeypatch):
    """Containers that share a folder may have one process id."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    path = tmp_path / "secret_key"
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: env.write_once(path, b"%d" % n * 5000), range(32)))
    assert won.count(True) == 1
    assert path.read_bytes() == b"%d" % won.index(True) * 5000


@pytest.fixture
def postgresql(db):
    """Return a question to the server: what a setting is on a connection of the product."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite waits for 20 s, see the settings; set DATABASE_URL to run this")

    def show(name):
        with connection.cursor() as cursor:
            cursor.execute(f"SHOW {name}")
            return cursor.fetchone()[0]

    return show


def test_nobody_waits_for_ever_on_postgresql(postgresql):
    """For a lock, a transaction that stands still, a server that says nothing."""
    assert postgresql("lock_timeout") == "20s"
    assert postgresql("idle_in_transaction_session_timeout") == "1min"
    options = connection.settings_dict["OPTIONS"]
    assert options["connect_timeout"] == 5
    assert options["tcp_user_timeout"] == 30_000


def test_a_backup_may_wait_for_its_copy_with_a_transaction_open(
    monkeypatch, tmp_path, transactional_db
):
    if connection.vendor != "postgresql":
        pytest.skip("a copy of SQLite holds no transaction; set DATABASE_URL to run this")
    seen = []

    def pg_dump(*_arguments):
        with connection.cursor() as cursor:
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            seen.append(cursor.fetchone()[0])

    monkeypatch.setattr(dumps, "_run", pg_dump)
    dumps.dump(tmp_path / "dump")
    assert seen == ["0"]
