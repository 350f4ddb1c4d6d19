"""What is killed in the middle of its work costs time, never a prediction, and never makes two."""

import io
import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.chaos import radiographs
from tests.chaos.harness import LEASE, children_of, until

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]
WITHIN = LEASE + 30


@pytest.fixture
def slow(running):
    """Make every batch of the tiny network take this many seconds."""
    switch = running.hooks / "slow"
    yield lambda seconds: switch.write_text(str(seconds))
    switch.unlink(missing_ok=True)


@pytest.fixture
def worker_is_up(running):
    """Wait until the worker, perhaps killed by the test before, takes work again."""
    check = running.upload(running.tokens["uploader"], ("a.dcm", radiographs.dicom(new_seed())))
    running.settled(running.tokens["uploader"], [check[0]["prediction"]], within=WITHIN)


def new_seed():
    return time.monotonic_ns() // 1000


def send(running, count):
    """Upload ``count`` new radiographs at once and return their predictions' ids."""
    seed = new_seed()
    files = [(f"{n}.dcm", radiographs.dicom(seed + n)) for n in range(count)]
    verdicts = running.upload(running.tokens["uploader"], *files)
    assert [v["status"] for v in verdicts] == ["accepted"] * count, verdicts
    return [v["prediction"] for v in verdicts]


def all_done(running, ids, within=WITHIN):
    """Wait, and return the predictions, each of them scored once and told once in the trail."""
    ended = running.settled(running.tokens["uploader"], ids, within=within)
    assert {p["state"] for p in ended.values()} == {"done"}, ended
    assert {p["outcome"] for p in ended.values()} == {"scored"}, ended
    assert told_once(running, ids)
    return ended


def told_once(running, ids):
    script = """
import sys
from portal.audit.models import AuditEvent
from portal.predictions.models import Prediction
for one in sys.argv[1:]:
    row = Prediction.objects.get(pk=one)
    assert Prediction.objects.filter(instance=row.instance).count() == 1, "two predictions"
    ends = AuditEvent.objects.filter(subject=f"prediction:{one}", action__in=(
        "prediction.completed", "prediction.failed"))
    assert ends.count() == 1, f"{ends.count()} endings"
print("once")
"""
    assert "BROKEN" not in running.manage("verify_audit")
    return running.python(script, *ids) == "once"


def is_running_somewhere(running, ids):
    states = [running.prediction(running.tokens["uploader"], one)["state"] for one in ids]
    return "running" in states


def test_a_worker_killed_in_mid_inference(running, worker_is_up, slow):
    slow(2)
    ids = send(running, 3)
    until(lambda: is_running_somewhere(running, ids), within=10, what="a running prediction")
    os.kill(running.worker(), signal.SIGKILL)
    slow(0)
    ended = all_done(running, ids)
    assert max(p["attempt"] for p in ended.values()) == 2
    assert running.said(r"serve +\| inference was killed by SIGKILL")


def test_a_worker_frozen_past_its_lease_does_not_answer_twice(running, worker_is_up, slow):
    slow(1)
    ids = send(running, 1)
    until(lambda: is_running_somewhere(running, ids), within=10, what="a running prediction")
    worker = running.worker()
    os.kill(worker, signal.SIGSTOP)
    waiting = lambda: running.prediction(running.tokens["uploader"], ids[0])["state"] == "queued"  # noqa: E731
    until(waiting, within=LEASE + 10, what="the sweep")
    os.kill(worker, signal.SIGCONT)
    assert all_done(running, ids)[ids[0]]["attempt"] == 2
    until(lambda: running.said("came too late"), within=5, what="the late answer")


def test_an_airlock_child_killed_in_mid_decoding(running, worker_is_up):
    airlock = running.child("-m", "inference.airlock")
    verdict = running.upload(running.tokens["uploader"], ("big.png", big_png()))[0]
    assert verdict["status"] == "accepted", verdict
    os.kill(long_lived_child(airlock), signal.SIGKILL)
    ended = all_done(running, [verdict["prediction"]])
    assert ended[verdict["prediction"]]["attempt"] == 2


