"""The judge of the seeded runner sees each thing that it is there for, and nothing else."""

import time
from dataclasses import replace

import pytest

from portal.audit.services import Action, record_alone
from portal.predictions.models import Prediction
from portal.studies.blobs import store
from portal.studies.models import Instance
from tests.chaos.runner import clients, killer, ledger
from tests.chaos.runner.judge import judge, slowest
from tests.chaos.runner.ledger import Fault, Ledger, Sent
from tests.chaos.runner.state import dump, load, read_state
from tests.factories import make_instance, make_prediction, make_site, make_study, start
from tests.factories import scored_study as scored

WITHIN = 33.0


@pytest.fixture(autouse=True)
def own_data_folder(settings, tmp_path):
    for name in ("keys", "run", "blobs", "incoming"):
        (tmp_path / "overread" / name).mkdir(mode=0o700, parents=True)
    settings.OVERREAD_DATA = tmp_path / "overread"


@pytest.fixture
def site(db):
    return make_site("st-mary")


@pytest.fixture
def instances(site):
    """Three images that were scored."""
    for _ in range(3):
        scored(site)
    return list(Instance.objects.order_by("pk"))


def prediction_of(instance):
    return Prediction.objects.get(instance=instance)


def told(instance, *, status="accepted", key="a", **changes) -> Sent:
    """Return what a client was told of an instance."""
    verdict = {
        "status": status,
        "study_instance_uid": instance.series.study.study_instance_uid,
        "sop_instance_uid": instance.sop_instance_uid,
        "prediction": str(prediction_of(instance).pk),
        "code": None,
    }
    return Sent(key, [instance.sha256], 202, [verdict | changes])


@pytest.fixture
def sent(instances):
    """An honest ledger: one upload was not answered at first, one was sent twice."""
    lost = Sent("b", [instances[1].sha256], 0, error="ConnectionError")
    busy = Sent("b", [instances[1].sha256], 503, error="airlock_unavailable")
    again = told(instances[2], status="duplicate", key="")
    return [told(instances[0]), lost, busy, *[told(i, key="b") for i in instances[1:]], again]


def breaches(sent, faults=()):
    return judge(sent, faults, read_state(), within=WITHIN)


def the_only_breach(sent, faults=()):
    (breach,) = breaches(sent, faults)
    return breach


def test_an_honest_ledger_has_no_breach(sent):
    assert breaches(sent) == []


def test_what_is_dumped_is_what_is_loaded(sent, capsys):
    dump()
    assert load(capsys.readouterr().out) == read_state()


def test_a_row_that_is_gone(sent, instances):
    state = read_state()
    state.instances = [one for one in state.instances if one.uid != instances[0].sop_instance_uid]
    found = judge(sent, [], state, within=WITHIN)
    sha256, uid = instances[0].sha256[:12], instances[0].sop_instance_uid
    assert found == [f"{sha256} was promised and has no row (instance {uid})"]


def test_a_blob_that_is_gone(sent, instances):
    store.path(instances[1].sha256).unlink()
    assert the_only_breach(sent) == f"instance {instances[1].sop_instance_uid} has no blob"


def test_a_blob_with_another_byte(sent, instances):
    with store.path(instances[1].sha256).open("ab") as blob:
        blob.write(b"!")
    assert the_only_breach(sent).startswith("the blob of instance")


def test_a_row_with_another_hash_than_was_sent(sent, instances):
    other = "f" * 64
    sent[0] = replace(sent[0], sha256=[other])
    found = breaches(sent)
    assert any(f"has the hash {instances[0].sha256[:12]}, not {other[:12]}" in one for one in found)
    assert f"instance {instances[0].sop_instance_uid} was sent by nobody" in found


def test_a_second_prediction(sent, instances):
    first = prediction_of(instances[0])
    state = read_state()
    twin = replace(next(p for p in state.predictions if p.id == str(first.pk)), id="twin")
    state.predictions.append(twin)
    found = judge(sent, [], state, within=WITHIN)
    assert f"instance {instances[0].sop_instance_uid} has 2 live predictions" in found
    assert any("prediction:twin has 0 events prediction.requested" in one for one in found)


def test_a_prediction_that_was_promised_and_is_gone(sent, instances):
    gone = prediction_of(instances[0])
    state = read_state()
    state.predictions = [one for one in state.predictions if one.id != str(gone.pk)]
    found = judge(sent, [], state, within=WITHIN)
    uid = instances[0].sop_instance_uid
    assert f"instance {uid}: prediction {gone.pk} was promised and is gone" in found
    assert f"instance {uid} has no prediction" in found


def test_a_prediction_of_another_instance(sent, instances):
    other = str(prediction_of(instances[1]).pk)
    sent[0] = told(instances[0], prediction=other)
    assert f"prediction {other} belongs to another instance" in the_only_breach(sent)


def test_a_prediction_that_never_ended(sent, site):
    open_one = start(make_prediction(make_instance(make_study(site))))
    sent.append(told(open_one.instance))
    assert the_only_breach(sent) == f"prediction {open_one.pk} never ended: it is running"


