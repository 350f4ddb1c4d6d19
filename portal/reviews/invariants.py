"""What must always be true of rows, blobs and the audit trail, and what breaks it.

Each invariant is a sentence, a count of what was looked at, and a line for every breach. What a
client was told cannot be seen from here.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Count, F, Q
from django.db.models.functions import Now

from portal.accounts.models import Site, User
from portal.accounts.roles import TABLE, May
from portal.audit.models import AuditEvent
from portal.audit.selectors import verify_all
from portal.predictions.deployment_invariants import deployment_breaches, model_acts
from portal.predictions.models import WIDENABLE, Deployment, OperatingPoint, Prediction
from portal.predictions.selectors import live_workers, seen_within
from portal.reviews.models import Review
from portal.reviews.operating_point_invariants import (
    operating_point_acts,
    operating_point_breaches,
)
from portal.reviews.worklist_selectors import worklist
from portal.studies.blobs import store
from portal.studies.models import Instance, Study
from portal.studies.services import ORPHANED_AFTER

PAST_LEASE = timedelta(seconds=30)
UNRUNG = timedelta(seconds=60)
Action = AuditEvent.Action
State = Prediction.State


@dataclass(slots=True)
class Invariant:
    """One thing that must be true, and what was found. ``count`` is how many were looked at."""

    name: str
    sentence: str
    count: int = 0
    breaches: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing breaks it."""
        return not self.breaches


def check_invariants() -> list[Invariant]:
    """Return every invariant, checked on what is stored now. Reads each blob.

    Work goes on meanwhile, and no lock is taken: what looks broken is looked at once more, and
    only what is broken both times is a breach.
    """
    return [_checked(*check) for check in _CHECKS]


def _checked(name: str, sentence: str, check: Callable[[Invariant], Iterator[str]]) -> Invariant:
    invariant = Invariant(name, sentence)
    suspects = list(check(invariant))
    if suspects:
        again = set(check(Invariant(name, sentence)))
        invariant.breaches = [suspect for suspect in suspects if suspect in again]
    return invariant


def _received_is_kept(invariant: Invariant) -> Iterator[str]:
    for instance in Instance.objects.order_by("pk").iterator():
        invariant.count += 1
        if problem := _blob_problem(instance):
            yield f"instance {instance}: {problem}"
    told = set(_subjects(Action.INSTANCE_RECEIVED))
    known = {_subject(i.site.slug, "instance", i) for i in _instances()}
    for chain, subject in sorted(told - known):
        yield f"{chain}: {subject} was received and has no row"


def _one_live_prediction(invariant: Invariant) -> Iterator[str]:
    invariant.count = Prediction.objects.count()
    live = Prediction.objects.exclude(state__in=(State.FAILED, State.CANCELLED)).exclude(
        outcome=Prediction.Outcome.NOT_APPLICABLE, code__in=WIDENABLE
    )
    counted = live.values("instance", "model_version").annotate(n=Count("pk")).order_by()
    for row in counted.filter(n__gt=1):
        yield f"instance #{row['instance']}: {row['n']} live predictions of one version"
    for lost in Prediction.objects.exclude(instance__in=Instance.objects.all()):
        yield f"prediction {lost.pk}: its instance is gone"
    for stray in Prediction.objects.exclude(site=F("instance__site")):
        yield f"prediction {stray.pk}: it belongs to another site than its instance"


def _predictions_end(invariant: Invariant) -> Iterator[str]:
    unfinished = Prediction.objects.filter(state__in=(State.QUEUED, State.RUNNING))
    invariant.count = unfinished.count()
    overdue = Q(state=State.RUNNING) & (
        Q(lease_until__lt=Now() - PAST_LEASE) | Q(lease_until__isnull=True)
    )
    for prediction in unfinished.filter(overdue):
        yield f"prediction {prediction.pk}: it runs past its lease"
    if live_workers("inference", within=seen_within()).exists():
        for prediction in unfinished.filter(state=State.QUEUED, rung_at__lt=Now() - UNRUNG):
            yield f"prediction {prediction.pk}: it waits and nobody rings, with a worker up"


def _acts_are_audited(invariant: Invariant) -> Iterator[str]:
    for expected, actions in _audited():
        events = Counter(_subjects(*actions))
        invariant.count += len(expected)
        for chain, subject in sorted(expected):
            if (number := events[chain, subject]) != 1:
                yield f"{chain}: {subject} has {number} events {' or '.join(actions)}"
        for chain, subject in sorted(set(events) - expected):
            yield f"{chain}: {subject} has an event {' or '.join(actions)} and no such row"
    yield from _reviews_are_audited(invariant)
    yield from _models_are_audited(invariant)
    for found in verify_all():
        invariant.count += found.events
        if not found.intact:
            yield f"{found.chain}: the chain breaks at event {found.seq}: {found.problem}"


