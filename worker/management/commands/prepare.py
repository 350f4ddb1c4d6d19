from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from inference import BundleBroken
from portal.errors import PortalError
from worker.shipping import deploy_everywhere, register_shipped_model, shipped_manifest


class Command(BaseCommand):
    """What ``serve`` does before it starts anything, for those who start the processes alone."""

    help = "Migrate, register the shipped model, and make it live at every site that has none."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Prepare; doing so again changes nothing."""
        call_command("migrate", verbosity=0, interactive=False)
        try:
            version = register_shipped_model(shipped_manifest())
        except (BundleBroken, PortalError) as error:
            raise CommandError(str(error)) from error
        deploy_everywhere(version)
        self.stdout.write(f"the tables are those of this release, and {version} is registered")
