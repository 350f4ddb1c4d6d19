"""What a challenger reads: only what others have read, once, and only while no reader waits."""

import logging
import socket
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from inference import Refusal
from portal import queue
from portal.airlock import CRASHED
from portal.predictions.challenger_services import end_challenger, start_shadow
from portal.predictions.models import Deployment, Prediction, ShadowScore
from portal.predictions.services import Answer
from portal.predictions.shadow_selectors import ShadowCount, shadow_count, shadow_work_exists
from portal.predictions.shadow_services import (
    claim_in_shadow,
    complete_in_shadow,
    fail_in_shadow,
)
from portal.predictions.widening_services import approve_widening, propose_widening
from portal.predictions.wider import Wider
from tests.factories import (
    PASSWORD,
    make_instance,
    make_model_version,
    make_prediction,
    make_study,
    make_user,
    not_applicable_study,
    scored_study,
)
from worker import reading, shadow, sweeping, tasks
from worker.model import ModelUnavailable

pytestmark = pytest.mark.django_db
LEASE = timedelta(minutes=1)


@pytest.fixture
def scientist(site):
    return make_user(site, "data_scientist", username="data_scientist")


@pytest.fixture
def challenger(site, shipped, scientist):
    """A version in shadow, beside the live one."""
    return start_shadow(
        version=make_model_version(reported=True, version="2.0.0"), why="Better.", by=scientist
    )


class Reader:
    """A classifier that says the same of every image, a batch of three at a time."""

    batch_size = 3

    def __init__(self, answer):
        self.answer, self.batches, self.widenings = answer, [], set()

    def classify(self, files):
        self.batches.append(len(files))
        self.widenings |= {file.widening for file in files}
        return [self.answer for _ in files]


@pytest.fixture
def reads(monkeypatch, settings, tmp_path):
    """Return a function that has the challenger answer; somebody is at the airlock's door."""
    settings.OVERREAD_AIRLOCK_SOCKET = str(tmp_path / "airlock.sock")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(settings.OVERREAD_AIRLOCK_SOCKET)
        door.listen()

        def answering(answer) -> Reader:
            reader = Reader(answer)
            monkeypatch.setattr(shadow, "classifier_of", lambda _version: reader)
            return reader

        yield answering


REFUSED = Refusal("unreadable", "Not an image.", "failed")
NOT_ITS_USE = Refusal("age_outside_range", "Too old.", "not_applicable", remedy="None.")


def begun() -> list[ShadowScore]:
    return claim_in_shadow(limit=10, lease=LEASE)


def lose(row: ShadowScore) -> None:
    ShadowScore.objects.filter(pk=row.pk).update(lease_until=Now() - LEASE)


def test_it_reads_what_the_live_version_has_read_once(site, challenger, reads):
    studies = [scored_study(site) for _ in range(4)]
    reader = reads(NOT_ITS_USE)
    assert [shadow.read_in_shadow() for _ in range(3)] == [True, True, False]
    assert reader.batches == [3, 1]
    rows = ShadowScore.objects.filter(deployment=challenger)
    assert {row.instance.series.study for row in rows} == set(studies)
    assert set(rows.values_list("state", "outcome", "code", "score")) == {
        ("done", "not_applicable", "age_outside_range", None)
    }
    assert shadow_count(challenger) == ShadowCount(read=4, scored=0, failed=0, due=0)


def test_a_version_that_was_live_here_is_held_to_the_widening_of_that_time(
    site, shipped, scientist, reads
):
    """As it would be if it read for the readers, so that the two can be compared."""
    version = make_model_version(reported=True, version="2.0.0")
    live = Deployment.objects.filter(site=site, status="live")
    live.update(model_version=version)
    widening = propose_widening(
        version=version, wider=Wider(age_years=(0, 130)), why="Ours.", password=PASSWORD,
        by=scientist,
    )  # fmt: skip
    approve_widening(widening=widening, password=PASSWORD, by=make_user(site, "site_admin"))
    live.update(model_version=shipped)
    start_shadow(version=version, why="Better after all.", by=scientist)
    scored_study(site)
    reader = reads(NOT_ITS_USE)
    assert shadow.read_in_shadow()
    (given,) = reader.widenings
    assert (given.number, given.age_years) == (widening.pk, (0, 130))


def test_one_that_was_never_live_here_has_none(site, challenger, reads):
    scored_study(site)
    reader = reads(NOT_ITS_USE)
    assert shadow.read_in_shadow()
    assert reader.widenings == {None}


