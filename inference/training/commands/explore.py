"""``explore``: what a folder of labelled radiographs looks like, before anything is learned."""

import argparse
from pathlib import Path

from inference.training.splits import OFFICIAL, read_rows

HELP = "look at the radiographs: counts, sizes, shortcuts, duplicates, samples"
EPILOG = """\
Writes explore.html, one page that needs nothing else (no network, no scripts), and explore.json
with every figure on it. The page holds radiographs and the list's names of patients. The list may
have the columns subtype, fold, age, sex, view, label_tier, native_copy, source and sha256 as well.
It opens every split, the tests too: what it says of them is not for choosing a model by.
"""
SAMPLES = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command line of ``explore`` takes."""
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="labelled radiographs, see above")
    add("--out", type=Path, required=True, metavar="DIR", help="where the page is written")
    add("--seed", type=int, default=0, help="decides samples and resamples (default 0)")
    add(
        "--samples",
        type=int,
        default=SAMPLES,
        metavar="N",
        help="radiographs of each class of a split and source (default %(default)s)",
    )


def run(given: argparse.Namespace) -> int:
    """Measure every file, write the page and its figures, and say the most important; return 0."""
    from inference.training.explore.document import describe, write_document
    from inference.training.explore.page import write_page
    from inference.training.explore.table import measure_files

    # The official test is the internal one over again, rebuilt for comparison.
    rows = [row for row in read_rows(given.data) if row.split != OFFICIAL]
    table = measure_files(rows, given.data)
    document = describe(table, samples=max(1, given.samples), seed=given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    write_document(document, given.out / "explore.json")
    write_page(document, table, given.data, given.out / "explore.html")
    for sentence in document["summary"]:
        print(sentence)
    print(f"page in {given.out / 'explore.html'}")
    return 0