def _audited() -> Iterator[tuple[set[tuple[str, str]], tuple[AuditEvent.Action, ...]]]:
    """Yield what must have exactly one event each, and of which kind."""
    predictions = Prediction.objects.select_related("site").only(
        "site__slug", "state", "acknowledged_at"
    )
    acknowledged = set()
    by_state: dict[str, set[tuple[str, str]]] = {state: set() for state in State.values}
    for prediction in predictions.iterator():
        subject = (prediction.site.slug, f"prediction:{prediction.pk}")
        by_state[prediction.state].add(subject)
        if prediction.acknowledged_at:
            acknowledged.add(subject)
    yield {_subject(i.site.slug, "instance", i) for i in _instances()}, (Action.INSTANCE_RECEIVED,)
    yield set().union(*by_state.values()), (Action.PREDICTION_REQUESTED,)
    yield by_state[State.DONE], (Action.PREDICTION_COMPLETED,)
    yield by_state[State.FAILED], (Action.PREDICTION_FAILED,)
    yield by_state[State.CANCELLED], (Action.PREDICTION_CANCELLED,)
    yield acknowledged, (Action.PREDICTION_ACKNOWLEDGED,)


def _reviews_are_audited(invariant: Invariant) -> Iterator[str]:
    signed = (Action.REVIEW_SIGNED, Action.REVIEW_AMENDED)
    events = AuditEvent.objects.filter(action__in=signed)
    named = Counter(events.values_list("detail__review", flat=True))
    reviews = set(Review.objects.values_list("pk", flat=True))
    invariant.count += len(reviews)
    for review in sorted(reviews):
        if named[review] != 1:
            yield f"review {review} has {named[review]} events {' or '.join(signed)}"
    for review in set(named) - reviews:
        yield f"review {review} has an event and no row"


def _models_are_audited(invariant: Invariant) -> Iterator[str]:
    for expected, action in (*model_acts(), *operating_point_acts()):
        events = Counter(_subjects(action))
        invariant.count += expected.total()
        for chain, subject in sorted(set(expected) | set(events)):
            found, wanted = events[chain, subject], expected[chain, subject]
            if found != wanted:
                yield f"{chain}: {subject} has {found} events {action}, not {wanted}"


def _paused_models_rest(invariant: Invariant) -> Iterator[str]:
    invariant.count = Deployment.objects.count()
    yield from deployment_breaches()


def _cut_offs_are_their_sites(invariant: Invariant) -> Iterator[str]:
    invariant.count = OperatingPoint.objects.count()
    yield from operating_point_breaches()


def _blobs_and_rows_agree(invariant: Invariant) -> Iterator[str]:
    rows = set(Instance.objects.values_list("sha256", flat=True))
    seconds = ORPHANED_AFTER.total_seconds()
    invariant.count = len(rows | set(store.hashes()))
    for sha256 in sorted(set(store.hashes(older_than=seconds)) - rows):
        yield f"blob {sha256} has no row"
    for path in store.waiting(older_than=seconds):
        yield f"incoming file {path.name} was neither accepted nor removed"
    for sha256 in sorted(rows):
        if not store.exists(sha256):
            yield f"row of {sha256} has no blob"


def _unread_is_on_the_worklist(invariant: Invariant) -> Iterator[str]:
    for site in Site.objects.order_by("slug"):
        unread = Study.objects.filter(site=site).exclude(pk__in=Review.objects.values("study"))
        invariant.count += unread.count()
        readers = User.objects.filter(
            site=site, is_active=True, role_grants__role__in=TABLE[May.SEE_STUDIES]
        )
        reader = readers.first()
        listed = worklist(reader).order_by() if reader else Study.objects.none()
        for study in unread.exclude(pk__in=listed.values("pk")):
            yield f"{site.slug}: study {study} is unread and on nobody's worklist"


def _blob_problem(instance: Instance) -> str:
    try:
        with store.open(instance.sha256) as blob:
            found = hashlib.file_digest(blob, "sha256").hexdigest()
            size = blob.tell()
    except FileNotFoundError:
        return "its blob is missing"
    if found != instance.sha256:
        return "its blob has other bytes"
    return "" if size == instance.size else f"its blob has {size} bytes, not {instance.size}"


def _instances() -> Iterator[Instance]:
    return Instance.objects.select_related("site").only("sop_instance_uid", "site__slug").iterator()


def _subjects(*actions: AuditEvent.Action) -> Iterator[tuple[str, str]]:
    return AuditEvent.objects.filter(action__in=actions).values_list("chain", "subject").iterator()


def _subject(chain: str, kind: str, row: object) -> tuple[str, str]:
    return chain, f"{kind}:{row}"


_CHECKS: tuple[tuple[str, str, Callable[[Invariant], Iterator[str]]], ...] = (
    ("I-1", "every received file has one row and one blob with its SHA-256", _received_is_kept),
    ("I-2", "one live prediction per instance and version, none astray", _one_live_prediction),
    ("I-3", "every prediction ends", _predictions_end),
    ("I-4", "every act has one audit event, and every chain verifies", _acts_are_audited),
    ("I-5", "no blob without a row for an hour, no row without a blob", _blobs_and_rows_agree),
    ("I-6", "every unread study is on the worklist", _unread_is_on_the_worklist),
    ("I-8", "a paused model rests, and somebody answers for it", _paused_models_rest),
    ("I-9", "a cut-off is its site's, and its set comes out again", _cut_offs_are_their_sites),
)
