"""Claims, leases, sweeps: what the rows say, whoever asks."""

import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from portal import queue
from portal.audit.models import AuditEvent
from portal.audit.selectors import verify_chain
from portal.errors import Conflict
from portal.predictions.models import Prediction
from portal.predictions.selectors import (
    latest_prediction,
    leading_prediction,
    live_workers,
    run_seconds,
    wait_seconds,
    with_place,
)
from portal.predictions.services import (
    MAX_ATTEMPTS,
    Answer,
    NotRunning,
    claim_predictions,
    complete_prediction,
    fail_prediction,
    renew_leases,
    request_prediction,
    sweep,
)
from portal.predictions.version_services import deploy_model, register_model_version
from portal.predictions.worker_services import forget_workers, say_alive
from tests.factories import (
    failed_study,
    make_instance,
    make_model_version,
    make_prediction,
    make_study,
    manifest,
    scored_study,
    start,
)

MINUTE = timedelta(minutes=1)
SCORED = Answer(outcome="scored", score=0.9, finding="present")


def claim(limit: int = 8, worker: str = "w", **options) -> list[Prediction]:
    return claim_predictions(limit=limit, worker=worker, lease=MINUTE, **options)


def update(prediction: Prediction, **changes) -> None:
    Prediction.objects.filter(pk=prediction.pk).update(**changes)


def fresh(prediction: Prediction) -> Prediction:
    return Prediction.objects.get(pk=prediction.pk)


def expire(*predictions: Prediction) -> None:
    for prediction in predictions:
        update(prediction, lease_until=Now() - timedelta(seconds=1))


def events(prediction: Prediction) -> list[str]:
    subject = f"prediction:{prediction.pk}"
    return list(
        AuditEvent.objects.filter(subject=subject).order_by("seq").values_list("action", flat=True)
    )


@pytest.fixture
def queued(site):
    """Return a function that makes so many waiting predictions."""

    def make(count: int, **changes) -> list[Prediction]:
        rows = [make_prediction(make_instance(make_study(site))) for _ in range(count)]
        for row in rows:
            update(row, **changes) if changes else None
        return rows

    return make


def test_a_request_queues_the_version_that_is_live(site, deployed):
    instance = make_instance(make_study(site))
    prediction = request_prediction(instance=instance, by=instance.received_by, priority=3)
    prediction.refresh_from_db()
    assert (prediction.state, prediction.priority, prediction.attempt) == ("queued", 3, 0)
    assert prediction.model_version == deployed
    assert events(prediction) == ["prediction.requested"]


def test_without_a_live_version_there_is_no_prediction_and_no_event(site):
    instance = make_instance(make_study(site))
    assert request_prediction(instance=instance, by=instance.received_by) is None
    assert not AuditEvent.objects.filter(action="prediction.requested").exists()


def test_the_doorbell_rings_after_commit(site, deployed, django_capture_on_commit_callbacks):
    instance = make_instance(make_study(site))
    with django_capture_on_commit_callbacks() as callbacks:
        request_prediction(instance=instance, by=instance.received_by)
    assert [one for one in callbacks if one is queue.ring] == [queue.ring]


def test_a_claim_takes_the_most_urgent_and_oldest_first(queued):
    rows = queued(4)
    update(rows[2], priority=1)
    update(rows[0], requested_at=Now() + MINUTE)
    first = claim(limit=3)
    assert [row.pk for row in first] == [rows[2].pk, rows[1].pk, rows[3].pk]


def test_a_claim_sets_attempt_lease_and_token(queued):
    (row,) = queued(1)
    (held,) = claim(worker="w1")
    assert (held.pk, held.state, held.attempt, held.worker) == (row.pk, "running", 1, "w1")
    assert held.lease_token
    assert held.lease_until - held.started_at == MINUTE
    assert claim() == []


def test_a_batch_shares_one_token_and_another_batch_has_another(queued):
    queued(4)
    first, second = claim(limit=2), claim(limit=2)
    assert len({row.lease_token for row in first}) == 1
    assert first[0].lease_token != second[0].lease_token
    assert not {row.pk for row in first} & {row.pk for row in second}


def test_what_was_tried_before_is_claimed_alone(queued):
    tried, *others = queued(4)
    update(tried, attempt=1)
    assert [row.pk for row in claim()] == [tried.pk]
    assert {row.pk for row in claim()} == {row.pk for row in others}


