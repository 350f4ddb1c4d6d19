from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.operations.backup import TargetNotEmpty, make_backup
from portal.operations.dumps import DumpFailed


class Command(BaseCommand):
    """Back everything up, while work goes on."""

    help = (
        "Copy database, blobs, exported audit heads and keys into a new folder, consistent while "
        "Overread runs. Exit code 1 if a blob is damaged. Guard the folder like the data: it "
        "holds patients' images and, unless --without-keys is said, what the trail is signed with."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to."""
        parser.add_argument("target", type=Path, help="a folder that is new or empty")
        parser.add_argument(
            "--previous",
            type=Path,
            help="an older backup on the same disk: its blobs are linked instead of copied",
        )
        parser.add_argument(
            "--without-keys",
            action="store_true",
            help="leave the keys out; keep a copy of them elsewhere, or nothing can be restored",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Back up and say what is in it."""
        target: Path = options["target"]
        keys = not options["without_keys"]
        try:
            manifest = make_backup(target, previous=options["previous"], with_keys=keys)
        except (TargetNotEmpty, DumpFailed, OSError) as error:
            raise CommandError(str(error)) from error
        for sha256 in manifest.damaged:
            self.stderr.write(f"damaged: the blob {sha256} is missing or not what it was")
        self.stdout.write(f"{target}: complete at {manifest.made_at}")
        if manifest.damaged:
            raise SystemExit(1)
