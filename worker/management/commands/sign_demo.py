from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.samples import SamplesMissing
from portal.errors import PortalError
from worker.demo import SamplesRefused
from worker.demo_reviews import NotRead, NotTheDemo, sign_practice


class Command(BaseCommand):
    """Have the demo's reviewer sign made-up studies."""

    help = (
        "Send made-up studies to the running demo, half of them with a haze drawn into a lung, and "
        "sign them as its reviewer once the model has read them: something to export and to refit "
        "on (docs/refit.md). Refused wherever it is not the demo."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how many, and where the demo is."""
        parser.add_argument("--studies", type=int, default=80, help="how many (default 80)")
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the demo is")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Send, wait, sign, and say how many."""
        try:
            signed = sign_practice(options["studies"], options["url"], self.stdout.write)
        except (NotTheDemo, NotRead, SamplesMissing, SamplesRefused, PortalError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The demo does not answer at {options['url']}: {error}") from error
        self.stdout.write(f"{signed} studies signed by the demo's reviewer")
