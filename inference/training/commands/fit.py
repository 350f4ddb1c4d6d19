"""``fit``: from a folder of labelled radiographs to a fitted network."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inference.training.hardware import PRECISIONS, machine, precision_of
from inference.training.recipe import (
    SHIPPED,
    ArticleRecipe,
    HeadRecipe,
    Recipe,
    Settings,
    read_recipe,
    recipe_text,
)
from inference.training.splits import Row, read_rows

if TYPE_CHECKING:
    from inference.training.run import Trained

HELP = "fit a network by a recipe"
EPILOG = """\
splits.csv needs the column fold, of the second hospital, where the recipe holds folds out; with the
column view each view there has its share. A recipe is a TOML file that says everything but data,
base weights and seed; it is kept with the run, word for word. Everything is chosen on val, and on
what is held out of external_dev. What was computed is kept and not computed again, but for the
probe: a run that was interrupted goes on where it was when the same command is given again. `pack`
makes a bundle of the run.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command line of ``fit`` takes."""
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="labelled radiographs, see above")
    add("--out", type=Path, required=True, metavar="RUN", help="where the run is kept")
    add(
        "--recipe",
        default="multi-source",
        metavar="NAME|FILE",
        help=f"a TOML file or one of {', '.join(SHIPPED)} (default %(default)s)",
    )
    add(
        "--base-weights",
        default="imagenet",
        metavar="imagenet|PATH",
        help="Keras's ImageNet weights (needs a network), a .weights.h5 of a VGG16 body, or the "
        "folder of a bundle, whose body is taken",
    )
    add("--seed", type=int, default=0, help="decides everything that is random (default 0)")
    add("--limit", type=positive, metavar="N", help="at most N radiographs a split, to try it out")
    add(
        "--cache",
        type=Path,
        metavar="DIR",
        help="the views, or what the frozen part makes of them, 100 to 200 KB a radiograph and "
        "view; may be shared by runs and deleted afterwards (default: RUN/cache)",
    )
    add(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="of the multiplications (default %(default)s: halves where the hardware has them)",
    )


def run(given: argparse.Namespace) -> int:
    """Fit and keep the run; return 0."""
    from inference.training.run import begin_run, write_run
    from inference.vgg16 import choose_device

    text = recipe_text(given.recipe)
    recipe = read_recipe(text)
    settings = Settings(
        data=given.data,
        base_weights=given.base_weights,
        out=given.out,
        cache=given.cache or given.out / "cache",
        recipe_name=Path(given.recipe).stem,
        recipe_text=text,
        seed=given.seed,
        limit=given.limit,
        precision=precision_of(given.precision, choose_device(), recipe),
    )
    rows = read_rows(settings.data)
    begin_run(settings)
    with machine(settings.precision):
        trained = _train(rows, recipe, settings)
    write_run(settings.out, trained, settings)
    record = trained.record
    if record.seconds_an_epoch is not None:
        print(f"epoch {record.kept_epoch} kept, {record.seconds_an_epoch:.0f} s an epoch")
    print(f"run in {settings.out}")
    return 0


def _train(rows: Sequence[Row], recipe: Recipe, settings: Settings) -> "Trained":
    if isinstance(recipe, ArticleRecipe):
        from inference.training.article import train_article

        return train_article(rows, recipe, settings)
    if isinstance(recipe, HeadRecipe):
        from inference.training.head import train_head

        return train_head(rows, recipe, settings)
    from inference.training.fitting import train_tuned

    return train_tuned(rows, recipe, settings)


def positive(text: str) -> int:
    """Return a number above 0, as argparse's ``type``."""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value
