from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.selectors import user_named
from portal.accounts.services import create_token
from portal.errors import PortalError


class Command(BaseCommand):
    """Make an API token."""

    help = "Print a new API token of a user, and nothing else. It is not shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose token it is and how long it lasts."""
        parser.add_argument("username")
        parser.add_argument("--days", type=int, default=90, help="how long it lasts (default: 90)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the token alone."""
        if options["days"] < 1:
            raise CommandError("--days must be at least 1.")
        try:
            user = user_named(options["username"])
            token = create_token(user=user, lasts=timedelta(days=options["days"]))
        except PortalError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(token)
