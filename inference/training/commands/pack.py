"""``pack``: from a run to a bundle that the portal can use."""

import argparse
from pathlib import Path

from inference.training.commands.fit import positive

HELP = "make a bundle of a run: calibrate, choose the cut-off, fit the gates, measure"
EPILOG = """\
Calibration and the cut-off come from val (and from what was held out of external_dev); the gates
from radiographs alone. The internal test and the external report are opened only with --final: once
for a version that is to be released. The bundle holds the manifest, the weights, report.json, the
pictures and the model card; no radiograph.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command line of ``pack`` takes."""
    add = parser.add_argument
    add("--run", type=Path, required=True, metavar="RUN", help="what fit left behind")
    add("--data", type=Path, required=True, metavar="DIR", help="labelled radiographs, see above")
    add("--out", type=Path, required=True, metavar="DIR", help="where the bundle is written")
    add("--name", default="vgg16-pneumonia", help="name of the model (default %(default)s)")
    add("--version", required=True, metavar="X.Y.Z", help="version of the model")
    add("--final", action="store_true", help="open the internal test and the external report")
    add("--share-body", action="store_true", help="put the body into OUT/../bodies")
    add("--limit", type=positive, metavar="N", help="at most N radiographs a split, to try it out")
    add(
        "--strangers",
        type=Path,
        metavar="DIR",
        help="pictures that are no chest radiographs: count which of them the gates refuse",
    )
    add(
        "--statements",
        type=Path,
        metavar="FILE",
        help="TOML with intended use, disclaimer, data, licence and notes of a site's own model",
    )
    add(
        "--article-run",
        type=Path,
        metavar="RUN",
        help="a run of the article's recipe: its seconds an epoch are set beside this one's",
    )


def run(given: argparse.Namespace) -> int:
    """Pack and say what was measured; return 0."""
    from inference.training.pack import Wish, pack
    from inference.vgg16 import choose_device

    choose_device()
    manifest = pack(Wish(**vars(given)))
    measured = manifest.measured
    for name in ("val", "test_internal", "external_report"):
        if found := getattr(measured, name):
            auc = found.auc
            interval = f"{auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})"
            print(f"{name}: {found.images} images, AUC {interval}")
    print(f"threshold {manifest.threshold.value:.3f}; bundle in {given.out}")
    return 0
