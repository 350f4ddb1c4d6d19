"""Read side of the audit trail."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, OuterRef, QuerySet, Subquery, Sum

from portal.audit import keys
from portal.audit.models import AuditEvent, AuditHead, Tally
from portal.audit.services import GENESIS, digest, exported_heads

Action = AuditEvent.Action
LATELY = 10_000  # events
MOST_CODES = 50


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking one chain found. ``seq`` is the first bad event, if any."""

    chain: str
    events: int
    seq: int | None = None
    problem: str = ""

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong with the chain."""
        return self.seq is None


@dataclass(frozen=True, slots=True)
class Seen:
    """How often something happened of late, to how many ``subjects``, and when last."""

    subjects: int
    newest: datetime


def seen_lately(chain: str, action: AuditEvent.Action) -> Seen | None:
    """Return how often ``action`` is among the last `LATELY` events of the chain; None if never."""
    events = AuditEvent.objects.filter(chain=chain, seq__gt=end_of(chain) - LATELY, action=action)
    found = events.aggregate(subjects=Count("subject", distinct=True), newest=Max("at"))
    return Seen(**found) if found["subjects"] else None


def events_of(chain: str) -> QuerySet[AuditEvent]:
    """Return the events of a chain, newest first."""
    return AuditEvent.objects.filter(chain=chain).order_by("-seq")


def lookers_in(events: QuerySet[AuditEvent]) -> list[dict[str, Any]]:
    """Return ``actor``, ``looks`` and ``newest`` of who opened a study or saw an image."""
    seen = events.filter(action__in=(Action.STUDY_OPENED, Action.IMAGE_VIEWED)).order_by()
    counted = seen.values("actor").annotate(looks=Count("pk"), newest=Max("at"))
    return [
        {"actor": row["actor"], "looks": row["looks"], "newest": row["newest"]}
        for row in counted.order_by("-newest", "actor")
    ]


def refusals_lately(chain: str, action: AuditEvent.Action) -> list[dict[str, Any]]:
    """Return ``code``, ``count`` and ``newest`` of what was refused, the commonest first.

    Among the last `LATELY` events of the chain: the question costs the same however long it is.
    """
    events = AuditEvent.objects.filter(chain=chain, seq__gt=end_of(chain) - LATELY)
    refused = events.filter(action=action, outcome=AuditEvent.Outcome.REFUSED).order_by()
    counted = refused.values("detail__code").annotate(count=Count("pk"), newest=Max("at"))
    return [
        {"code": row["detail__code"], "count": row["count"], "newest": row["newest"]}
        for row in counted.order_by("-count", "detail__code")[:MOST_CODES]
    ]


def tallies() -> list[tuple[str, str, int, float]]:
    """Return name, label, count and seconds of everything that is counted, over all chains."""
    added = Tally.objects.values_list("name", "label").order_by("name", "label")
    return list(added.annotate(Sum("count"), Sum("seconds")))


def heads_with_moment() -> QuerySet[AuditHead]:
    """Return every head that names an event, with ``at``, when that event was written."""
    last = AuditEvent.objects.filter(chain=OuterRef("chain"), seq=OuterRef("seq"))
    return AuditHead.objects.filter(seq__gt=0).annotate(at=Subquery(last.values("at")[:1]))


def end_of(chain: str) -> int:
    """Return the number of the last event of a chain, 0 if it has none."""
    head = _head(chain)
    return head.seq if head else 0


def events_between(chain: str, after: int, last: int) -> QuerySet[AuditEvent]:
    """Return the events of a chain after number ``after`` up to ``last``, oldest first."""
    return AuditEvent.objects.filter(chain=chain, seq__gt=after, seq__lte=last).order_by("seq")


def verify_all() -> list[Verification]:
    """Check every chain that has an event, a head or an exported head."""
    chains = set(AuditEvent.objects.values_list("chain", flat=True).order_by().distinct())
    chains |= set(AuditHead.objects.values_list("chain", flat=True))
    chains |= {head["chain"] for head in exported_heads()}
    return [verify_chain(chain) for chain in sorted(chains)]


def verify_chain(chain: str) -> Verification:
    """Check one chain from its first event to its head and to every exported head.

    Sees an edit, a deletion, an insertion, a swap, a cut tail, and a chain that was
    computed anew: only the holder of the key can sign digests.
    """
    # The head first: what is written meanwhile only makes the chain longer than it says. So no
    # transaction is needed, which on SQLite would keep every writer waiting.
    head = _head(chain)
    events = AuditEvent.objects.filter(chain=chain).order_by("seq", "pk")
    return _verify(chain, head, events.iterator(chunk_size=2000), list(exported_heads()))


def _head(chain: str) -> AuditHead | None:
    return AuditHead.objects.filter(chain=chain).first()


def _verify(
    chain: str,
    head: AuditHead | None,
    events: Iterable[AuditEvent],
    exported: list[dict[str, object]],
) -> Verification:
    expected = {head["seq"]: head["digest"] for head in exported if head["chain"] == chain}
    previous, count = GENESIS, 0
    for event in events:
        if problem := _problem(event, count + 1, previous, expected.get(event.seq)):
            return Verification(chain, count, min(event.seq, count + 1), problem)
        previous, count = event.digest, event.seq
    once = max([head.seq if head else 0, *(int(str(seq)) for seq in expected)])
    if once > count:
        problem = f"the chain was cut: it once had {once} events"
        return Verification(chain, count, count + 1, problem)
    return Verification(chain, count) if count == 0 else _check_head(chain, head, count, previous)


def _problem(event: AuditEvent, seq: int, previous: str, exported: object) -> str:
    """Return what is wrong with ``event`` in its place, or an empty string."""
    checks: Iterator[tuple[bool, str]] = iter(
        (
            (event.seq == seq, f"event {seq} is missing or event {event.seq} is out of place"),
            (event.previous_digest == previous, "it does not follow from the event before it"),
            (event.digest == digest(event), "its content was changed"),
            (keys.is_signed(event.digest, event.signature), "its signature is not ours"),
            (exported in {None, event.digest}, "it differs from the exported head"),
        )
    )
    return next((words for holds, words in checks if not holds), "")


def _check_head(chain: str, head: AuditHead | None, count: int, last: str) -> Verification:
    """Check that the head names event number ``count``, or one written since."""
    if head is None or head.seq < count:
        head = _head(chain)
    if head is None or head.seq < count or (head.seq == count and head.digest != last):
        return Verification(chain, count, count, "the head does not name the last event")
    if not keys.is_signed(head.digest, head.signature):
        return Verification(chain, count, count, "the head is not signed by us")
    return Verification(chain, count)
