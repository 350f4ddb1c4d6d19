"""``reduce``: what a bundle needs to run in whole numbers of 8 bits, and what that costs."""

import argparse
import dataclasses
from pathlib import Path

from inference.training.commands.fit import positive

HELP = "add the ranges of the reduced engine to a bundle, with what it loses on val"
EPILOG = """\
OVERREAD_ENGINE=reduced is about three times as fast on a processor. It needs the largest value of
each convolution, which is taken from radiographs of train and external_dev, without their labels.
pack does the same; this command is for a bundle that was packed before. The manifest is written
anew, so do it before the version is registered: a registered manifest does not change.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command line of ``reduce`` takes."""
    add = parser.add_argument
    add("--bundle", type=Path, required=True, metavar="DIR", help="the model; it is written to")
    add("--data", type=Path, required=True, metavar="DIR", help="labelled radiographs, see above")
    add("--limit", type=positive, metavar="N", help="at most N radiographs a split, to try it out")


def run(given: argparse.Namespace) -> int:
    """Measure, write the manifest and say whether the engine may be chosen; return 0."""
    from inference.bundle import read_bundle
    from inference.choice import EngineUnavailable, check_reduced
    from inference.manifest import write_manifest
    from inference.training.reduce import measure_reduced
    from inference.training.splits import read_rows
    from inference.vgg16 import choose_device

    choose_device()
    bundle = read_bundle(given.bundle)
    reduced = measure_reduced(bundle, read_rows(given.data), limit=given.limit)
    manifest = dataclasses.replace(bundle.manifest, reduced=reduced)
    (given.bundle / "manifest.json").write_text(write_manifest(manifest), encoding="utf-8")
    print(f"val: {reduced.images} images, AUC less by {reduced.auc_lost:.4f}, ", end="")
    print(
        f"calibration error {reduced.ece:.4f}; the gates judge {reduced.refusals_differ} otherwise"
    )
    try:
        check_reduced(manifest)
    except EngineUnavailable as error:
        print(error)
    return 0
