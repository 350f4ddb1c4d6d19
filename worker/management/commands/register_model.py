from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference import BundleBroken
from inference.airlock.client import AirlockUnavailable
from inference.vgg16 import DeviceUnavailable
from portal.errors import PortalError
from worker.registering import register_model


class Command(BaseCommand):
    """Bring a new version of the model."""

    help = (
        "Verify a bundle (its folder, or a .zip or .tar.gz of it), install it beside the one that "
        "OVERREAD_BUNDLE names, and register it with its report. It is live nowhere until it was "
        "proposed and approved (Models). The same bundle again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where the bundle lies."""
        parser.add_argument("bundle", type=Path, help="folder, .zip or .tar.gz")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Register it, and say so."""
        source: Path = options["bundle"]
        if not source.exists():
            raise CommandError(f"There is no {source}.")
        try:
            found = register_model(source)
        except (BundleBroken, PortalError, DeviceUnavailable) as error:
            raise CommandError(f"{source.name} is not registered. {error}") from error
        except AirlockUnavailable as error:
            raise CommandError(f"Nobody opens the golden image: {error}") from error
        except OSError as error:
            raise CommandError(
                f"The bundle cannot be kept ({error.strerror}): the folder that holds "
                "OVERREAD_BUNDLE must be one that may be written to."
            ) from error
        done = "is registered and may be proposed" if found.is_new else "is here already"
        self.stdout.write(f"{found.version} {done}")
