from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.audit.selectors import verify_all, verify_chain


class Command(BaseCommand):
    """Check the audit trail."""

    help = "Check every audit chain (or one) and name the first bad event. Exit code 1 if any."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the chain to check."""
        parser.add_argument("--chain", help="slug of one site, or 'system'")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print a line a chain; fail if one is broken."""
        chains = [verify_chain(options["chain"])] if options["chain"] else verify_all()
        for found in chains:
            if found.intact:
                self.stdout.write(f"{found.chain}: intact, {found.events} events")
            else:
                self.stdout.write(f"{found.chain}: BROKEN at event {found.seq}: {found.problem}")
        if not all(found.intact for found in chains):
            raise SystemExit(1)
