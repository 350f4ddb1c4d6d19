"""A disk without room: said with 503, nothing half written, and on it goes once there is room."""

import os
from contextlib import contextmanager

import pytest
import requests

from tests.chaos import radiographs
from tests.chaos.harness import overread, until
from tests.chaos.servers import read_only, small_disk
from tests.chaos.test_kills import WITHIN, new_seed

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]
LATER = {"storage_full", "database_unavailable"}


@pytest.fixture(scope="module")
def cramped(bundle, tmp_path_factory):
    """An Overread whose data lie on a file system of 64 MB."""
    folder = tmp_path_factory.mktemp("cramped")
    with small_disk(folder / "disk", 64) as disk, overread(disk, bundle) as one:
        one.start()
        one.tokens = one.people("uploader", "reviewer")
        yield one


@contextmanager
def filled(folder, *, but=0):
    """Leave ``but`` bytes of room."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                write_until_full(file, size)
            file.truncate(max(0, file.tell() - but))
        yield
    finally:
        filler.unlink()


def write_until_full(file, size):
    while True:
        try:
            if file.write(bytes(size)) < size:
                return
        except OSError:
            return


def post(cramped, content):
    return cramped.request(
        "POST",
        "/api/v1/uploads",
        cramped.tokens["uploader"],
        files=[("files", ("a.dcm", content))],
    )


def rows(cramped):
    script = "from portal.studies.models import Instance, Study\n"
    return cramped.python(f"{script}print(Instance.objects.count(), Study.objects.count())")


def goes_on(cramped, content):
    """Upload as a client would that was told to come back, and see it read to the end."""
    answer = until(lambda: (a := post(cramped, content)).status_code == 202 and a, within=15)
    (verdict,) = answer.json()["uploads"]
    token = cramped.tokens["uploader"]
    ended = cramped.settled(token, [verdict["prediction"]], within=WITHIN)
    assert ended[verdict["prediction"]]["outcome"] == "scored"
    assert list((cramped.data / "incoming").iterdir()) == []
    for command in ("verify_invariants", "verify_audit"):
        words = cramped.manage(command)
        assert "BREACH" not in words
        assert "BROKEN" not in words


def test_a_disk_that_fills_up_while_a_file_streams_in(cramped):
    before = rows(cramped)
    with filled(cramped.data.parent, but=2 << 20):
        answer = post(cramped, os.urandom(6 << 20))
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_full")
        assert int(answer.headers["Retry-After"]) > 0
        assert list((cramped.data / "incoming").iterdir()) == []
        small = radiographs.dicom(new_seed())
        assert post(cramped, small).status_code == 202  # there is room for this one
    assert rows(cramped) == " ".join(str(int(n) + 1) for n in before.split())
    goes_on(cramped, radiographs.dicom(new_seed()))


def test_a_disk_full_to_the_last_byte_is_an_outage_and_no_bug(cramped):
    before, content = rows(cramped), radiographs.dicom(new_seed())
    with filled(cramped.data.parent):
        for _ in range(5):
            answer = post(cramped, content)
            assert answer.status_code == 503, answer.text
            assert answer.json()["code"] in LATER
            assert int(answer.headers["Retry-After"]) > 0
        for path in ("/api/v1/studies", "/api/v1/studies?limit=5"):
            answer = cramped.request("GET", path, cramped.tokens["reviewer"])
            assert answer.status_code in {200, 503}, answer.text
        page = requests.get(f"{cramped.origin}/sign-in", timeout=30)
        assert page.status_code in {200, 503}
        assert list((cramped.data / "incoming").iterdir()) == []
    assert rows(cramped) == before
    goes_on(cramped, content)


@pytest.mark.parametrize("folder", ["incoming", "blobs"])
def test_a_store_that_takes_no_files_is_an_outage(cramped, folder):
    before, content = rows(cramped), radiographs.dicom(new_seed())
    with read_only(cramped.data / folder):
        answer = post(cramped, content)
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert list((cramped.data / "incoming").iterdir()) == []
    assert rows(cramped) == before
    goes_on(cramped, content)


def test_work_that_was_promised_before_the_disk_filled_up_is_done(cramped):
    import signal
    import time

    worker = cramped.worker()
    os.kill(worker, signal.SIGSTOP)
    files = [(f"{n}.dcm", radiographs.dicom(new_seed() + n)) for n in range(3)]
    verdicts = cramped.upload(cramped.tokens["uploader"], *files)
    with filled(cramped.data.parent):
        os.kill(worker, signal.SIGCONT)
        time.sleep(5)
    ids = [verdict["prediction"] for verdict in verdicts]
    ended = cramped.settled(cramped.tokens["uploader"], ids, within=WITHIN)
    assert {one["outcome"] for one in ended.values()} == {"scored"}
    goes_on(cramped, radiographs.dicom(new_seed()))
