"""Settings of gunicorn, under ``serve`` and in a container. Where it listens is said outside."""

import os
from typing import Any

from django.conf import settings

from worker.supervisor.tether import die_with

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

wsgi_app = "portal.wsgi:application"
worker_class = "worker.supervisor.patience.PatientWorker"
workers = settings.OVERREAD_WEB_WORKERS
threads = settings.OVERREAD_WEB_THREADS
graceful_timeout = 5  # seconds; serve stops everything within 10
timeout = 60
limit_request_line = 8190  # every valid request fits; what is too long hears of it from the product
control_socket_disable = True
proc_name = "overread"
logconfig_dict = settings.LOGGING


def post_fork(_arbiter: Any, _worker: Any) -> None:
    """Die with gunicorn's parent process: it may be killed before it can stop its workers."""
    die_with(os.getppid())
