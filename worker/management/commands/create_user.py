import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.link_services import make_link
from portal.accounts.roles import Role
from portal.accounts.selectors import site_named
from portal.accounts.services import create_user
from portal.errors import PortalError


class Command(BaseCommand):
    """Make a user."""

    help = "Make a user. The password is asked for, read from standard input, or set by a link."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take who it is, where, and what they are."""
        parser.add_argument("username", help="lower case; the audit trail keeps it for ever")
        parser.add_argument("--site", required=True, help="slug of the site")
        parser.add_argument(
            "--role",
            required=True,
            action="append",
            dest="roles",
            metavar="ROLE",
            help=f"may be repeated: {', '.join(Role.values)}",
        )
        parser.add_argument("--name", default="", help="as shown beside a signature")
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )
        how.add_argument(
            "--link", action="store_true", help="print a link that sets the password, once"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make the user, and print the link if that is wanted."""
        try:
            site = site_named(options["site"])
            user = create_user(
                username=options["username"],
                site=site,
                roles=options["roles"],
                name=options["name"],
                password=None if options["link"] else read_password(options["password_stdin"]),
            )
        except PortalError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(make_link(user=user) if options["link"] else f"user {user.username}")


def read_password(from_stdin: bool) -> str:  # noqa: FBT001 (an option, passed on)
    """Return the password to set.

    Raises
    ------
    CommandError
        The two that were typed differ, or nobody can type.
    """
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask at: use --password-stdin or --link.")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandError("The two passwords differ; no user was made.")
    return password
