"""The threads beside the tasks go on through outages."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from portal.audit.services import heads_file
from portal.predictions.models import Deployment, Prediction, Worker
from portal.predictions.pause_services import pause_model
from portal.reviews.models import ReviewAnswer
from portal.reviews.services import Conditions, Read, sign_review
from portal.studies.models import UploadAnswer
from portal.studies.services import begin_answer
from tests.factories import (
    PASSWORD,
    make_instance,
    make_model_version,
    make_prediction,
    make_study,
    make_user,
    start,
)
from worker import lifecycle, sweeping
from worker.repeating import Repeating


@pytest.mark.parametrize("outage", [OperationalError("gone"), OSError("disk full")])
def test_an_outage_is_said_and_the_next_turn_comes(outage, caplog):
    turns = threading.Semaphore(0)

    def act():
        turns.release()
        raise outage

    thread = Repeating(act, every=0.01, name="sweep")
    thread.start()
    assert all(turns.acquire(timeout=5) for _ in range(3))
    thread.stop()
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert "sweep: " in caplog.text


@pytest.mark.parametrize("bug", [ValueError("a bug"), KeyError("a bug"), MemoryError()])
def test_a_bug_is_told_with_its_stack_and_the_next_turn_comes(bug, caplog):
    """The process would live on without it: no sweep, no heartbeat, and nobody told."""
    turns = threading.Semaphore(0)

    def act():
        turns.release()
        raise bug

    thread = Repeating(act, every=0.01, name="sweep")
    thread.start()
    assert all(turns.acquire(timeout=5) for _ in range(3))
    thread.stop()
    thread.join(timeout=5)
    assert not thread.is_alive()
    told = [record for record in caplog.records if record.exc_info]
    assert told
    assert {record.exc_info[1] for record in told} == {bug}
    assert {record.getMessage() for record in told} == {"sweep failed; trying again"}


def test_it_stops_without_waiting_for_its_next_turn():
    thread = Repeating(lambda: None, every=3600, name="sweep")
    thread.start()
    thread.stop()
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_a_worker_that_ends_takes_its_row_away_after_its_last_beat(monkeypatch):
    """Or the row would be there again, and /readyz count a worker that is gone."""
    begun, done = threading.Event(), []

    def beat():
        begun.set()
        time.sleep(0.3)
        done.append("beat")

    heart = Repeating(beat, every=3600, name="heartbeat")
    monkeypatch.setattr(lifecycle, "_running", [heart])
    monkeypatch.setattr(lifecycle, "leave", lambda: done.append("left"))
    heart.start()
    assert begun.wait(5)
    lifecycle.end()
    assert done == ["beat", "left"]


@pytest.mark.django_db
def test_chores_are_done_when_they_are_due_and_the_sweep_each_time(monkeypatch):
    done = []
    monkeypatch.setattr(sweeping, "heavy_chores", lambda: done.append("heavy chores"))
    monkeypatch.setattr(sweeping, "alerts", lambda: done.append("alerts"))
    monkeypatch.setattr(sweeping, "chores", lambda: done.append("chores"))
    monkeypatch.setattr(sweeping, "sweep", lambda: done.append("sweep"))
    now = [1000.0]
    a_round = sweeping._Round(clock=lambda: now[0])
    for now[0] in (1000.0, 1005.0, 1059.0, 1060.0, 1065.0):
        a_round()
    assert done == [
        *("sweep", "chores", "alerts", "heavy chores"),
        *("sweep", "sweep", "sweep", "chores", "sweep"),
    ]
    done.clear()
    for now[0] in (1899.0, 1900.0, 2799.0, 2800.0):
        a_round()
    assert done == [
        *("sweep", "chores", "sweep", "alerts"),
        *("sweep", "chores", "sweep", "alerts", "heavy chores"),
    ]
    assert Worker.objects.get().queue == "general"


@pytest.mark.django_db
def test_each_round_cancels_what_waits_for_a_paused_model(site):
    """Whatever became of the process in which the button was pressed."""
    version, reviewer = make_model_version(), make_user(site, "reviewer")
    row = make_prediction(make_instance(make_study(site)), version=version)
    pause_model(version=version, reason="x", by=reviewer)
    Prediction.objects.filter(pk=row.pk).update(state="queued", finished_at=None, code="")
    sweeping._Round()()
    assert Prediction.objects.get(pk=row.pk).code == "model_paused"


@pytest.mark.django_db
def test_one_round_cancels_a_long_queue_and_what_it_has_just_taken_back(site, monkeypatch):
    monkeypatch.setattr("portal.predictions.cancel_services.BATCH", 2)
    version, reviewer = make_model_version(), make_user(site, "reviewer")
    rows = [make_prediction(make_instance(make_study(site)), version=version) for _ in range(6)]
    start(rows[0], lease=-timedelta(minutes=1))
    pause_model(version=version, reason="x", by=reviewer)
    assert Prediction.objects.filter(state="queued").count() == 3
    sweeping._Round()()
    assert set(Prediction.objects.values_list("code", flat=True)) == {"model_paused"}


@pytest.mark.django_db
def test_a_pause_that_nobody_answers_for_does_not_end_the_sweep(site):
    """A thread that dies of it would take nothing back any more."""
    row = make_prediction(make_instance(make_study(site)))
    Deployment.objects.update(status="paused")
    sweeping._Round()()
    assert Prediction.objects.get(pk=row.pk).code == "model_paused"


@pytest.mark.django_db
def test_a_queue_without_end_does_not_hold_the_next_sweep_up(monkeypatch, settings):
    now, asked = [0.0], []

    def cancel():
        now[0] += 2
        return asked.append(now[0]) or 200

    monkeypatch.setattr(sweeping, "cancel_paused_predictions", cancel)
    settings.OVERREAD_SWEEP_SECONDS = 5
    sweeping._Round(clock=lambda: now[0])()
    assert asked == [2, 4, 6]


@pytest.mark.django_db
def test_the_chores_take_the_heads_of_the_trail_out_of_the_database(site):
    assert not heads_file().exists()
    sweeping.chores()
    assert '"chain": "demo"' in heads_file().read_text()


@pytest.mark.django_db
def test_the_chores_forget_answers_after_a_day(site, reviewer):
    review = sign_review(
        study=make_study(site),
        read=Read("present"),
        password=PASSWORD,
        by=reviewer,
        on=Conditions(key="kept"),
    )
    begin_answer(user=reviewer, key="kept", fingerprint="0" * 64)
    yesterday = timezone.now() - timedelta(hours=24, seconds=5)
    old_upload = begin_answer(user=reviewer, key="old", fingerprint="0" * 64)
    UploadAnswer.objects.filter(pk=old_upload.pk).update(created_at=yesterday)
    ReviewAnswer.objects.create(user=reviewer, key="old", fingerprint="0" * 64, review=review)
    ReviewAnswer.objects.filter(key="old").update(created_at=yesterday)
    sweeping.chores()
    assert [answer.key for answer in UploadAnswer.objects.all()] == ["kept"]
    assert [answer.key for answer in ReviewAnswer.objects.all()] == ["kept"]
