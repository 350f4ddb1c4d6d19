"""What Prometheus is told: read from the database, so that it is right whoever answers."""

import shutil
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from portal.audit.models import AuditEvent
from portal.audit.selectors import heads_with_moment, tallies
from portal.audit.services import heads_file
from portal.audit.tally_services import BUCKETS
from portal.operations.health import report
from portal.predictions.selectors import live_versions, queue_state, seen_within, workers_seen
from portal.predictions.tally_services import ATTEMPTS, LEASE_LOST, RUN, WAIT

KEPT_FOR = 5.0
"""Seconds for which the same figures are told."""
Action = AuditEvent.Action
_VERDICTS = {
    Action.INSTANCE_RECEIVED: "accepted",
    Action.UPLOAD_REPEATED: "duplicate",
    Action.UPLOAD_REFUSED: "refused",
}


@dataclass(frozen=True, slots=True)
class Tallied:
    """What was counted, by name and label."""

    counts: dict[str, Counter[str]]
    seconds: dict[str, float]

    def total(self, name: str) -> int:
        """Return how often ``name`` happened, whatever its label."""
        return self.counts[name].total()


def exposition() -> bytes:
    """Return the figures in the text format of Prometheus; at most `KEPT_FOR` seconds old.

    Where the database is down they tell of the parts alone: Prometheus should learn of that.
    """
    with _guard:
        if time.monotonic() > _kept.ends:
            _kept.text = generate_latest(_registry)
            _kept.ends = time.monotonic() + KEPT_FOR
        return _kept.text


