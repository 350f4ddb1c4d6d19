"""Several processes at once, on both databases."""

import os
import signal
import time

import pytest

from tests.portal.intake.files import dicom, png, uid

SEED = """
from portal.predictions.version_services import deploy_model
from tests.factories import make_model_version, make_site, make_user
site = make_site("demo")
make_user(site, "uploader", "reader", username="uploader")
deploy_model(site=site, version=make_model_version())
say(True)
"""
UPLOAD = """
from dataclasses import asdict
from pathlib import Path
from portal.accounts.selectors import user_named
from portal.errors import PortalError
from portal.intake import Received, accept_uploads
from portal.studies.blobs import store
path, _, key = sys.argv[1].partition(":")
writer = store.begin()
writer.write(Path(path).read_bytes())
file = Received(filename="a", blob=writer.finish())
user = user_named("uploader")
ready()
try:
    (verdict,) = accept_uploads(files=[file], idempotency_key=key, by=user)
    say(asdict(verdict))
except PortalError as refusal:
    say({"status": "error", "code": refusal.code})
"""
COUNT = """
from portal.audit.selectors import verify_chain
from portal.predictions.models import Prediction
from portal.reviews.invariants import check_invariants
from portal.studies.models import Instance, Study
from portal.studies.blobs import store
broken = [b for i in check_invariants() for b in i.breaches]
say([Study.objects.count(), Instance.objects.count(), Prediction.objects.count(),
     len(list(store.hashes())), len(list(store.waiting())), broken])
"""


@pytest.fixture
def portal(own_portal, portal_airlock):
    own_portal.environment["OVERREAD_AIRLOCK_SOCKET"] = str(portal_airlock)
    own_portal.run(SEED)
    return own_portal


@pytest.fixture
def on_disk(tmp_path):
    """Return a function that writes bytes and gives the path."""

    def write(content: bytes) -> str:
        path = tmp_path / f"sent-{uid()}"
        path.write_bytes(content)
        return str(path)

    return write


def sorted_statuses(verdicts: list[dict]) -> list[str]:
    return sorted(verdict["status"] for verdict in verdicts)


def test_the_same_bytes_sent_by_six_at_once_are_accepted_once(portal, on_disk):
    verdicts = portal.race(UPLOAD, [on_disk(dicom())] * 6)
    assert sorted_statuses(verdicts) == ["accepted", *["duplicate"] * 5]
    for member in ("study_instance_uid", "sop_instance_uid", "prediction"):
        assert len({verdict[member] for verdict in verdicts}) == 1
    assert portal.run(COUNT) == [1, 1, 1, 1, 0, []]


def test_a_study_claimed_for_two_patients_at_once_belongs_to_one(portal, on_disk):
    study = uid()
    files = [on_disk(dicom(StudyInstanceUID=study, PatientID=f"P{n % 2}")) for n in range(6)]
    verdicts = portal.race(UPLOAD, files)
    assert sorted_statuses(verdicts) == [*["accepted"] * 3, *["refused"] * 3]
    assert {v["code"] for v in verdicts if v["status"] == "refused"} == {"patient_mismatch"}
    assert portal.run(COUNT) == [1, 3, 3, 3, 0, []]


def test_of_six_images_with_one_uid_the_first_is_kept(portal, on_disk):
    same = {"SOPInstanceUID": uid(), "StudyInstanceUID": uid(), "SeriesInstanceUID": uid()}
    files = [on_disk(dicom(**same, SeriesDescription=f"take {n}")) for n in range(6)]
    verdicts = portal.race(UPLOAD, files)
    assert sorted_statuses(verdicts) == ["accepted", *["refused"] * 5]
    assert {v["code"] for v in verdicts} == {"", "sop_instance_conflict"}
    assert portal.run(COUNT) == [1, 1, 1, 1, 0, []]


def test_one_key_used_by_six_at_once_has_one_answer(portal, on_disk):
    verdicts = portal.race(UPLOAD, [f"{on_disk(png())}:key"] * 6)
    assert all(verdict == verdicts[0] for verdict in verdicts)
    assert portal.run(COUNT) == [1, 1, 1, 1, 0, []]


def test_one_key_for_two_contents_at_once_serves_one_of_them(portal, on_disk):
    files = [f"{on_disk(png(shade))}:key" for shade in (1, 2)] * 3
    verdicts = portal.race(UPLOAD, files)
    assert {v["code"] for v in verdicts} == {"", "idempotency_key_reused"}
    assert sorted_statuses(verdicts)[3:] == ["error"] * 3
    assert portal.run(COUNT) == [1, 1, 1, 1, 0, []]


DIE = """
import os, signal
from portal.intake import settle
def die(*_args, **_kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
settle.record = die
"""
CLEAN = """
from datetime import timedelta
from portal.studies.services import remove_orphans
say(remove_orphans(older_than=timedelta(seconds=float(sys.argv[1]))))
"""


def test_a_process_killed_before_its_commit_leaves_an_orphan_that_is_removed(portal, on_disk):
    path = on_disk(dicom())
    assert portal.ends(DIE + UPLOAD, [path]) == [(-signal.SIGKILL, None)]
    assert portal.run(COUNT)[:5] == [0, 0, 0, 1, 0]
    assert portal.run(CLEAN, "3600") == 0
    assert portal.run(CLEAN, "0") == 1
    assert portal.race(UPLOAD, [path])[0]["status"] == "accepted"
    assert portal.run(COUNT) == [1, 1, 1, 1, 0, []]


def test_an_orphan_sent_again_before_it_is_removed_is_kept(portal, on_disk):
    path = on_disk(dicom())
    portal.ends(DIE + UPLOAD, [path])
    (orphan,) = portal.data.glob("blobs/??/*")
    os.utime(orphan, (time.time() - 7200, time.time() - 7200))
    assert portal.race(UPLOAD, [path])[0]["status"] == "accepted"
    assert portal.run(CLEAN, "3600") == 0
    assert portal.run(COUNT) == [1, 1, 1, 1, 0, []]


UPLOAD_MANY = """
from pathlib import Path
from portal.accounts.selectors import user_named
from portal.intake import Received, accept_uploads
from portal.studies.blobs import store
user = user_named("uploader")
ready()
for path in sys.argv[1].split(","):
    if path != "clean":
        writer = store.begin()
        writer.write(Path(path).read_bytes())
        (verdict,) = accept_uploads(files=[Received(filename="a", blob=writer.finish())], by=user)
        assert verdict.status == "accepted", verdict
if sys.argv[1] == "clean":
    import time
    from datetime import timedelta
    from portal.studies.services import remove_orphans
    ends = time.monotonic() + 4
    while time.monotonic() < ends:
        remove_orphans(older_than=timedelta())  # every blob without a row, however young
say(True)
"""


def test_an_upload_never_loses_its_blob_to_the_cleaner(portal, on_disk):
    """Even when the cleaner takes every file without a row, however young it is.

    Only ``incoming/`` is not safe from such a cleaner; an hour is. So the files wait elsewhere.
    """
    script = UPLOAD_MANY.replace(
        "remove_orphans(older_than=timedelta())",
        "services.remove_orphans(older_than=timedelta())",
    ).replace(
        "from portal.studies.services import remove_orphans",
        "from portal.studies import services; services.store.waiting = lambda **_: iter(())",
    )
    paths = [",".join(on_disk(png(4 * n + k)) for n in range(12)) for k in range(2)]
    portal.race(script, [*paths, "clean", "clean"])
    studies, instances, _, blobs, waiting, broken = portal.run(COUNT)
    assert (studies, instances, blobs, waiting, broken) == (24, 24, 24, 0, [])
