"""``fit``: from a folder of labelled radiographs to a bundle."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inference.training.splits import Row, read_rows
from inference.vgg16 import choose_device

if TYPE_CHECKING:
    from inference.manifest import Manifest
    from inference.training.recipe import Settings, Trained

HELP = "train the classifier and pack it into a bundle"
EPILOG = """\
Everything is chosen on val. The internal test and the external report are opened only with
--final: once for a version that is to be released. What was computed is kept and not computed
again, so a run that was interrupted goes on where it was.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command line of ``fit`` takes."""
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="labelled radiographs, see above")
    add("--out", type=Path, required=True, metavar="DIR", help="where the bundle is written")
    add(
        "--base-weights",
        default="imagenet",
        metavar="imagenet|PATH",
        help="Keras's ImageNet weights (needs a network), or a .weights.h5 of a VGG16 body",
    )
    add(
        "--recipe",
        choices=("quick", "article"),
        default="quick",
        help="quick: head on a frozen, cached body; article: the original, block 5 tuned, slow",
    )
    add("--epochs", type=_positive, default=0, metavar="N", help="at most (default: the recipe's)")
    add("--views", type=int, choices=range(5), default=2, help="augmented views (quick; default 2)")
    add("--seed", type=int, default=0, help="decides everything that is random (default 0)")
    add("--limit", type=_positive, metavar="N", help="at most N radiographs a split, to try it out")
    add("--cache", type=Path, metavar="DIR", help="kept features (default: OUT/cache)")
    add("--final", action="store_true", help="open the internal test and the external report")
    add("--name", default="vgg16-pneumonia", help="name of the model (default %(default)s)")
    add("--version", default="0.1.0", help="version of the model (default %(default)s)")
    add("--share-body", action="store_true", help="put the body into OUT/../bodies")


def run(given: argparse.Namespace) -> int:
    """Train, pack and say what was measured; return 0."""
    from inference.training.pack import pack
    from inference.training.recipe import Settings

    values = vars(given)
    values["cache"] = given.cache or given.out / "cache"
    settings = Settings(**values)
    rows = read_rows(settings.data)
    choose_device()
    _say(pack(_train(rows, settings), rows, settings), settings.out)
    return 0


def _train(rows: Sequence[Row], settings: "Settings") -> "Trained":
    if settings.recipe == "article":
        from inference.training.article import train_article

        return train_article(rows, settings)
    from inference.training.quick import train_quick

    return train_quick(rows, settings)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _say(manifest: "Manifest", out: Path) -> None:
    measured = manifest.measured
    for name in ("val", "test_internal", "external_report"):
        if found := getattr(measured, name):
            auc = found.auc
            interval = f"{auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})"
            print(f"{name}: {found.images} images, AUC {interval}")
    print(f"threshold {manifest.threshold.value:.3f}; bundle in {out}")
