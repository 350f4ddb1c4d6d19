"""Write side of the workers' own rows."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from portal.audit.services import SYSTEM, Action, record_alone
from portal.predictions.models import Worker


def say_alive(
    *, name: str, queue_name: str, device: str = "", model: str = "", trouble: str = ""
) -> None:
    """Write that a worker is there, by the database's clock."""
    said = {
        "queue": queue_name,
        "device": device,
        "model": model,
        "trouble": trouble,
        "last_seen": Now(),
    }
    Worker.objects.update_or_create(
        name=name, defaults=said, create_defaults=said | {"started_at": Now()}
    )


@transaction.atomic
def forget_workers(*, names: Iterable[str] = (), unseen_for: timedelta = timedelta(days=1)) -> None:
    """Delete the rows of workers that ended, or were not seen for long."""
    Worker.objects.filter(Q(name__in=list(names)) | Q(last_seen__lt=Now() - unseen_for)).delete()


def record_drift(*, worker: str, model: str, why: str) -> None:
    """Tell the trail that a worker computes other scores than were computed when it was packed."""
    record_alone(
        Action.MODEL_DRIFTED,
        chain=SYSTEM,
        subject=f"model:{model}",
        by=None,
        worker=worker,
        why=why,
    )
