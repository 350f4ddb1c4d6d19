from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.airlock.client import Airlock, AirlockUnavailable
from portal.accounts.selectors import site_named
from portal.errors import PortalError
from portal.reviews.label_selectors import SAW_AI
from worker.labels import FolderNotEmpty, Wish, export_labels


class Command(BaseCommand):
    """Write signed reviews as training labels."""

    help = (
        "Write de-identified pictures and splits.csv, which `python -m inference.training fit` "
        "reads, of the signed reviews of a site. The airlock has to run. Words that are burned "
        "into the pixels cannot be excluded: look at the pictures before they leave the hospital."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to write, and where."""
        parser.add_argument("--site", required=True, help="slug of the site")
        parser.add_argument("--out", required=True, type=Path, help="a folder that is new or empty")
        parser.add_argument("--from", dest="first", type=date.fromisoformat, help="signed since")
        parser.add_argument("--to", dest="last", type=date.fromisoformat, help="signed until")
        parser.add_argument(
            "--include-after-ai",
            action="store_true",
            help="also what was signed once the AI had been shown; in concurrent reading that is "
            "everything",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write them, and say what was left out and why."""
        airlock = Airlock(settings.OVERREAD_AIRLOCK_SOCKET)
        try:
            wish = Wish(
                site=site_named(options["site"]),
                out=options["out"],
                first=options["first"],
                last=options["last"],
                include_after_ai=options["include_after_ai"],
            )
            done = export_labels(wish, airlock)
        except (PortalError, FolderNotEmpty, AirlockUnavailable, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{wish.out}: {done.labels} labels")
        for why, count in sorted(done.left_out.items()):
            self.stdout.write(f"left out, {why.replace('_', ' ')}: {count}")
        if done.left_out[SAW_AI] and not done.labels:
            self.stdout.write(
                "Nothing is exported: every reader had seen the AI, so the labels are partly its "
                "own. --include-after-ai exports them nevertheless."
            )
