"""The task: what it claims, when it stops, what it leaves to the sweep."""

import socket
import threading
from datetime import timedelta

import pytest
from celery.worker import state
from django.db.models.functions import Now

from inference import Refusal
from portal import queue
from portal.predictions.models import Prediction, Worker
from portal.predictions.services import claim_predictions
from tests.factories import make_instance, make_prediction, make_study
from worker import leases, model, reading, tasks
from worker.identity import process_prefix, worker_name

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(site, uploader, shipped):
    """Make queued predictions of images that are no images."""
    return lambda count: [
        make_prediction(make_instance(make_study(site)), version=shipped) for _ in range(count)
    ]


@pytest.fixture
def batches(monkeypatch):
    """Read as if the airlock refused all; return the batches that were read."""
    seen = []

    def begin(_classifier, rows):
        seen.append([row.pk for row in rows])
        return lambda: unreadable(rows)

    monkeypatch.setattr(reading, "begin", begin)
    return seen


def unreadable(rows):
    return [Refusal("unreadable", "Not an image.", "failed") for _ in rows]


@pytest.fixture(autouse=True)
def airlock_is_there(settings, tmp_path):
    """Somebody takes connections at the airlock's socket."""
    settings.OVERREAD_AIRLOCK_SOCKET = str(tmp_path / "airlock.sock")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(settings.OVERREAD_AIRLOCK_SOCKET)
        door.listen()
        yield


@pytest.fixture
def rings(monkeypatch):
    rung = []
    monkeypatch.setattr(queue, "ring", lambda: rung.append(1) or True)
    return rung


def states():
    return set(Prediction.objects.values_list("state", flat=True))


def test_every_task_that_the_portal_sends_is_registered():
    assert queue.DRAIN in queue.app.tasks
    assert queue.app.tasks[queue.DRAIN].acks_late
    assert queue.app.tasks[queue.DRAIN].ignore_result


def test_one_bell_is_enough_for_all_rows(waiting, batches, rings):
    waiting(20)
    tasks.drain()
    assert states() == {"failed"}
    assert [len(batch) for batch in batches] == [8, 8, 4]
    assert not rings


def test_a_bell_for_nothing_does_nothing(shipped, batches, rings):
    tasks.drain()
    assert not batches
    assert not rings


def test_a_task_that_ran_for_long_passes_the_bell_on(waiting, batches, rings, monkeypatch):
    waiting(20)
    monkeypatch.setattr(tasks, "BOUND_SECONDS", -1.0)
    tasks.drain()
    assert [len(batch) for batch in batches] == [8]
    assert states() == {"failed", "queued"}
    assert len(rings) == 1


def test_a_task_that_ran_for_long_rings_no_more_once_nothing_waits(
    waiting, batches, rings, monkeypatch
):
    waiting(3)
    monkeypatch.setattr(tasks, "BOUND_SECONDS", -1.0)
    tasks.drain()
    assert not rings


def test_a_worker_told_to_stop_finishes_its_batch_and_no_more(waiting, batches, rings, monkeypatch):
    waiting(20)
    monkeypatch.setattr(state, "should_stop", 0)
    tasks.drain()
    assert [len(batch) for batch in batches] == [8]
    assert states() == {"failed", "queued"}
    assert len(rings) == 1


def test_the_files_of_the_next_batch_are_opened_while_one_is_in_the_network(waiting, monkeypatch):
    waiting(12)
    begun, next_is_open = [], threading.Event()

    def begin(_classifier, rows):
        begun.append(rows)
        if len(begun) == 2:
            next_is_open.set()

        def score():
            assert next_is_open.wait(20)
            return unreadable(rows)

        return score

    monkeypatch.setattr(reading, "begin", begin)
    tasks.drain()
    assert states() == {"failed"}


def test_a_worker_told_to_stop_in_the_network_finishes_what_it_has_in_hand(
    waiting, monkeypatch, rings
):
    waiting(20)
    begun = []

    def begin(_classifier, rows):
        begun.append(rows)
        if len(begun) == 2:
            monkeypatch.setattr(state, "should_stop", 0)
        return lambda: unreadable(rows)

    monkeypatch.setattr(reading, "begin", begin)
    tasks.drain()
    assert [len(rows) for rows in begun] == [8, 8]
    assert Prediction.objects.filter(state="failed").count() == 16
    assert states() == {"failed", "queued"}
    assert len(rings) == 1