def test_what_it_says_is_no_prediction(site, challenger, reads):
    scored_study(site)
    before = list(Prediction.objects.values())
    reads(NOT_ITS_USE)
    shadow.read_in_shadow()
    assert ShadowScore.objects.count() == 1
    assert list(Prediction.objects.values()) == before


def test_a_score_is_kept_with_where_it_came_from(site, challenger):
    scored_study(site)
    (row,) = begun()
    answer = Answer(outcome="scored", score=0.25, finding="absent", provenance={"engine": "x"})
    assert complete_in_shadow(row, answer)
    row.refresh_from_db()
    assert (row.outcome, row.score, row.provenance) == ("scored", 0.25, {"engine": "x"})
    assert row.finished_at is not None
    assert shadow_count(challenger).scored == 1


def test_a_number_that_is_none_is_not_stored(site, challenger):
    scored_study(site)
    (row,) = begun()
    with pytest.raises(ValueError, match="finite"):
        complete_in_shadow(row, Answer(outcome="scored", score=float("nan")))


def test_what_nobody_has_read_it_does_not_read(site, challenger, shipped):
    make_prediction(make_instance(make_study(site)))
    assert begun() == []
    assert not shadow_work_exists()


def test_what_is_outside_the_use_of_the_live_version_it_reads_too(site, challenger):
    not_applicable_study(site)
    assert len(begun()) == 1


def test_what_came_before_it_is_read_only_if_it_was_asked_to(site, shipped, scientist):
    old = scored_study(site)
    Prediction.objects.update(requested_at=F("requested_at") - timedelta(days=10))
    version = make_model_version(reported=True, version="2.0.0")
    start_shadow(version=version, why="Better.", days=5, by=scientist)
    assert begun() == []
    end_challenger(version=version, reason="Again, from longer ago.", by=scientist)
    start_shadow(version=version, why="Better.", days=20, by=scientist)
    (row,) = begun()
    assert row.instance.series.study == old


def test_what_it_read_in_an_earlier_trial_it_does_not_read_again(site, challenger, scientist):
    scored_study(site)
    (row,) = begun()
    complete_in_shadow(row, Answer(outcome="not_applicable", code="x"))
    version = challenger.model_version
    end_challenger(version=version, reason="A break.", by=scientist)
    start_shadow(version=version, why="Again.", days=5, by=scientist)
    assert begun() == []


def test_another_site_is_not_its_business(site, other_site, challenger):
    scored_study(other_site)
    assert begun() == []


def test_an_ended_trial_reads_nothing_more(site, challenger, scientist):
    scored_study(site)
    (row,) = begun()
    lose(row)
    end_challenger(version=challenger.model_version, reason="Enough.", by=scientist)
    assert begun() == []


@pytest.fixture
def read_first(monkeypatch):
    """Return what the live version is asked for; it refuses all of it."""
    asked = []

    def begin(_classifier, rows):
        asked.append(len(rows))
        return lambda: [REFUSED for _ in rows]

    monkeypatch.setattr(reading, "begin", begin)
    return asked


def test_readers_come_first(site, challenger, reads, read_first, monkeypatch):
    """What arrives while one batch is read in shadow is read before the next."""
    for _ in range(6):
        scored_study(site)
    reader, order = reads(NOT_ITS_USE), []

    def classify(files):
        order.append(f"shadow, {len(read_first)} read")
        if len(order) == 1:
            make_prediction(make_instance(make_study(site)))
        return [NOT_ITS_USE for _ in files]

    monkeypatch.setattr(reader, "classify", classify)
    make_prediction(make_instance(make_study(site)))
    tasks.drain()
    assert order == ["shadow, 1 read", "shadow, 2 read"]


def test_what_waits_for_a_version_that_is_not_here_holds_no_challenger_up(
    site, other_site, challenger, reads, read_first
):
    scored_study(site)
    elsewhere = make_model_version(version="7.0.0")
    Deployment.objects.filter(site=other_site).update(model_version=elsewhere)
    make_prediction(make_instance(make_study(other_site)))
    reader = reads(NOT_ITS_USE)
    tasks.drain()
    assert (read_first, reader.batches) == ([], [1])