class Figures(Collector):
    """Everything, read anew at each call."""

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its values."""
        parts = report()
        yield _gauge(
            "overread_part_up",
            "Whether a part does its work: what /readyz tells.",
            [((part.name,), float(part.is_up)) for part in parts],
            "part",
        )
        yield _gauge(
            "overread_data_free_bytes",
            "Room left on the disk of the data folder.",
            [((), shutil.disk_usage(settings.OVERREAD_DATA).free)],
        )
        if any(part.name == "database" and part.reason and not part.is_up for part in parts):
            return
        yield from _counted(_tallied())
        yield from _queue()
        yield from _workers()
        yield from _trail()


def _tallied() -> Tallied:
    tallied = Tallied(defaultdict(Counter), defaultdict(float))
    for name, label, count, seconds in tallies():
        tallied.counts[name][label] += count
        tallied.seconds[name] += seconds
    return tallied


def _counted(tallied: Tallied) -> Iterator[Metric]:
    counts = tallied.counts
    refused, failed = counts[Action.UPLOAD_REFUSED], counts[Action.PREDICTION_FAILED]
    yield _counter(
        "overread_uploads",
        "Files sent, by verdict.",
        [(verdict, tallied.total(action)) for action, verdict in _VERDICTS.items()],
        "verdict",
    )
    yield _counter("overread_upload_refusals", "Refused, by code.", refused.items(), "code")
    cancelled = counts[Action.PREDICTION_CANCELLED].total()
    outcomes = {
        **counts[Action.PREDICTION_COMPLETED],
        "failed": failed.total(),
        "cancelled": cancelled,
    }
    yield _counter(
        "overread_predictions", "Predictions that ended, by outcome.", outcomes.items(), "outcome"
    )
    yield _counter("overread_prediction_failures", "Failed, by code.", failed.items(), "code")
    yield _counter(
        "overread_prediction_attempts",
        "Predictions that were read or given up, by the attempt in which they ended.",
        counts[ATTEMPTS].items(),
        "attempt",
    )
    lost = [("", counts[LEASE_LOST].total())]
    yield _counter("overread_lease_losses", "Attempts that the sweep took away.", lost)
    limits = {code: n for code, n in (refused + failed).items() if code.startswith("airlock_")}
    yield _counter(
        "overread_airlock_limits",
        "Files that met a limit of the airlock or broke their reader, by code.",
        limits.items() or [("airlock_time_limit", 0)],
        "code",
    )
    yield from _guarded(tallied)
    for name, tally in (("wait", WAIT), ("run", RUN)):
        yield _histogram(f"overread_prediction_{name}_seconds", counts[tally], tallied, tally)


def _guarded(tallied: Tallied) -> Iterator[Metric]:
    """Yield what was kept out. What is slowed down is in the trail, and here, once a minute."""
    for name, words, action in (
        ("overread_sign_ins_refused", "Sign-ins refused.", Action.SIGN_IN_REFUSED),
        (
            "overread_sign_ins_throttled",
            "Minutes in which a name was guessed at too often, added over all names.",
            Action.SIGN_IN_THROTTLED,
        ),
        (
            "overread_requests_limited",
            "Minutes in which somebody sent too many requests, added over all people.",
            Action.REQUEST_LIMITED,
        ),
    ):
        yield _counter(name, words, [("", tallied.total(action))])


def _histogram(name: str, counts: Counter[str], tallied: Tallied, tally: str) -> Metric:
    buckets, so_far = [], 0
    for bound in (*map(str, BUCKETS), "+Inf"):
        so_far += counts[bound]
        buckets.append((bound, so_far))
    words = {"wait": "From the request to the start", "run": "Of the last attempt"}
    family = HistogramMetricFamily(name, f"{words[name.split('_')[2]]}, of what was read.")
    family.add_metric([], buckets=buckets, sum_value=tallied.seconds[tally])
    return family


def _queue() -> Iterator[Metric]:
    queue = queue_state()
    depth = [((state,), queue[state]) for state in ("queued", "running")]
    yield _gauge("overread_queue_depth", "Predictions that are not done.", depth, "state")
    yield _gauge(
        "overread_queue_oldest_seconds",
        "How long the first of those that wait has waited.",
        [((), queue["oldest"])],
    )


def _workers() -> Iterator[Metric]:
    kinds = Counter((w.queue, w.device or "none") for w in workers_seen(within=seen_within()))
    for queue in {"inference", "general"} - {queue for queue, _ in kinds}:
        kinds[(queue, "none")] = 0
    yield _gauge("overread_workers", "Workers seen lately.", kinds.items(), "queue", "device")
    live = [((v.name, v.version, v.weights_sha256), 1) for v in live_versions()]
    yield _gauge("overread_model_info", "Live models.", live, "name", "version", "weights_sha256")


def _trail() -> Iterator[Metric]:
    heads, now = list(heads_with_moment()), timezone.now()
    seqs = [((head.chain,), head.seq) for head in heads]
    yield _gauge("overread_audit_events", "Events on each chain.", seqs, "chain")
    moments = {head.chain: head.at for head in heads if head.at}  # type: ignore[attr-defined]
    ages = [((chain,), (now - at).total_seconds()) for chain, at in moments.items()]
    yield _gauge("overread_audit_head_age_seconds", "Since the last event.", ages, "chain")
    exported = heads_file().stat().st_mtime if heads_file().exists() else 0.0
    newest = max((at.timestamp() for at in moments.values()), default=0.0)
    lag = now.timestamp() - max(exported, 0.0) if newest > exported and exported else 0.0
    yield _gauge(
        "overread_audit_export_lag_seconds",
        "How long ago heads were exported, if events were written since.",
        [((), lag)],
    )


def _gauge(
    name: str, words: str, values: Iterable[tuple[tuple[str, ...], float]], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=labels)
    for told, value in values:
        family.add_metric(told, value)
    return family


def _counter(
    name: str, words: str, values: Iterable[tuple[str, int]], *labels: str
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, words, labels=labels)
    for told, value in values:
        family.add_metric([told] if labels else [], value)
    return family


@dataclass(slots=True)
class _Kept:
    text: bytes = b""
    ends: float = 0.0


_registry = CollectorRegistry()
_registry.register(Figures())
_guard = threading.Lock()
_kept = _Kept()
