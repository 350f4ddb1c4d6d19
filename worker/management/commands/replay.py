import sys
from argparse import ArgumentTypeError
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from portal.accounts.selectors import site_named
from portal.errors import PortalError
from portal.predictions.models import Prediction
from portal.predictions.replay_selectors import scored_prediction, scored_predictions
from portal.predictions.replay_services import record_not_reproduced
from worker.airlock import airlock_listens
from worker.replay import WorkerDrifts, replay

USUAL = 20
USAGE = 2
"""The exit code of what was asked for wrongly, or cannot be looked at now."""


class Command(BaseCommand):
    """Compute stored scores again."""

    help = (
        "Compute stored scores again from the stored images, and tell the audit trail which do "
        "not come out: within 0.0001 on the engine that computed them, within 0.001 on another. "
        "Overread must be running. Exit code 0: all did; 1: some did not; 2: not looked at."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which predictions."""
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--prediction", type=UUID, metavar="ID", help="this one alone")
        which.add_argument(
            "--sample", type=_positive, default=USUAL, metavar="N",
            help="so many, at random (default %(default)s)",
        )  # fmt: skip
        parser.add_argument("--site", help="slug of the site whose predictions are looked at")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print a line for each that did not come out, then how many did."""
        rows = _asked_for(options["prediction"], options["sample"], options["site"])
        if not airlock_listens():
            raise CommandError(
                "The airlock does not answer: start Overread first.", returncode=USAGE
            )
        failed = 0
        try:
            for row in tqdm(rows, desc="replay", unit="score", disable=not sys.stderr.isatty()):
                failed += self._differs(row)
        except WorkerDrifts as error:
            raise CommandError(f"Nothing can be compared here: {error}", returncode=USAGE) from None
        self.stdout.write(f"{len(rows) - failed} of {len(rows)} scores were reproduced")
        if failed:
            raise SystemExit(1)

    def _differs(self, row: Prediction) -> bool:
        difference = replay(row)
        if difference is None:
            return False
        record_not_reproduced(prediction=row, code=difference.code, why=difference.why)
        self.stdout.write(f"{row.pk} at {row.site}: {difference.code}: {difference.why}")
        return True


def _asked_for(prediction: UUID | None, sample: int, slug: str | None) -> list[Prediction]:
    try:
        site = site_named(slug) if slug else None
        if prediction is None:
            return scored_predictions(sample=sample, site=site)
        found = scored_prediction(prediction)
    except PortalError as error:
        raise CommandError(str(error), returncode=USAGE) from error
    if site and found.site_id != site.pk:
        raise CommandError(f"Prediction {prediction} is not of {site.slug}.", returncode=USAGE)
    return [found]


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ArgumentTypeError("at least 1 is expected")
    return value