def test_a_failure_of_a_good_file(sent, instances):
    state = read_state()
    state.predictions[0] = replace(state.predictions[0], state="failed", code="file_missing")
    (found,) = judge(sent, [], state, within=WITHIN)
    assert "failed with file_missing" in found
    state.predictions[0] = replace(state.predictions[0], state="failed", code="gave_up")
    assert judge(sent, [], state, within=WITHIN) == []


def test_the_same_bytes_with_other_ids(sent, instances):
    sent.append(told(instances[0], study_instance_uid="1.2.3"))
    assert "2 different sets of ids" in the_only_breach(sent)


def test_an_upload_that_nobody_answered(sent):
    sent.append(Sent("lost", ["e" * 64], 0, error="ConnectionError"))
    assert the_only_breach(sent) == "upload 'lost' was never answered with success"


def test_a_good_file_that_was_refused(sent, instances):
    sent.append(told(instances[0], status="refused", code="unreadable"))
    assert the_only_breach(sent).endswith("was refused: unreadable")


@pytest.mark.parametrize("status", [400, 404, 409, 500])
def test_an_answer_that_helps_nobody(sent, instances, status):
    sent.append(Sent("a", [instances[0].sha256], status, error="broken"))
    assert the_only_breach(sent) == f"upload 'a' was answered with {status}: broken"


def test_a_verdict_too_few(sent):
    sent[0] = replace(sent[0], uploads=[])
    assert the_only_breach(sent) == "upload 'a': 0 verdicts on 1 files"


def test_an_image_that_nobody_sent(sent, site):
    stranger = scored(site)
    assert the_only_breach(sent).endswith("was sent by nobody")
    assert stranger


def test_an_act_that_was_recorded_twice(sent, instances):
    subject = f"prediction:{prediction_of(instances[0]).pk}"
    record_alone(Action.PREDICTION_COMPLETED, chain="st-mary", subject=subject, by=None)
    assert the_only_breach(sent).startswith(f"{subject} has 2 events prediction.completed")


@pytest.fixture
def late(sent):
    """What is stored, with one prediction that took 50 s; and when it was asked for."""
    state = read_state()
    one = min(state.predictions, key=lambda one: one.requested_at)
    one.finished_at = one.requested_at + 50
    return state, one.requested_at


def test_an_end_that_came_too_late_counts_from_the_last_fault(sent, late):
    state, at = late
    (found,) = judge(sent, [], state, within=WITHIN)
    assert "took 50.0 s with nothing in its way" in found
    assert judge(sent, [Fault("kill", at + 15, at + 20)], state, within=WITHIN) == []
    assert slowest([Fault("kill", at + 15, at + 20)], state) == pytest.approx(30)
    assert len(judge(sent, [Fault("kill", at + 5, at + 10)], state, within=WITHIN)) == 1


def test_a_queue_that_moves_is_no_delay_and_a_row_that_is_passed_by_is_one(sent, late):
    state, at = late
    ahead, *behind = sorted(state.predictions, key=lambda one: one.requested_at)
    ahead.requested_at -= 1
    ahead.finished_at = at + 30
    behind[0].finished_at = at + 50
    behind[1].finished_at = at + 45
    assert judge(sent, [], state, within=WITHIN) == []
    ahead.finished_at = at + 50  # nobody was before it, and others ended first
    assert len(judge(sent, [], state, within=WITHIN)) >= 1
    assert slowest([], state) == pytest.approx(51, abs=0.1)


def test_a_ledger_is_read_as_it_was_written(tmp_path):
    book = Ledger(tmp_path / "ledger.jsonl")
    entry = book.sent("k", ["a" * 64], 202, uploads=[{"status": "accepted"}])
    book.sent("k", ["a" * 64], 0, error="Timeout")
    before = time.time()
    book.fault("kill worker", before)
    book.close()
    sent, faults = ledger.read(book.path)
    assert sent[0] == entry
    assert [one.is_promise for one in sent] == [True, False]
    assert (faults[0].what, faults[0].at) == ("kill worker", before)
    assert book.promises == 1


def test_a_seed_is_a_plan():
    faults = killer.Faults(kills=12, freezes=3, memory_losses=1, full_stops=2)
    one, same, other = (
        killer.plan(seed, faults, spread=100, longest_freeze=6) for seed in (1, 1, 2)
    )
    assert one == same != other
    assert len(one) == 18
    assert {blow.target for blow in one if blow.what == "kill"} == set(killer.TARGETS)
    assert [blow.at for blow in one] == sorted(blow.at for blow in one)
    work = clients.plan(1, uploads=50, spread=10, clients=3)
    assert work == clients.plan(1, uploads=50, spread=10, clients=3)
    assert sum(map(len, work)) == 50
    seeds = [seed for tasks in work for task in tasks for seed in task.seeds]
    assert len(seeds) == len(set(seeds))