def test_a_row_that_was_tried_before_is_alone_in_hand_while_it_is_read(waiting, monkeypatch):
    first, tried, _, _ = waiting(4)
    Prediction.objects.filter(pk=tried.pk).update(attempt=1, priority=1)
    Prediction.objects.filter(pk=first.pk).update(attempt=1, priority=0)
    in_hand = []

    def begin(_classifier, rows):
        in_hand.append([row.attempt for row in rows])
        return lambda: in_hand.append("read") or unreadable(rows)

    monkeypatch.setattr(reading, "begin", begin)
    tasks.drain()
    assert in_hand == [[2], "read", [2], "read", [1, 1], "read"]
    assert states() == {"failed"}


def test_what_comes_while_the_last_batch_is_in_the_network_needs_no_other_bell(
    waiting, monkeypatch, rings
):
    waiting(1)
    late = iter([lambda: waiting(1)])

    def claim(**how):
        batch = claims(**how)
        if not batch:
            next(late, lambda: None)()  # nothing was there a moment ago
        return batch

    claims = tasks.claim
    monkeypatch.setattr(tasks, "claim", claim)
    monkeypatch.setattr(reading, "begin", lambda _, rows: lambda: unreadable(rows))
    tasks.drain()
    assert states() == {"failed"}
    assert not rings


@pytest.mark.parametrize("late", [False, True])
def test_an_error_leaves_the_rows_to_the_sweep_and_their_lease_runs_out(waiting, monkeypatch, late):
    waiting(2)

    def fail():
        raise RuntimeError("a bug")

    monkeypatch.setattr(reading, "begin", lambda *_: fail if late else fail())
    with pytest.raises(RuntimeError):
        tasks.drain()
    assert states() == {"running"}
    before = Prediction.objects.values_list("lease_until", flat=True).first()
    leases.beat()
    assert Prediction.objects.values_list("lease_until", flat=True).first() == before


def test_the_heartbeat_renews_what_is_in_hand_and_nothing_else(waiting):
    waiting(2)
    lease = timedelta(seconds=5)
    ours = claim_predictions(limit=1, worker=worker_name(), lease=lease)
    dropped = claim_predictions(limit=1, worker=worker_name(), lease=lease)
    with leases.empty_hands_at_the_end():
        leases.take_in_hand(ours)
        leases.beat()
    renewed = Prediction.objects.get(pk=ours[0].pk).lease_until
    assert renewed > ours[0].lease_until + timedelta(seconds=30)
    assert Prediction.objects.get(pk=dropped[0].pk).lease_until == dropped[0].lease_until


def test_what_was_let_go_is_not_renewed(waiting):
    waiting(1)
    ours = claim_predictions(limit=1, worker=worker_name(), lease=timedelta(seconds=5))
    leases.take_in_hand(ours)
    leases.let_go(ours)
    leases.beat()
    assert Prediction.objects.get().lease_until == ours[0].lease_until


def test_a_lease_that_ran_out_is_not_renewed(waiting):
    waiting(1)
    ours = claim_predictions(limit=1, worker=worker_name(), lease=timedelta(seconds=5))
    Prediction.objects.update(lease_until=Now() - timedelta(seconds=1))
    gone = Prediction.objects.get().lease_until
    with leases.empty_hands_at_the_end():
        leases.take_in_hand(ours)
        leases.beat()
    assert Prediction.objects.get().lease_until == gone


@pytest.mark.parametrize(("device", "seconds"), [("cpu", 60), ("gpu", 0)])
def test_a_slow_worker_leaves_new_rows_to_the_fast_ones(
    shipped, settings, monkeypatch, device, seconds
):
    settings.OVERREAD_CLAIM_AFTER = 60
    monkeypatch.setattr(model.classifier_of(shipped), "device", device)
    assert tasks.claim_after_seconds() == seconds
    leases.beat()
    assert Worker.objects.get().device == device


def test_a_row_that_is_left_to_faster_workers_makes_no_endless_ringing(
    waiting, batches, rings, settings
):
    waiting(1)
    settings.OVERREAD_CLAIM_AFTER = 60
    tasks.drain()
    assert not batches
    assert not rings
    assert states() == {"queued"}


def test_without_an_airlock_nothing_is_claimed_and_no_attempt_is_lost(
    waiting, batches, settings, tmp_path
):
    waiting(1)
    settings.OVERREAD_AIRLOCK_SOCKET = str(tmp_path / "nobody.sock")
    tasks.drain()
    assert not batches
    row = Prediction.objects.get()
    assert (row.state, row.attempt) == ("queued", 0)


def test_a_worker_says_who_it_is_so_that_its_parent_knows_it():
    import os

    assert worker_name().startswith(process_prefix(os.getpid()))
    assert worker_name() == worker_name()
