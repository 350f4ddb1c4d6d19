from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.selectors import site_named
from portal.errors import PortalError
from portal.evidence.services import export_evidence
from portal.predictions.models import ModelVersion
from portal.watch.selectors import Scope


class Command(BaseCommand):
    """Make an evidence pack."""

    help = (
        "Write one ZIP for those who judge the model: card, report, figures of its use, overrides, "
        "decisions, and the audit trail of these days with its proof. No patient is named in it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what it is of, and where to."""
        parser.add_argument("--site", required=True, help="slug of the site")
        parser.add_argument("--model", required=True, help="as in vgg16-pneumonia-0.2.0")
        parser.add_argument("--from", dest="first", required=True, type=date.fromisoformat)
        parser.add_argument("--to", dest="last", required=True, type=date.fromisoformat)
        parser.add_argument("--out", required=True, type=Path, help="a file that does not exist")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make it, and say what its manifest's digest is."""
        name, _, number = options["model"].rpartition("-")
        version = ModelVersion.objects.filter(name=name, version=number).first()
        if version is None:
            known = ", ".join(f"{one.name}-{one.version}" for one in ModelVersion.objects.all())
            raise CommandError(
                f"There is no registered version {options['model']}. These are: {known or 'none'}."
            )
        out: Path = options["out"]
        try:
            site = site_named(options["site"])
            scope = Scope(site, version, options["first"], options["last"])
            with out.open("xb") as stream:
                digest = export_evidence(scope=scope, to=stream, by=None)
        except (PortalError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{out}: manifest {digest}")
