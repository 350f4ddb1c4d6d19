"""When ``serve`` may say that it is ready."""

import http.client
from datetime import timedelta
from urllib.parse import urlsplit

from django.db import Error, connection

from portal.predictions.selectors import live_workers
from worker.identity import process_prefix

SERVER_ERROR = 500


def web_answers(address: tuple[str, int], origin: str) -> bool:
    """Return whether the web server answers a request with anything but an error of its own."""
    answer = http.client.HTTPConnection(*address, timeout=5)
    try:
        answer.request("GET", "/", headers={"Host": urlsplit(origin).netloc})
        return answer.getresponse().status < SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        answer.close()


def worker_consumes(pid: int | None) -> bool:
    """Return whether the inference worker with this process id has said that it is there."""
    if pid is None:
        return False
    try:
        alive = live_workers("inference", within=timedelta(minutes=5))
        return alive.filter(name__startswith=process_prefix(pid)).exists()
    except Error:
        return False
    finally:
        connection.close()
