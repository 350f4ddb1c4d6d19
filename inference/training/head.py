"""A head alone on a frozen body: what a refit from few radiographs can bear."""

import time
from collections.abc import Iterator, Sequence

import numpy as np

from inference.engines import DenseHead
from inference.manifest import Head, Layer
from inference.training.body import load_body
from inference.training.recipe import HeadRecipe, Settings
from inference.training.run import Floats, HeldOut, Record, Trained, held_out_of, origin_of
from inference.training.splits import Row, fitting_rows
from inference.training.stems import SECOND, Loader, fitted_splits, strata_of
from inference.training.tuned import build_features, fit_probe, predict
from inference.vgg16 import BLOCKS


def train_head(rows: Sequence[Row], recipe: HeadRecipe, settings: Settings) -> Trained:
    """Return the logistic regression that ``recipe`` fits, and the body as it was given.

    There are no epochs, and nothing is chosen on val. Where folds of the second hospital are to be
    held out, a regression without each group of them says what calibration may rest on.

    Raises
    ------
    BadData
        The base weights or a file cannot be read, or there is no second hospital to learn from.
    """
    from tensorflow import keras

    keras.utils.set_random_seed(settings.seed)
    lab = _Lab(recipe, settings, rows)
    began = time.perf_counter()
    arrays, held_out = lab.fit(()), tuple(lab.held_out())
    spent = {"head": round(time.perf_counter() - began, 1)}
    spent["features"] = round(sum(looks.seconds for looks in lab.fitted.values()), 1)
    return Trained(
        body=lab.body,
        head=lab.head,
        head_arrays=arrays,
        record=Record(
            recipe=settings.recipe_name,
            seed=settings.seed,
            about=recipe.about,
            views=("plain", *("augmented",) * (recipe.probe.views - 1)),
            precision=settings.precision,
            images={split: len(looks.rows) for split, looks in lab.fitted.items()},
            histories={},
            kept_epoch=0,
            seconds=spent,
            seconds_an_epoch=None,
            origin=origin_of(settings, lab.body),
            held_out=held_out,
        ),
    )


class _Lab:
    """What the regressions of a run share: the frozen body and what it makes of radiographs."""

    def __init__(self, recipe: HeadRecipe, settings: Settings, rows: Sequence[Row]) -> None:
        self.recipe, self.settings = recipe, settings
        self.body = load_body(settings.base_weights)
        self.head = Head("pooled", recipe.probe.blocks, (Layer(1, "linear"),), 0)
        splits = fitted_splits(rows, recipe.data)
        others = [row for split in splits for row in fitting_rows(rows, split, settings.limit)]
        loader = Loader(self.body, settings, len(BLOCKS), others)
        more = recipe.probe.views - 1
        self.fitted = {split: loader.load(rows, split, views=more) for split in splits}
        self.features = build_features(self.body, recipe.probe.blocks, len(BLOCKS))

    def fit(self, folds: Sequence[str]) -> dict[str, Floats]:
        """Return the arrays of a head fitted without ``folds``, its kernel as it is shipped."""
        parts = [looks.without(folds) for looks in self.fitted.values()]
        strata = strata_of(parts, second_hospital=self.recipe.data.second_hospital)
        found = fit_probe(strata, self.features, self.recipe.probe)
        return {**found, "dense1/kernel": found["dense1/kernel"].astype(np.float16)}

    def held_out(self) -> Iterator[HeldOut]:
        """Yield what the regressions without them say of those held out."""
        for folds in self.recipe.data.folds_apart:
            looks = self.fitted[SECOND].of_folds(folds)
            read = predict(self.features, looks)
            logits = DenseHead(self.head, self.fit(folds)).logits(read)
            yield from held_out_of(looks.rows, logits, self.settings.data)
