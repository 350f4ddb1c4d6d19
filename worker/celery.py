"""Entry point of ``celery -A worker``: the portal's queue plus the tasks that serve it."""

import os
import warnings

import django
from celery.platforms import SecurityWarning  # type: ignore[attr-defined] # the stubs lack it

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
# A worker needs no routes; checking them would import the whole web application.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
django.setup()

from portal.queue import app  # noqa: E402 (Django must be set up first)
from worker import lifecycle  # noqa: E402

__all__ = ["app"]

# It warns of root because of pickles; this worker takes nothing but JSON.
warnings.filterwarnings("ignore", category=SecurityWarning)
app.conf.imports = ("worker.tasks",)
lifecycle.connect()