def test_what_was_tried_before_is_not_claimed_ahead_nor_overtaken(queued):
    tried, *_ = queued(4)
    update(tried, attempt=1)
    assert claim(ahead=True) == []
    assert [row.pk for row in claim()] == [tried.pk]
    assert len(claim(ahead=True)) == 3


def test_a_batch_of_new_rows_leaves_out_those_tried_before(queued):
    rows = queued(3)
    update(rows[1], attempt=2)
    assert {row.pk for row in claim()} == {rows[0].pk, rows[2].pk}
    assert [row.pk for row in claim()] == [rows[1].pk]


def test_a_claim_of_one_takes_one(queued):
    queued(3)
    assert len(claim(limit=1)) == 1


def test_a_slow_worker_leaves_new_rows_to_fast_ones(queued):
    old, _ = queued(2)
    update(old, requested_at=Now() - MINUTE)
    assert [row.pk for row in claim(claim_after=timedelta(seconds=30))] == [old.pk]


def test_an_expired_row_goes_back_to_the_queue_and_keeps_its_attempt(queued):
    queued(1)
    (held,) = claim()
    expire(held)
    assert sweep() == 1
    assert (fresh(held).state, fresh(held).attempt) == ("queued", 1)


def test_a_row_whose_lease_runs_is_left_alone(queued):
    queued(1)
    (held,) = claim()
    assert sweep() == 0
    assert fresh(held).state == "running"


def test_after_the_third_attempt_it_gives_up_and_says_so(queued):
    queued(1)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        (held,) = claim()
        assert held.attempt == attempt
        expire(held)
        sweep()
    row = fresh(held)
    assert (row.state, row.code, row.attempt) == ("failed", "gave_up", 3)
    assert row.detail
    assert "whoever runs the server" in row.remedy  # readers and PACS administrators see it alike
    assert events(row) == ["prediction.requested", "prediction.failed"]
    assert claim() == []


def test_a_row_that_kills_its_workers_does_not_take_its_neighbours_along(queued):
    killer, *others = queued(4)
    batch = claim()
    expire(*batch)  # the whole batch died with its worker
    sweep()
    done = []
    while held := claim():
        assert len(held) == 1
        if held[0].pk == killer.pk:
            expire(*held)
            sweep()
        else:
            complete_prediction(held[0], SCORED)
            done.append(held[0].pk)
    assert sorted(map(str, done)) == sorted(str(row.pk) for row in others)
    assert fresh(killer).code == "gave_up"
    assert {fresh(row).attempt for row in others} == {2}


def test_the_answer_of_a_zombie_is_refused(queued):
    queued(1)
    (zombie,) = claim(worker="slow")
    expire(zombie)
    sweep()
    (held,) = claim(worker="fast")
    with pytest.raises(NotRunning):
        complete_prediction(zombie, Answer(outcome="scored", score=0.1, finding="absent"))
    with pytest.raises(NotRunning):
        fail_prediction(zombie, Answer(outcome="failed", code="late"))
    complete_prediction(held, SCORED)
    assert fresh(held).score == 0.9
    with pytest.raises(NotRunning):
        complete_prediction(zombie, SCORED)
    assert events(held) == ["prediction.requested", "prediction.completed"]


def test_a_second_answer_is_refused(queued):
    queued(1)
    (held,) = claim()
    complete_prediction(held, SCORED)
    with pytest.raises(NotRunning):
        complete_prediction(held, SCORED)


def test_a_refused_answer_leaves_no_event(queued):
    queued(1)
    (held,) = claim()
    update(held, lease_token=uuid.uuid4())
    with pytest.raises(NotRunning):
        complete_prediction(held, SCORED)
    assert events(held) == ["prediction.requested"]
    assert verify_chain("demo").intact


