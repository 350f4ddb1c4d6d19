"""Signed reviews for the demo: made-up studies, and its reviewer who signs what was drawn."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from inference.samples import HAZY, practice_samples
from portal.accounts.models import User
from portal.predictions.models import Prediction
from portal.reviews.models import Presence, Review
from portal.reviews.services import Read, sign_review
from portal.studies.models import Study
from worker import demo

AT_ONCE = 10
SITE, REVIEWER = "demo", "reviewer"
PATIENCE = 1800.0
"""Seconds until what was sent has to be read."""
COMMENT = "Practice: the haze was drawn or not drawn by a program."
WAITING = (Prediction.State.QUEUED, Prediction.State.RUNNING)


class NotTheDemo(Exception):
    """Only the demo signs by itself, and only as its own reviewer. The message is a sentence."""


class NotRead(Exception):
    """The workers did not read what was sent. The message is a sentence."""


def sign_practice(count: int, url: str, say: Callable[[str], None]) -> int:
    """Send ``count`` made-up studies to the demo, wait for the AI, sign, and return how many.

    What was signed before is not signed again.

    Raises
    ------
    NotTheDemo, NotRead, SamplesMissing, SamplesRefused, OSError, PortalError
    """
    reviewer, password = _who_signs()
    parts = urlsplit(url)
    if parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise NotTheDemo("The demo listens on this machine only: give its own address.")
    address = (parts.hostname, parts.port or 80)
    verdicts: list[dict[str, Any]] = []
    samples = practice_samples(count)
    for start in range(0, count, AT_ONCE):
        verdicts += demo.upload(samples[start : start + AT_ONCE], address, url)
        say(f"{len(verdicts)} of {count} sent")
    _wait([one["prediction"] for one in verdicts if one["prediction"]], say)
    return sum(1 for _ in _sign(verdicts, reviewer, password))


def _who_signs() -> tuple[User, str]:
    """Return the demo's reviewer and their password, which is the demo's and nobody else's."""
    refusal = NotTheDemo("This is not the demo: nobody but a person signs here.")
    if not (Path(settings.OVERREAD_DATA) / "keys" / "demo_password").is_file():
        raise refusal
    password = demo.demo_password()
    reviewer = User.objects.filter(username=REVIEWER, site__slug=SITE).first()
    if reviewer is None or not reviewer.check_password(password):
        raise refusal
    return reviewer, password


def _wait(predictions: Sequence[str], say: Callable[[str], None]) -> None:
    rows = Prediction.objects.filter(pk__in=predictions, state__in=WAITING)
    ends, before = time.monotonic() + PATIENCE, 0
    while left := rows.count():
        if time.monotonic() > ends:
            raise NotRead(f"{left} of {len(predictions)} are not read yet: try again later.")
        if left != before:
            say(f"{left} not read yet")
        before = left
        time.sleep(1)


def _sign(verdicts: Sequence[dict[str, Any]], by: User, password: str) -> Iterator[Review]:
    for one in verdicts:
        uid = one.get("study_instance_uid")
        study = Study.objects.filter(site=by.site, study_instance_uid=uid).first()
        if study is None or Review.objects.filter(study=study).exists():
            continue
        presence = Presence.PRESENT if HAZY in one["filename"] else Presence.ABSENT
        shown = Prediction.objects.filter(instance__series__study=study, outcome="scored").first()
        agrees = shown is None or shown.finding == presence
        read = Read(presence) if agrees else Read(presence, "OTHER", COMMENT)
        yield sign_review(study=study, read=read, password=password, by=by)
