from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference import BundleBroken
from portal.accounts.services import create_site
from portal.errors import PortalError
from portal.predictions.version_services import deploy_model
from worker.shipping import register_shipped_model, shipped_manifest


class Command(BaseCommand):
    """Make a site."""

    help = "Make a site (a hospital or clinic) and put the shipped model live there."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the site's slug and name."""
        parser.add_argument("slug", help="short name in lower case, as in st-mary; never changes")
        parser.add_argument("--name", help="as people read it (default: the slug)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make it, and say so."""
        try:
            manifest = shipped_manifest()
            site = create_site(slug=options["slug"], name=options["name"] or options["slug"])
            deployment = deploy_model(site=site, version=register_shipped_model(manifest))
        except (PortalError, BundleBroken) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"site {site.slug}: {deployment.model_version} is live")
