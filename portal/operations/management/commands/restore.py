from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.session_services import end_everything_temporary
from portal.operations.archive import NotABackup
from portal.operations.database_roles import NotTheOwner
from portal.operations.dumps import DumpFailed
from portal.operations.restore import TargetInUse, restore_backup
from portal.predictions.services import sweep


class Command(BaseCommand):
    """Put a backup back."""

    help = (
        "Put a backup into an empty installation that does not run, bring its tables up to this "
        "release, end all sessions and one-time links, and verify audit trail and invariants. "
        "Exit code 1 if anything is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where from."""
        parser.add_argument("source", type=Path, help="the folder that `backup` made")
        parser.add_argument(
            "--force", action="store_true", help="give up what this installation holds"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Restore, migrate, verify."""
        try:
            manifest = restore_backup(options["source"], force=options["force"])
        except (NotABackup, TargetInUse, DumpFailed, NotTheOwner, OSError) as error:
            raise CommandError(str(error)) from error
        call_command("migrate", verbosity=0, interactive=False)
        sweep()  # what ran when the backup was made waits again
        end_everything_temporary()
        self.stdout.write(f"restored what was there at {manifest.made_at}")
        for sha256 in manifest.damaged:
            self.stderr.write(f"the blob {sha256} was damaged before the backup and is missing")
        call_command("verify_audit", stdout=self.stdout)
        call_command("verify_invariants", stdout=self.stdout)
