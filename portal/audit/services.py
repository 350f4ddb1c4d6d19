"""Write side of the audit trail."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from portal.audit import keys
from portal.audit.models import AuditEvent, AuditHead
from portal.audit.tally_services import Mark, count
from portal.errors import PortalError

Action = AuditEvent.Action
Outcome = AuditEvent.Outcome
GENESIS = "0" * 64
SYSTEM = "system"


class Actor(Protocol):
    """Whoever can answer for something: a person with a name that never changes."""

    @property
    def username(self) -> str:
        """The name that the trail keeps."""


def record(
    action: AuditEvent.Action,
    *,
    chain: str,
    subject: str,
    by: Actor | None,
    outcome: AuditEvent.Outcome = Outcome.SUCCESS,
    **detail: Any,
) -> AuditEvent:
    """Append one event, inside the caller's transaction, as its last statement.

    The head of the chain stays locked until that transaction ends, so two writers can never
    both build on the same event.

    Raises
    ------
    RuntimeError
        Outside a transaction: the event and what it tells must be stored together.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("record() belongs inside the transaction it describes")
    head = _lock_head(chain)
    event = AuditEvent(
        chain=chain,
        seq=head.seq + 1,
        at=timezone.now(),
        actor=by.username if by else "",
        action=action,
        subject=subject,
        outcome=outcome,
        detail=detail,
        previous_digest=head.digest or GENESIS,
    )
    event.digest = digest(event)
    event.signature = keys.sign(event.digest)
    event.save(force_insert=True)
    AuditHead.objects.filter(chain=chain).update(
        seq=event.seq, digest=event.digest, signature=event.signature
    )
    kind = detail.get("outcome_of_model") or detail.get("code") or ""
    count(chain, [Mark(str(action), str(kind)[:48])])
    return event


@transaction.atomic
def record_alone(action: AuditEvent.Action, **event: Any) -> AuditEvent:
    """Append an event that describes no other change: a read, or something refused."""
    return record(action, **event)


@contextmanager
def refusals_recorded(
    action: AuditEvent.Action, *, chain: str, subject: str, by: Actor | None, **detail: Any
) -> Iterator[None]:
    """Append an event for what the block refuses, with its code; the refusal goes on.

    Around the transaction of the act, not inside it: that one is undone.
    """
    try:
        yield
    except PortalError as refusal:
        refused = {"outcome": Outcome.REFUSED, "code": refusal.code}
        record_alone(action, chain=chain, subject=subject, by=by, **refused, **detail)
        raise


def record_once(
    action: AuditEvent.Action,
    *,
    chain: str,
    subject: str,
    by: Actor | None,
    within: timedelta,
    outcome: AuditEvent.Outcome = Outcome.SUCCESS,
) -> AuditEvent | None:
    """Append what ``by`` did to ``subject``, unless the trail says so ``within`` this time."""
    actor = by.username if by else ""
    look = {"chain": chain, "subject": subject, "action": action, "actor": actor}
    lately = AuditEvent.objects.filter(**look, at__gt=timezone.now() - within)
    if lately.exists():
        return None
    with transaction.atomic():
        _lock_head(chain)  # of two at once one is recorded
        if lately.exists():
            return None
        return record(action, chain=chain, subject=subject, by=by, outcome=outcome)


def digest(event: AuditEvent) -> str:
    """Return SHA-256 of the canonical JSON of an event, chained to the one before it."""
    payload = [
        event.chain,
        event.seq,
        _moment(event.at),
        event.actor,
        str(event.action),
        event.subject,
        str(event.outcome),
        event.detail,
        event.previous_digest,
    ]
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def export_heads() -> int:
    """Append the heads that moved since the last export to ``audit/heads.jsonl``.

    The file is outside the database: a database put back to an older day contradicts it.
    """
    path = heads_file()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    known = {line["chain"]: line["seq"] for line in exported_heads()}
    moved = [h for h in AuditHead.objects.filter(seq__gt=0) if h.seq > known.get(h.chain, 0)]
    if moved:
        at = _moment(timezone.now())
        lines = [
            json.dumps(
                {"at": at, "chain": h.chain, "seq": h.seq, "digest": h.digest, "sig": h.signature}
            )
            for h in moved
        ]
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
    return len(moved)


def exported_heads() -> list[dict[str, Any]]:
    """Return every head ever exported, oldest first; a line cut by a crash is left out."""
    heads = []
    path = heads_file()
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            heads.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return heads


def heads_file() -> Path:
    """Return the file of exported heads."""
    return Path(settings.OVERREAD_DATA) / "audit" / "heads.jsonl"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _lock_head(chain: str) -> AuditHead:
    heads = AuditHead.objects.select_for_update().filter(chain=chain)
    if head := heads.first():
        return head
    AuditHead.objects.get_or_create(chain=chain)
    return heads.get()
