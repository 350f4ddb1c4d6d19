"""The drill: a hospital under load is backed up, destroyed, and put back somewhere else."""

import json
import os
import re
import shutil
import threading
from contextlib import ExitStack, contextmanager

import pytest
import requests

from tests.chaos import radiographs
from tests.chaos.harness import PASSWORD, overread, until
from tests.operations.test_database_roles import manage
from tests.operations.two_roles import two_roles
from tests.programs import need

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]
BEFORE = 6


@contextmanager
def hospital(folder, bundle):
    """Give an Overread that was not started: with two roles where the tests run on PostgreSQL."""
    with ExitStack() as stack:
        server = os.environ.get("DATABASE_URL", "")
        url, env = "", {}
        if server.startswith("postgres"):
            for program in ("pg_dump", "pg_restore", "psql"):
                need(program, debian="postgresql-client")
            roles = stack.enter_context(two_roles(server))
            url, env = roles.runtime, {"OVERREAD_OWNER_DATABASE_URL": roles.owner}
        yield stack.enter_context(overread(folder, bundle, database_url=url, **env))


@pytest.fixture(scope="module")
def drill(bundle, tmp_path_factory):
    """Return the tokens, what was answered before, the backup, and the hospital that came of it."""
    folder = tmp_path_factory.mktemp("drill")
    with hospital(folder / "first", bundle) as first:
        first.start()
        tokens = first.people("uploader", "reviewer", "auditor")
        answered = read_and_signed(first, tokens)
        browser = signed_in(first)
        with uploading(first, tokens["uploader"]) as sent:
            until(lambda: len(sent) >= 5, within=30, what="load")
            first.manage("backup", str(folder / "backup"))
            until(lambda: len(sent) >= 10, within=30, what="load after the backup")
        assert all(status == 202 for status in sent)
        assert first.stop() == 0
        shutil.rmtree(first.data)
    with hospital(folder / "second", bundle) as second:
        restored = manage(second, "restore", str(folder / "backup"))
        assert restored.returncode == 0, restored.stdout + restored.stderr
        second.start()
        second.tokens = tokens
        second.browser = browser
        yield second, answered, folder / "backup", restored.stdout


def read_and_signed(one, tokens):
    """Return studies and predictions as the API tells them, one of them signed."""
    files = [(f"{n}.dcm", radiographs.dicom(n)) for n in range(BEFORE)]
    sent = one.upload(tokens["uploader"], *files)
    one.settled(tokens["uploader"], [v["prediction"] for v in sent], within=60)
    first = one.prediction(tokens["reviewer"], sent[0]["prediction"])
    review = {"finding": first["finding"], "password": PASSWORD}
    path = f"/api/v1/studies/{sent[0]['study_instance_uid']}/reviews"
    signed = one.request("POST", path, tokens["reviewer"], json=review)
    assert signed.status_code == 201, signed.text
    return told(one, tokens, [v["study_instance_uid"] for v in sent])


def told(one, tokens, studies):
    return {
        uid: one.request("GET", f"/api/v1/studies/{uid}", tokens["reviewer"]).json()
        for uid in studies
    }


@contextmanager
def uploading(one, token):
    """Upload without a pause while the block runs; the statuses are in the list."""
    statuses, over = [], threading.Event()

    def upload():
        seed = 1000
        while not over.is_set():
            seed += 1
            parts = [("files", (f"{seed}.dcm", radiographs.dicom(seed)))]
            answer = one.request("POST", "/api/v1/uploads", token, files=parts)
            statuses.append(answer.status_code)

    thread = threading.Thread(target=upload)
    thread.start()
    try:
        yield statuses
    finally:
        over.set()
        thread.join(30)


def test_the_restore_itself_verified_the_trail_and_the_invariants(drill):
    _, _, _, said = drill
    assert re.search(r"^st-mary: intact, \d+ events$", said, re.M)
    assert "I-5 OK" in said
    assert "BREACH" not in said


def test_what_was_answered_before_is_answered_again(drill):
    second, answered, _, _ = drill
    assert told(second, second.tokens, answered) == answered
    assert sum(study["report_status"] == "final" for study in answered.values()) == 1


def test_everything_that_was_under_way_is_finished_and_all_is_true(drill):
    second, _, _, _ = drill
    until(lambda: second.python(UNFINISHED) == "0", within=60, what="the end of the queue")
    assert int(second.python(INSTANCES)) > BEFORE  # the load is in it
    assert "BREACH" not in second.manage("verify_invariants")
    assert "BROKEN" not in second.manage("verify_audit")


def signed_in(one):
    """Return a browser in which the reviewer is signed in."""
    browser = requests.Session()
    page = browser.get(f"{one.origin}/sign-in", timeout=10)
    csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
    form = {"csrfmiddlewaretoken": csrf, "username": "reviewer", "password": PASSWORD}
    assert browser.post(f"{one.origin}/sign-in", data=form, timeout=10).status_code == 200
    assert worklist_status(one, browser) == 200
    return browser


def worklist_status(one, browser):
    return browser.get(f"{one.origin}/worklist", allow_redirects=False, timeout=10).status_code


def test_a_person_signs_in_with_the_password_of_before(drill):
    second, _, _, _ = drill
    signed_in(second)


def test_who_was_signed_in_before_no_longer_is(drill):
    second, _, _, _ = drill
    assert worklist_status(second, second.browser) == 302


def test_a_blob_is_byte_for_byte_what_was_uploaded(drill):
    second, _, _, _ = drill
    stored = {path.read_bytes() for path in (second.data / "blobs").glob("??/*")}
    assert {radiographs.dicom(n) for n in range(BEFORE)} <= stored


