"""``python -m inference.training``: from labelled radiographs to a bundle, and what it is worth."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Protocol

from inference.bundle import BundleBroken
from inference.training.commands import card, compare, evaluate, explore, fit, pack, reduce
from inference.training.splits import BadData
from inference.vgg16 import DeviceUnavailable

DATA = """\
A folder of labelled radiographs holds a splits.csv with the columns file, label (NORMAL or
PNEUMONIA), split (train, val and, if there are any, test_internal, external_dev, external_report)
and patient, or the public set's own tree of train/val/test/{NORMAL,PNEUMONIA}.
"""


class Command(Protocol):
    """What a module of `inference.training.commands` has."""

    HELP: str
    EPILOG: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, given: argparse.Namespace) -> int:
        """Do it; return the exit code."""


COMMANDS: dict[str, Command] = {
    "explore": explore,
    "fit": fit,
    "pack": pack,
    "evaluate": evaluate,
    "compare": compare,
    "card": card,
    "reduce": reduce,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return 0, or 2 after one sentence if it cannot be done."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    given = _parser().parse_args(arguments)
    command = COMMANDS[given.__dict__.pop("command")]
    try:
        return command.run(given)
    except (BadData, BundleBroken, DeviceUnavailable) as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m inference.training",
        description="Train the pneumonia classifier, and measure it.",
        epilog=DATA,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        one = commands.add_parser(
            name,
            help=module.HELP,
            description=f"{module.HELP[0].upper()}{module.HELP[1:]}.\n\n{DATA}",
            epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(one)
    return parser


if __name__ == "__main__":
    sys.exit(main())
