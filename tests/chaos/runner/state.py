"""What the system itself says: rows, blobs, audit trail. Runs inside of a configured Django."""

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field


@dataclass(slots=True)
class Instance:
    """A stored image. ``blob`` is the SHA-256 of its bytes as they lie there, empty if missing."""

    uid: str
    sha256: str
    blob: str


@dataclass(slots=True)
class Prediction:
    """A prediction; moments are seconds since 1970 by the database's clock."""

    id: str
    instance: str
    state: str
    code: str
    attempt: int
    requested_at: float
    finished_at: float | None


@dataclass(slots=True)
class State:
    """Everything that the judge looks at."""

    instances: list[Instance] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    events: dict[str, int] = field(default_factory=dict)
    """How many events there are, by ``action subject``."""


def read_state() -> State:
    """Return what is stored now."""
    from portal.audit.models import AuditEvent
    from portal.predictions.models import Prediction as PredictionRow
    from portal.studies.models import Instance as InstanceRow

    events = AuditEvent.objects.values_list("action", "subject")
    return State(
        instances=[
            Instance(row.sop_instance_uid, row.sha256, _blob(row.sha256))
            for row in InstanceRow.objects.order_by("pk")
        ],
        predictions=[
            Prediction(
                str(row.pk),
                row.instance.sop_instance_uid,
                row.state,
                row.code,
                row.attempt,
                row.requested_at.timestamp(),
                row.finished_at.timestamp() if row.finished_at else None,
            )
            for row in PredictionRow.objects.select_related("instance")
        ],
        events=dict(Counter(f"{action} {subject}" for action, subject in events)),
    )


def dump() -> None:
    """Print what is stored now, for `load`."""
    print(json.dumps(asdict(read_state())))


def load(text: str) -> State:
    """Return what `dump` printed."""
    said = json.loads(text)
    return State(
        [Instance(**one) for one in said["instances"]],
        [Prediction(**one) for one in said["predictions"]],
        said["events"],
    )


def _blob(sha256: str) -> str:
    from portal.studies.blobs import store

    if not store.exists(sha256):
        return ""
    with store.open(sha256) as blob:
        return hashlib.file_digest(blob, "sha256").hexdigest()
