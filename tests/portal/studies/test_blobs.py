import hashlib
import os
import stat
import threading
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine

from portal.studies import blobs
from portal.studies.blobs import FileBlobStore, StorageUnavailable, store
from portal.studies.services import remove_orphans
from tests.factories import keep_blob, make_instance, make_study

EVERYTHING = timedelta()


def age(path, hours: float = 2.0) -> None:
    """Make a file look as old as that."""
    moment = time.time() - hours * 3600
    os.utime(path, (moment, moment))


def incoming(content: bytes = b"abc"):
    writer = store.begin()
    for chunk in (content[:1], content[1:]):
        writer.write(chunk)
    return writer.finish()


def test_a_file_is_hashed_while_it_is_written():
    blob = incoming(b"hello")
    assert blob.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert blob.size == 5
    assert blob.path.read_bytes() == b"hello"


def test_an_empty_file_has_a_hash_too():
    blob = store.begin().finish()
    assert (blob.size, blob.sha256) == (0, hashlib.sha256().hexdigest())


def test_a_kept_file_lies_under_its_hash():
    blob = incoming()
    store.keep(blob)
    kept = store.path(blob.sha256)
    assert kept == store.root / "blobs" / blob.sha256[:2] / blob.sha256
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert store.exists(blob.sha256)
    assert not blob.path.exists()
    with store.open(blob.sha256) as file:
        assert file.read() == b"abc"


def test_the_same_bytes_are_stored_once():
    first, second = incoming(), incoming()
    assert first.path != second.path
    store.keep(first)
    store.keep(second)
    assert list(store.hashes()) == [first.sha256]
    assert list(store.waiting()) == []


def test_what_is_discarded_is_gone_and_may_be_discarded_again():
    blob = incoming()
    blob.discard()
    blob.discard()
    writer = store.begin()
    writer.write(b"x")
    writer.discard()
    assert list(store.waiting()) == []


def test_what_was_kept_is_not_discarded():
    blob = incoming()
    store.keep(blob)
    blob.discard()
    assert store.exists(blob.sha256)


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "a" * 63, "." * 64, "/" * 64])
def test_what_is_no_hash_is_no_path(name):
    with pytest.raises(ValueError, match="SHA-256"):
        store.path(name)


def test_a_blob_that_is_not_there_cannot_be_opened():
    assert not store.exists("0" * 64)
    with pytest.raises(FileNotFoundError):
        store.open("0" * 64)


def test_a_store_may_lie_elsewhere(tmp_path):
    (tmp_path / "incoming").mkdir()
    (tmp_path / "blobs").mkdir()
    elsewhere = FileBlobStore(tmp_path)
    writer = elsewhere.begin()
    writer.write(b"x")
    elsewhere.keep(writer.finish())
    assert len(list(elsewhere.hashes())) == 1
    assert list(store.hashes()) == []


def test_an_old_blob_without_a_row_is_removed_and_a_young_one_is_not(site):
    kept = make_instance(make_study(site))
    old, young = keep_blob(b"old")[0], keep_blob(b"young")[0]
    age(store.path(old))
    age(store.path(kept.sha256))
    assert remove_orphans() == 1
    assert sorted(store.hashes()) == sorted([kept.sha256, young])


def test_an_old_file_in_incoming_is_removed_and_a_young_one_is_not(db):
    old, young = incoming(b"old"), incoming(b"young")
    age(old.path)
    assert remove_orphans() == 1
    assert list(store.waiting()) == [young.path]


def test_a_file_that_is_still_being_written_is_young(db):
    writer = store.begin()
    writer.write(b"x")
    age(next(store.waiting()))
    writer.write(b"y")
    assert remove_orphans() == 0
    writer.discard()


@pytest.mark.parametrize("wrong", [timedelta(days=1), timedelta(days=-1)])
def test_what_is_old_is_decided_by_the_clock_that_dates_the_files(db, wrong):
    young, old = incoming(b"young"), incoming(b"old")
    age(old.path)
    with time_machine.travel(time.time() + wrong.total_seconds()):
        assert remove_orphans() == 1
    assert list(store.waiting()) == [young.path]


def test_an_orphan_whose_bytes_come_again_is_young(db):
    sha256, _ = keep_blob(b"again")
    age(store.path(sha256))
    keep_blob(b"again")
    assert remove_orphans() == 0
    assert store.exists(sha256)


def test_a_blob_that_got_its_row_since_it_was_listed_is_kept(site, monkeypatch):
    study = make_study(site)
    sha256, _ = keep_blob(b"late")
    age(store.path(sha256))
    clearing = store.clearing

    @contextmanager
    def late():
        make_instance(study, content=b"late")
        age(store.path(sha256))
        with clearing() as alone:
            yield alone

    monkeypatch.setattr(store, "clearing", late)
    assert remove_orphans() == 0
    assert store.exists(sha256)


def test_nothing_is_removed_while_an_upload_is_being_accepted(db):
    sha256, _ = keep_blob(b"orphan")
    with store.holding():
        assert remove_orphans(EVERYTHING) == 0
    assert remove_orphans(EVERYTHING) == 1
    assert not store.exists(sha256)


def test_an_upload_waits_while_something_is_removed():
    entered = threading.Event()

    def hold() -> None:
        with store.holding():
            entered.set()

    with store.clearing() as alone:
        assert alone
        thread = threading.Thread(target=hold)
        thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(10)
    thread.join(10)


def test_a_cleaner_that_stands_still_holds_uploads_up_for_a_while_and_no_longer(monkeypatch):
    """Frozen, or at a disk that does not answer: the thread of the web server must come back."""
    monkeypatch.setattr(blobs, "HELD_UP_SECONDS", 0.3)
    with store.clearing() as alone:
        assert alone
        started = time.monotonic()
        with pytest.raises(StorageUnavailable), store.holding():
            pass
        assert time.monotonic() - started < 3
    with store.holding():
        pass


def test_uploads_do_not_wait_for_each_other():
    with store.holding(), store.holding(), store.clearing() as alone:
        assert not alone


def test_of_two_cleaners_one_works():
    with store.clearing() as first, store.clearing() as second:
        assert (first, second) == (True, False)
