"""The only producer of messages.

The row is the work; a message merely says "there is something to do". Losing or repeating one
is therefore harmless, and a broker that does not answer must not hold anybody up.
"""

import logging

from celery import Celery
from django.db import transaction
from kombu.exceptions import OperationalError

DRAIN = "worker.drain"
INFERENCE = "inference"

logger = logging.getLogger(__name__)
app = Celery("overread")
app.config_from_object("django.conf:settings", namespace="CELERY")


def ring_after_commit() -> None:
    """Ring for the inference workers once the surrounding transaction has committed."""
    transaction.on_commit(ring, robust=True)


def ring() -> bool:
    """Ring now and return whether the broker took it; a row not rung for is swept up later."""
    try:
        app.send_task(DRAIN, queue=INFERENCE, ignore_result=True, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("the doorbell did not ring: %s", type(error).__name__)
        return False
    return True
