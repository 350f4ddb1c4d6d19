from typing import Any

from django.core.management.base import BaseCommand

from portal.reviews.invariants import check_invariants


class Command(BaseCommand):
    """Check what must always be true."""

    help = "Check the invariants on rows, blobs and audit trail. Exit code 1 if one is broken."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print a line an invariant and one for each breach; fail if there is any."""
        checked = check_invariants()
        for invariant in checked:
            state = "OK" if invariant.holds else "BREACH"
            self.stdout.write(
                f"{invariant.name} {state}: {invariant.sentence} ({invariant.count} checked)"
            )
            for breach in invariant.breaches:
                self.stdout.write(f"  {breach}")
        if not all(invariant.holds for invariant in checked):
            raise SystemExit(1)
