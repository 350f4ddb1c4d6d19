from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate

from portal.operations.database_roles import NotTheOwner, as_owner


class Command(migrate.Command):
    """Django's own, run as the owner of the tables where OVERREAD_OWNER_DATABASE_URL names one."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, then grant the runtime role what it needs."""
        try:
            with as_owner():
                super().handle(*args, **options)
        except NotTheOwner as error:
            raise CommandError(str(error)) from error