def test_an_airlock_child_killed_at_the_door_is_never_the_files_fault(running, worker_is_up):
    """It lives for some hundredths of a second: not each of the blows is in time."""
    airlock, met = running.child("-m", "inference.airlock"), 0
    for _ in range(60):
        files = [("files", ("a.dcm", radiographs.dicom(new_seed())))]
        post = partial(
            running.request, "POST", "/api/v1/uploads", running.tokens["uploader"], files=files
        )
        with ThreadPoolExecutor(1) as client:
            sent = client.submit(post)
            while not (child := first_child_of(airlock)) and not sent.done():
                time.sleep(0.001)
            with suppress(ProcessLookupError):  # it ended before the blow
                if child:
                    os.kill(child, signal.SIGKILL)
                    met += 1
            answer = sent.result()
        assert answer.status_code == 202, answer.text
        all_done(running, [answer.json()["uploads"][0]["prediction"]])
        if met == 5:
            return
    raise AssertionError(f"only {met} of 60 blows were in time")


def first_child_of(pid):
    """Return a child's process id, 0 if there is none; without a look at every process."""
    try:
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    except (FileNotFoundError, IndexError):
        return 0


def test_the_airlock_killed_comes_back_and_what_waits_is_read(running, worker_is_up):
    airlock = running.child("-m", "inference.airlock")
    os.kill(airlock, signal.SIGSTOP)  # what is sent now cannot be read to the end
    os.kill(airlock, signal.SIGKILL)
    until(lambda: running.said(r"serve +\| airlock was killed"), within=10)
    upload = lambda: running.request(  # noqa: E731
        "POST",
        "/api/v1/uploads",
        running.tokens["uploader"],
        files=[("files", ("a.dcm", radiographs.dicom(new_seed())))],
    )
    answer = until(lambda: (a := upload()).status_code == 202 and a, within=15, every=0.5)
    all_done(running, [answer.json()["uploads"][0]["prediction"]])


def test_a_broker_killed_with_its_memory_lost(running, worker_is_up):
    worker, broker = running.worker(), running.broker()
    os.kill(worker, signal.SIGSTOP)  # the bells stay in the broker
    ids = send(running, 3)
    for file in (running.data / "queue").iterdir():
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    os.kill(broker, signal.SIGKILL)
    os.kill(worker, signal.SIGCONT)
    all_done(running, ids)
    assert running.said(r"serve +\| queue was killed by SIGKILL")


def test_a_frozen_broker_holds_nobody_up(running, worker_is_up):
    broker = running.broker()
    os.kill(broker, signal.SIGSTOP)
    try:
        started = time.monotonic()
        ids = send(running, 2)
        assert time.monotonic() - started < 5
    finally:
        os.kill(broker, signal.SIGCONT)
    all_done(running, ids)


def test_an_image_that_kills_its_worker_every_time_gives_up_and_its_mates_do_not(
    running, worker_is_up
):
    seed = new_seed()
    mates = [(f"{n}.dcm", radiographs.dicom(seed + n)) for n in range(6)]
    poison = ("poison.dcm", radiographs.dicom(seed + 6, radiographs.poison()))
    verdicts = running.upload(running.tokens["uploader"], *mates[:3], poison, *mates[3:])
    ids = [v["prediction"] for v in verdicts]
    poisoned = ids.pop(3)
    ended = running.settled(running.tokens["uploader"], [*ids, poisoned], within=120)
    assert (ended[poisoned]["state"], ended[poisoned]["code"]) == ("failed", "gave_up")
    assert ended[poisoned]["attempt"] == 3
    assert ended[poisoned]["score"] is None
    assert {ended[one]["outcome"] for one in ids} == {"scored"}
    assert max(ended[one]["attempt"] for one in ids) <= 2
    assert told_once(running, [*ids, poisoned])


def big_png():
    """Return a child's radiograph that takes a while to decode."""
    from PIL import Image

    picture = np.kron(radiographs.pixels(new_seed()), np.ones((28, 28)))
    stream = io.BytesIO()
    Image.fromarray((picture * 255).astype(np.uint8)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def long_lived_child(airlock):
    """Return a child that has been at work for some hundredths of a second."""
    seen: dict[int, float] = {}

    def old_enough():
        now = time.monotonic()
        for pid in children_of(airlock):
            if now - seen.setdefault(pid, now) > 0.05:
                return pid
        return None

    return until(old_enough, within=10, every=0.005, what="a child of the airlock")