def test_it_stops_when_the_time_is_up(site, challenger, reads, monkeypatch):
    for _ in range(4):
        scored_study(site)
    reader = reads(NOT_ITS_USE)
    monkeypatch.setattr(tasks, "is_over", lambda _ends: bool(reader.batches))
    rung = []
    monkeypatch.setattr(queue, "ring", lambda: rung.append(1))
    tasks.drain()
    assert (reader.batches, rung) == ([3], [1])
    assert shadow_work_exists()


def test_two_workers_do_not_read_the_same_image(site, challenger, monkeypatch):
    """The second has seen what is due before the first has written that it reads it."""
    instance = scored_study(site).series.get().instances.get()
    first = begun()
    monkeypatch.setattr(
        "portal.predictions.shadow_services.due_in_shadow",
        lambda _challenger: Prediction.objects.filter(instance=instance),
    )
    assert len(first) == 1
    assert begun() == []


def test_an_image_that_two_versions_have_read_is_read_once(site, challenger):
    instance = scored_study(site).series.get().instances.get()
    other = make_model_version(version="9.0.0")
    done = Prediction.objects.get()
    done.pk, done.model_version = uuid.uuid4(), other
    done.save(force_insert=True)
    (row,) = begun()
    assert row.instance == instance


def test_what_was_lost_is_claimed_alone_and_given_up_after_the_third_time(site, challenger):
    scored_study(site)
    (row,) = begun()
    for attempt in (2, 3):
        lose(row)
        scored_study(site)
        (row,) = begun()
        assert row.attempt == attempt
    lose(row)
    begun()
    row.refresh_from_db()
    assert (row.state, row.code) == ("failed", "gave_up")
    assert shadow_count(challenger).failed == 1


def test_an_answer_that_comes_too_late_is_dropped(site, challenger):
    scored_study(site)
    (row,) = begun()
    lose(row)
    (again,) = begun()
    assert not complete_in_shadow(row, Answer(outcome="not_applicable", code="x"))
    assert not fail_in_shadow(row, "x")
    assert complete_in_shadow(again, Answer(outcome="not_applicable", code="y"))


def test_a_failure_is_kept_and_what_may_be_our_fault_is_tried_again(site, challenger, reads):
    scored_study(site)
    reads(Refusal(CRASHED, "It crashed.", "failed"))
    shadow.read_in_shadow()
    row = ShadowScore.objects.get()
    assert (row.state, row.attempt) == ("running", 1)
    lose(row)
    reads(REFUSED)
    shadow.read_in_shadow()
    row.refresh_from_db()
    assert (row.state, row.code, row.attempt) == ("failed", "unreadable", 2)


def test_a_challenger_that_is_not_here_holds_nobody_up(
    site, challenger, reads, monkeypatch, caplog
):
    scored_study(site)
    reads(NOT_ITS_USE)

    def missing(_version):
        raise ModelUnavailable("Its bundle is not here.")

    monkeypatch.setattr(shadow, "classifier_of", missing)
    monkeypatch.setattr(shadow, "_said", {})
    with caplog.at_level(logging.ERROR, "worker.shadow"):
        shadow.read_in_shadow()
        shadow.read_in_shadow()
    assert [record.message for record in caplog.records] == [
        f"nothing is read in shadow by {challenger.model_version}: Its bundle is not here."
    ]
    assert ShadowScore.objects.count() == 0


def test_a_task_goes_on_in_shadow_once_no_reader_waits(site, challenger, reads, shipped):
    scored_study(site)
    reader = reads(NOT_ITS_USE)
    tasks.drain()
    assert reader.batches == [1]


def test_it_is_rung_for_by_the_clock_because_no_request_does(site, challenger, monkeypatch):
    rung = []
    monkeypatch.setattr(queue, "ring", lambda: rung.append(1))
    sweeping.chores()
    assert rung == []
    scored_study(site)
    sweeping.chores()
    assert rung == [1]


@pytest.mark.parametrize(
    "changes",
    [
        {"score": 0.5}, {"state": "done"}, {"state": "failed"},
        {"state": "done", "outcome": "scored", "finished_at": timezone.now()},
        {"state": "done", "outcome": "scored", "finished_at": timezone.now(), "score": 1.5},
        {"state": "done", "outcome": "not_applicable", "finished_at": timezone.now()},
        {"state": "failed", "finished_at": timezone.now()},
    ],
)  # fmt: skip
def test_the_database_knows_what_a_shadow_score_is(site, challenger, changes):
    scored_study(site)
    begun()
    with pytest.raises(IntegrityError), transaction.atomic():
        ShadowScore.objects.update(**changes)
