"""``python -m inference.training``: from a folder of labelled radiographs to a bundle."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from inference.bundle import BundleBroken
from inference.manifest import Manifest
from inference.training.recipe import Settings, Trained
from inference.training.splits import BadData, Row, read_rows
from inference.vgg16 import DeviceUnavailable, choose_device

EPILOG = """\
DIR holds a splits.csv with the columns file, label (NORMAL or PNEUMONIA), split (train, val and, if
there are any, test_internal, external_report) and patient, or the public set's own tree of
train/val/test/{NORMAL,PNEUMONIA}. Everything is chosen on val. The internal test and the external
report are opened only with --final: once for a version that is to be released.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, pack and say what was measured; return 0, or 2 with one sentence if it cannot be."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    settings = _settings(arguments)
    try:
        rows = read_rows(settings.data)
        choose_device()
        manifest = _run(rows, settings)
    except (BadData, BundleBroken, DeviceUnavailable) as error:
        print(error, file=sys.stderr)
        return 2
    _say(manifest, settings.out)
    return 0


def _run(rows: Sequence[Row], settings: Settings) -> Manifest:
    from inference.training.pack import pack

    return pack(_train(rows, settings), rows, settings)


def _train(rows: Sequence[Row], settings: Settings) -> Trained:
    if settings.recipe == "article":
        from inference.training.article import train_article

        return train_article(rows, settings)
    from inference.training.quick import train_quick

    return train_quick(rows, settings)


def _settings(arguments: Sequence[str] | None) -> Settings:
    given = vars(_parser().parse_args(arguments))
    given["cache"] = given["cache"] or given["out"] / "cache"
    return Settings(**given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m inference.training",
        description="Train the pneumonia classifier and pack it into a bundle.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="labelled radiographs, see below")
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
    return parser  # fmt: skip


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _say(manifest: Manifest, out: Path) -> None:
    measured = manifest.measured
    for name in ("val", "test_internal", "external_report"):
        if found := getattr(measured, name):
            auc = found.auc
            interval = f"{auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})"
            print(f"{name}: {found.images} images, AUC {interval}")
    print(f"threshold {manifest.threshold.value:.3f}; bundle in {out}")


if __name__ == "__main__":
    sys.exit(main())