@pytest.mark.parametrize("end", ["completed", "failed", "given up"])
def test_the_head_of_the_trail_is_locked_before_anything_is_counted(queued, end):
    """Two that took the two locks in different orders could wait for each other."""
    (row,) = queued(1, attempt=MAX_ATTEMPTS - 1)
    running = start(row, lease=timedelta(minutes=-1 if end == "given up" else 1))
    with CaptureQueriesContext(connection) as asked:
        if end == "given up":
            sweep()
        elif end == "failed":
            fail_prediction(running, Answer(outcome="failed", code="pixels_undecodable"))
        else:
            complete_prediction(running, Answer(outcome="scored", score=0.9, finding="present"))
    tables = [re.search(r"audit_(audithead|tally)", query["sql"]) for query in asked]
    touched = [found[1] for found in tables if found]
    assert touched[0] == "audithead"
    assert "tally" in touched


def test_two_sweeps_lock_the_heads_of_several_sites_in_one_order(site, other_site):
    for place in (other_site, site, other_site):
        row = make_prediction(make_instance(make_study(place)))
        Prediction.objects.filter(pk=row.pk).update(attempt=MAX_ATTEMPTS - 1)
        start(row, lease=timedelta(minutes=-1))
    with CaptureQueriesContext(connection) as asked:
        sweep()
    heads = [query["sql"] for query in asked if "UPDATE" in query["sql"][:6]]
    chains = re.findall(r"audit_audithead.*?'(demo|other)'", "\n".join(heads))
    assert chains == ["demo", "other", "other"]


def test_a_renewed_lease_holds_and_an_expired_one_is_not_renewed(queued):
    queued(2)
    (first,), (second,) = claim(limit=1), claim(limit=1)
    expire(second)
    tokens = [first.lease_token, second.lease_token]
    assert renew_leases(tokens=tokens, lease=timedelta(minutes=5)) == 1
    assert fresh(first).lease_until > first.lease_until
    assert renew_leases(tokens=[uuid.uuid4()], lease=MINUTE) == 0
    assert renew_leases(tokens=[], lease=MINUTE) == 0


def test_the_sweep_rings_again_for_rows_that_nobody_came_for(queued, settings):
    waiting, _ = queued(2)
    update(waiting, rung_at=Now() - timedelta(seconds=settings.OVERREAD_RING_AFTER_SECONDS + 1))
    assert sweep() == 1
    assert sweep() == 0


def test_a_result_keeps_the_disclaimer_of_the_day(queued, deployed):
    queued(1)
    (held,) = claim()
    complete_prediction(held, SCORED)
    row = fresh(held)
    assert (row.state, row.outcome, row.score, row.finding) == ("done", "scored", 0.9, "present")
    assert (row.threshold, row.disclaimer) == (deployed.threshold, deployed.disclaimer)


@pytest.mark.parametrize("outcome", ["not_applicable", "rejected_quality"])
def test_there_is_no_number_unless_it_is_scored(queued, outcome):
    queued(1)
    (held,) = claim()
    answer = Answer(outcome=outcome, score=0.9, finding="present", code="view_not_frontal")
    complete_prediction(held, answer)
    row = fresh(held)
    assert (row.outcome, row.code) == (outcome, "view_not_frontal")
    assert (row.score, row.threshold, row.finding) == (None, None, "")
    assert row.disclaimer


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_never_stored(queued, score):
    queued(1)
    (held,) = claim()
    with pytest.raises(ValueError, match="finite"):
        complete_prediction(held, Answer(outcome="scored", score=score, finding="present"))
    assert fresh(held).state == "running"


def test_a_failure_says_why(queued):
    queued(1)
    (held,) = claim()
    answer = Answer(outcome="failed", code="pixels_undecodable", detail="No.", remedy="Resend.")
    fail_prediction(held, answer)
    row = fresh(held)
    assert (row.state, row.code, row.detail, row.remedy, row.outcome) == (
        "failed", "pixels_undecodable", "No.", "Resend.", ""
    )  # fmt: skip


def test_the_place_in_the_queue_counts_who_comes_first(queued):
    first, second, third = queued(3)
    update(third, priority=0)
    assert places(third, first, second) == [1, 2, 3]
    claim(limit=1)
    assert places(third, first, second) == [None, 1, 2]


def places(*predictions: Prediction) -> list[int | None]:
    return [with_place(Prediction.objects.all()).get(pk=row.pk).place for row in predictions]


def test_wait_and_run_are_counted_in_seconds(queued):
    (row,) = queued(1)
    update(row, requested_at=Now() - MINUTE)
    assert 60 <= wait_seconds(fresh(row)) < 120
    assert run_seconds(fresh(row)) is None
    (held,) = claim()
    complete_prediction(held, SCORED)
    assert 60 <= wait_seconds(fresh(row)) < 120
    assert 0 <= run_seconds(fresh(row)) < 60


