"""Does what the system holds agree with what its clients were told?"""

import bisect
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from tests.chaos.runner.ledger import Fault, Sent
from tests.chaos.runner.state import State

LIVE = {"queued", "running", "done"}
ENDED = {"done", "failed", "cancelled"}
MAY_GO_UNANSWERED = {0, 429, 502, 503, 504, 507}
"""No answer, or one that says: later. Anything else that is no 2xx is a fault of the system."""


def judge(
    sent: Sequence[Sent], faults: Sequence[Fault], state: State, *, within: float
) -> list[str]:
    """Return a sentence for every breach; none if all is well.

    Parameters
    ----------
    sent, faults : sequences
        The ledger.
    state : State
        What is stored, once all should have ended.
    within : float
        Seconds after the last fault, its request, or the end of the last one ahead of it in the
        queue, whichever was latest, in which a prediction must end.
    """
    return [
        *_answers(sent),
        *_promises(sent, state),
        *_same_bytes_same_ids(sent),
        *_rows(sent, state),
        *_predictions(state),
        *_events(state),
        *_in_time(faults, state, within),
    ]


def slowest(faults: Sequence[Fault], state: State) -> float:
    """Return the longest time that a prediction took to end with nothing in its way, seconds."""
    return max((took for _, took in _delays(faults, state)), default=0.0)


def _answers(sent: Sequence[Sent]) -> Iterator[str]:
    kept = {sha256 for one in sent if one.is_promise for sha256 in one.sha256}
    for key in sorted({one.key for one in sent if not set(one.sha256) <= kept}):
        yield f"upload {key!r} was never answered with success"
    for one in sent:
        if not one.is_promise and one.status not in MAY_GO_UNANSWERED:
            yield f"upload {one.key!r} was answered with {one.status}: {one.error}"
        if one.is_promise and len(one.uploads) != len(one.sha256):
            yield f"upload {one.key!r}: {len(one.uploads)} verdicts on {len(one.sha256)} files"


def _promises(sent: Sequence[Sent], state: State) -> Iterator[str]:
    instances = {one.uid: one for one in state.instances}
    predictions = {one.id: one for one in state.predictions}
    for sha256, verdict in _verdicts(sent):
        uid = verdict["sop_instance_uid"]
        if verdict["status"] not in {"accepted", "duplicate"}:
            yield f"{sha256[:12]} was {verdict['status']}: {verdict['code']}"
        elif uid not in instances:
            yield f"{sha256[:12]} was promised and has no row (instance {uid})"
        elif instances[uid].sha256 != sha256:
            yield f"instance {uid} has the hash {instances[uid].sha256[:12]}, not {sha256[:12]}"
        elif verdict["prediction"] not in predictions:
            yield f"instance {uid}: prediction {verdict['prediction']} was promised and is gone"
        elif predictions[verdict["prediction"]].instance != uid:
            yield f"prediction {verdict['prediction']} belongs to another instance than {uid}"


def _same_bytes_same_ids(sent: Sequence[Sent]) -> Iterator[str]:
    told: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for sha256, verdict in _verdicts(sent):
        names = ("study_instance_uid", "sop_instance_uid", "prediction")
        told[sha256].add(tuple(str(verdict[name]) for name in names))
    for sha256, ids in told.items():
        if len(ids) > 1:
            yield f"{sha256[:12]} was given {len(ids)} different sets of ids: {sorted(ids)}"


def _rows(sent: Sequence[Sent], state: State) -> Iterator[str]:
    known = {sha256 for one in sent for sha256 in one.sha256}
    for instance in state.instances:
        if instance.sha256 not in known:
            yield f"instance {instance.uid} was sent by nobody"
        if not instance.blob:
            yield f"instance {instance.uid} has no blob"
        elif instance.blob != instance.sha256:
            yield f"the blob of instance {instance.uid} has other bytes"
    for sha256, count in Counter(one.sha256 for one in state.instances).items():
        if count > 1:
            yield f"{sha256[:12]} has {count} rows"


def _predictions(state: State) -> Iterator[str]:
    live = Counter(one.instance for one in state.predictions if one.state in LIVE)
    every = Counter(one.instance for one in state.predictions)
    for instance in state.instances:
        if live[instance.uid] > 1:
            yield f"instance {instance.uid} has {live[instance.uid]} live predictions"
        if not every[instance.uid]:
            yield f"instance {instance.uid} has no prediction"
    for one in state.predictions:
        if one.state not in ENDED:
            yield f"prediction {one.id} never ended: it is {one.state}"
        if one.state == "failed" and one.code != "gave_up":
            yield f"prediction {one.id} failed with {one.code}, and nothing is wrong with its file"


def _events(state: State) -> Iterator[str]:
    for instance in state.instances:
        yield from _once(state, f"instance:{instance.uid}", "instance.received")
    for one in state.predictions:
        subject = f"prediction:{one.id}"
        yield from _once(state, subject, "prediction.requested")
        if one.state in {"done", "failed"}:
            yield from _once(state, subject, "prediction.completed", "prediction.failed")


def _once(state: State, subject: str, *actions: str) -> Iterator[str]:
    count = sum(state.events.get(f"{action} {subject}", 0) for action in actions)
    if count != 1:
        yield f"{subject} has {count} events {' or '.join(actions)}"


def _in_time(faults: Sequence[Fault], state: State, within: float) -> Iterator[str]:
    for name, took in _delays(faults, state):
        if took > within:
            yield f"prediction {name} took {took:.1f} s with nothing in its way, not {within:g}"


def _delays(faults: Sequence[Fault], state: State) -> Iterator[tuple[str, float]]:
    """Yield for how long each prediction that ended had nothing in its way.

    In its way are faults, and whoever was asked for before it and ended before it: a queue that
    moves is no delay, and a row that is passed by those behind it is one.
    """
    ended: list[float] = []
    for one in sorted(state.predictions, key=lambda one: one.requested_at):
        if one.finished_at is None:
            continue
        end = one.finished_at
        disturbed = [min(fault.until, end) for fault in faults if fault.at < end]
        ahead = ended[: bisect.bisect_left(ended, end)][-1:]
        yield one.id, end - max([one.requested_at, *disturbed, *ahead])
        bisect.insort(ended, end)


def _verdicts(sent: Sequence[Sent]) -> Iterator[tuple[str, dict[str, str]]]:
    for one in sent:
        if one.is_promise:
            yield from zip(one.sha256, one.uploads, strict=False)
