"""``card``: the model card of a bundle, as Markdown."""

import argparse
import sys
from pathlib import Path

HELP = "print or write the model card of a bundle"
EPILOG = """\
The card is made from the bundle's report.json (schema 2) and from nothing else: no radiographs are
needed, and the same report gives the same text.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command line of ``card`` takes."""
    add = parser.add_argument
    add("--bundle", type=Path, required=True, metavar="DIR", help="the model to describe")
    add("--out", type=Path, metavar="FILE", help="where to write it (default: printed)")


def run(given: argparse.Namespace) -> int:
    """Print the card or write it; return 0."""
    from inference.training.card import card, read_report

    text = card(read_report(given.bundle))
    if given.out is None:
        sys.stdout.write(text)
        return 0
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(text, encoding="utf-8")
    print(f"card in {given.out}")
    return 0