def test_the_highest_score_leads_a_study(site, deployed):
    study = make_study(site)
    low, high, failed = (make_prediction(make_instance(study)) for _ in range(3))
    complete_prediction(start(low), Answer(outcome="scored", score=0.2, finding="absent"))
    complete_prediction(start(high), SCORED)
    fail_prediction(start(failed), Answer(outcome="failed", code="x"))
    assert leading_prediction(study).pk == high.pk
    assert leading_prediction(failed_study(site)) is None


def test_the_latest_prediction_of_an_image_is_the_one_asked_for_last(site, deployed):
    study = failed_study(site)
    first = Prediction.objects.get(instance__series__study=study)
    second = request_prediction(instance=first.instance, by=study.received_by)
    update(second, requested_at=Now() + MINUTE)
    assert latest_prediction(first.instance).pk == second.pk
    assert latest_prediction(make_instance(study)) is None


def test_the_same_bundle_again_is_the_same_version(db):
    assert make_model_version() == make_model_version()


def test_a_version_with_other_weights_or_words_is_refused(model_version):
    for changes in ({"weights_sha256": "f" * 64}, {"manifest": manifest(note="x")}):
        fields = {"manifest": manifest(), "weights_sha256": model_version.weights_sha256}
        with pytest.raises(Conflict):
            register_model_version(**fields | changes)


def test_a_site_with_a_model_keeps_it(site, deployed):
    other = make_model_version(version="2.0.0")
    assert deploy_model(site=site, version=other).model_version == deployed


def test_workers_that_were_not_seen_lately_do_not_count(db):
    from portal.predictions.models import Worker

    say_alive(name="w1", queue_name="inference", device="cpu")
    say_alive(name="w1", queue_name="inference", device="cpu", model="m 1")
    say_alive(name="w2", queue_name="general")
    Worker.objects.filter(name="w2").update(last_seen=Now() - timedelta(days=2))
    assert [w.model for w in live_workers("inference", within=MINUTE)] == ["m 1"]
    assert not live_workers("general", within=MINUTE).exists()
    forget_workers()
    assert [w.name for w in Worker.objects.all()] == ["w1"]
    forget_workers(names=["w1"])
    assert not Worker.objects.exists()


def test_scored_study_is_audited(site):
    scored_study(site)
    assert verify_chain("demo").intact


SEED = """
from tests.factories import make_instance, make_prediction, make_site, make_study
site = make_site("demo")
for _ in range(int(sys.argv[1])):
    make_prediction(make_instance(make_study(site)))
say(True)
"""
CLAIM = """
from datetime import timedelta
from portal.predictions.services import claim_predictions
ready()
held = []
while batch := claim_predictions(limit=3, worker=sys.argv[1], lease=timedelta(minutes=1)):
    held += [str(row.pk) for row in batch]
say(held)
"""
EXPIRE = """
from datetime import timedelta
from django.db.models.functions import Now
from portal.predictions.models import Prediction
Prediction.objects.filter(pk__in=Prediction.objects.values("pk")[:3]).update(attempt=3)
say(Prediction.objects.update(lease_until=Now() - timedelta(seconds=1)))
"""
SWEEP = """
from portal.predictions.services import sweep
ready()
say(sweep())
"""
COUNT = """
from portal.audit.models import AuditEvent
from portal.predictions.models import Prediction
say([Prediction.objects.filter(state="queued").count(),
     Prediction.objects.filter(state="failed", code="gave_up").count(),
     AuditEvent.objects.filter(action="prediction.failed").count()])
"""


def test_several_workers_claim_each_row_once_and_two_sweeps_take_it_back_once(own_portal):
    own_portal.run(SEED, "12")
    held = own_portal.race(CLAIM, ["w1", "w2", "w3", "w4"])
    claimed = [pk for rows in held for pk in rows]
    assert len(claimed) == len(set(claimed)) == 12
    assert own_portal.run(EXPIRE) == 12
    assert sum(own_portal.race(SWEEP, ["1", "2", "3", "4"])) == 12
    assert own_portal.run(COUNT) == [9, 3, 3]