def test_work_goes_on_and_the_trail_with_it(drill):
    second, _, _, _ = drill
    uploader = second.tokens["uploader"]
    sent = second.upload(uploader, ("new.dcm", radiographs.dicom(5000)))
    second.settled(uploader, [sent[0]["prediction"]], within=30)
    assert "BROKEN" not in second.manage("verify_audit")


def test_a_running_or_a_full_installation_is_not_overwritten(drill):
    second, _, backup, _ = drill
    assert "stop it first" in refused(second, backup)
    assert "stop it first" in refused(second, backup, "--force")


def test_nobody_else_may_read_a_backup(drill):
    _, _, backup, _ = drill
    for path in [backup, *backup.rglob("*")]:
        if path.parent != backup or path.is_dir():
            assert path.stat().st_mode & 0o077 == 0, path
    assert backup.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in (backup / "keys").iterdir()} >= {"audit.pem", "secret_key"}


def test_a_second_backup_links_the_blobs_of_the_first(drill, tmp_path_factory):
    second, _, backup, _ = drill
    target = backup.parent / "linked"
    second.manage("backup", str(target), "--previous", str(backup), "--without-keys")
    old = next(iter((backup / "blobs").glob("??/*")))
    assert (target / old.relative_to(backup)).samefile(old)
    assert not (target / "keys").exists()


@pytest.fixture(scope="module")
def fresh(bundle, tmp_path_factory):
    """An installation in which nothing was ever done; whoever uses it leaves it so."""
    with hospital(tmp_path_factory.mktemp("fresh"), bundle) as one:
        yield one


class TestACopyOfTheBackup:
    """Restores that must not happen, each into a new installation."""

    @pytest.fixture
    def copy(self, drill, tmp_path):
        return shutil.copytree(drill[2], tmp_path / "copy")

    def test_without_its_manifest_it_is_no_backup(self, copy, fresh):
        (copy / "manifest.json").unlink()
        assert "is no backup" in refused(fresh, copy)

    def test_with_a_database_that_was_touched_it_is_refused(self, copy, fresh):
        with (copy / "database.dump").open("ab") as file:
            file.write(b"x")
        assert "database.dump is not the file" in refused(fresh, copy)

    def test_with_one_bit_of_a_blob_flipped_it_is_refused(self, copy, fresh):
        blob = next(iter((copy / "blobs").glob("??/*")))
        content = bytearray(blob.read_bytes())
        content[100] ^= 1
        blob.write_bytes(content)
        assert f"{blob.name} is not the file" in refused(fresh, copy)
        for placed in (fresh.data / "blobs").glob("??/*"):
            placed.unlink()

    def test_of_a_newer_release_it_is_refused(self, copy, fresh):
        changed(copy, migrations=["audit.9999_from_the_future"])
        assert "newer release" in refused(fresh, copy)

    def test_of_the_other_database_it_is_refused(self, copy, fresh):
        changed(copy, database="oracle")
        assert "The backup is of oracle" in refused(fresh, copy)

    def test_without_keys_it_needs_those_of_the_installation(self, copy, fresh):
        without_keys(copy)
        assert "The backup has no keys; put audit.pem" in refused(fresh, copy)

    def test_over_another_installation_it_needs_force(self, copy, bundle, tmp_path):
        with hospital(tmp_path, bundle) as other:
            assert manage(other, "restore", str(copy)).returncode == 0
            other.manage("create_site", "elsewhere", "--name", "Elsewhere")
            stray = other.data / "blobs/00" / ("0" * 64)
            stray.parent.mkdir(exist_ok=True)
            stray.write_bytes(b"of no use")
            assert "--force gives up" in refused(other, copy)
            without_keys(copy)  # those of the installation are the right ones
            forced = manage(other, "restore", str(copy), "--force")
            assert forced.returncode == 0, forced.stdout + forced.stderr
            assert "elsewhere" not in forced.stdout
            assert not stray.exists()


def without_keys(copy):
    manifest = json.loads((copy / "manifest.json").read_text())
    files = {k: v for k, v in manifest["files"].items() if not k.startswith("keys/")}
    changed(copy, files=files)


def test_a_damaged_blob_is_named_and_the_rest_is_backed_up(drill, tmp_path):
    second, _, _, _ = drill
    blob = next(iter((second.data / "blobs").glob("??/*")))
    whole = blob.read_bytes()
    blob.write_bytes(whole[:-1])
    try:
        done = manage(second, "backup", str(tmp_path / "partial"))
    finally:
        blob.write_bytes(whole)
    assert done.returncode == 1
    assert f"damaged: the blob {blob.name}" in done.stderr
    kept = {path.name for path in (tmp_path / "partial/blobs").glob("??/*")}
    assert blob.name not in kept
    assert len(kept) >= BEFORE - 1


def test_a_backup_never_goes_over_something(drill):
    second, _, backup, _ = drill
    done = manage(second, "backup", str(backup))
    assert done.returncode == 1
    assert "is not empty" in done.stderr


def changed(copy, **changes):
    path = copy / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def refused(one, backup, *arguments):
    """Return the sentence with which a restore is refused."""
    done = manage(one, "restore", str(backup), *arguments)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


UNFINISHED = """
from portal.predictions.models import Prediction
print(Prediction.objects.filter(state__in=("queued", "running")).count())
"""
INSTANCES = "from portal.studies.models import Instance; print(Instance.objects.count())"
