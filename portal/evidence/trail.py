"""The slice of a site's audit chain that goes into a pack: all of its proof, part of its content.

Events about models, alerts and signatures for them are whole. Of every other event, which may
name a study, there is the link (digest, signature), which proves the chain without its content.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from portal.audit.models import AuditEvent

WHOLE = ("model.", "widening.", "operating_point.", "prevalence.", "alert.")
"""What the actions begin with whose events are given whole: none of them names a study."""
CHUNK = 2000


def slice_of(chain: str, first: date, last: date) -> bytes:
    """Return the events of these days as lines of JSON, up to the last that is whole.

    What comes after that (who signed in, that a pack was made) does not change a pack.
    """
    events = _of_days(chain, first, last)
    whole = events.filter(_is_whole()).order_by("-seq").values_list("seq", flat=True).first()
    rows = events.filter(seq__lte=whole or 0).order_by("seq")
    return "".join(_lines(rows)).encode()


def _of_days(chain: str, first: date, last: date) -> QuerySet[AuditEvent]:
    """Return the events between the first and the last of these days: a slice without gaps."""
    after = datetime.combine(first, time(), UTC)
    before = datetime.combine(last + timedelta(days=1), time(), UTC)
    of_chain = AuditEvent.objects.filter(chain=chain)
    seqs = of_chain.filter(at__gte=after, at__lt=before).order_by("seq").values_list("seq")
    low, high = seqs.first(), seqs.last()
    return of_chain.filter(seq__gte=low[0] if low else 1, seq__lte=high[0] if high else 0)


def _is_whole() -> Q:
    condition = Q()
    for beginning in WHOLE:
        condition |= Q(action__startswith=beginning)
    return condition


def _lines(rows: QuerySet[AuditEvent]) -> Iterator[str]:
    for event in rows.iterator(chunk_size=CHUNK):
        yield json.dumps(_told(event), sort_keys=True, separators=(",", ":")) + "\n"


def _told(event: AuditEvent) -> dict[str, Any]:
    link: dict[str, Any] = {
        "chain": event.chain,
        "seq": event.seq,
        "previous_digest": event.previous_digest,
        "digest": event.digest,
        "signature": event.signature,
    }
    if not event.action.startswith(WHOLE):
        return link
    return link | {
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "outcome": event.outcome,
        "detail": event.detail,
    }
