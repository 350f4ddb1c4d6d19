"""Our recipe: a probe on the frozen body, then its last blocks and the head together."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from inference.manifest import Head, Layer
from inference.training.body import Body, load_body
from inference.training.recipe import Settings, TunedRecipe
from inference.training.run import HeldOut, Record, Trained, held_out_of, origin_of
from inference.training.splits import CHOSEN_ON, Row, fitting_rows
from inference.training.stems import SECOND, Loader, Looks, fitted_splits, strata_of
from inference.training.tuned import (
    blocks_of,
    build_features,
    build_network,
    fit_probe,
    head_of,
)
from inference.training.tuning import Fit, Progress, run_fit
from inference.vgg16 import BLOCKS


def train_tuned(rows: Sequence[Row], recipe: TunedRecipe, settings: Settings) -> Trained:
    """Return the last blocks and a head as ``recipe`` fits them.

    Where folds of the second hospital are to be held out, first one fit without each group of
    them: the epoch that was best for val and for what was held out is that of the last fit, which
    takes everything.

    Raises
    ------
    BadData
        The base weights or a file cannot be read, or there is no second hospital to learn from.
    """
    from tensorflow import keras

    keras.utils.set_random_seed(settings.seed)
    lab = _Lab(recipe, settings, load_body(settings.base_weights), rows)
    trials = [lab.fit(folds, epochs=None) for folds in recipe.data.folds_apart]
    epochs = best_epoch([trial.history["worth"] for trial in trials]) if trials else None
    last = lab.fit((), epochs=epochs)
    fitted = {split: len(looks.rows) for split, looks in lab.fitted.items()}
    spent = sum(one.seconds for one in [*trials, last])
    features = sum(looks.seconds for looks in [*lab.fitted.values(), lab.val])
    steps = recipe.tune.steps * sum(one.epochs for one in [*trials, last])
    first, last_block = recipe.tune.from_block, len(BLOCKS)
    said = f"block {first}" if first == last_block else f"blocks {first} to {last_block}"
    names = [*(name_of(folds) for folds in recipe.data.folds_apart), name_of(())]
    return Trained(
        body=replace(
            lab.body,
            name=f"{lab.body.name}-tuned",
            weights=lab.body.weights | blocks_of(lab.model, first),
            provenance=f"{lab.body.provenance}; {said} fitted by the recipe {settings.recipe_name}",
        ),
        head=Head("pooled", recipe.probe.blocks, (Layer(1, "linear"),), 0),
        head_arrays=head_of(lab.model, lab.head),
        record=Record(
            recipe=settings.recipe_name,
            seed=settings.seed,
            about=recipe.about,
            views=("plain", *("augmented",) * recipe.views),
            precision=settings.precision,
            images=fitted,
            histories={
                name: {key: tuple(values) for key, values in one.history.items()}
                for name, one in zip(names, [*trials, last], strict=True)
            },
            kept_epoch=last.best_epoch,
            seconds={
                "features": round(features, 1),
                "probe": round(lab.probe_seconds, 1),
                "tuning": round(spent, 1),
            },
            seconds_an_epoch=round(spent / steps / recipe.tune.batch * sum(fitted.values()), 1),
            origin=origin_of(settings, lab.body),
            held_out=tuple(_held_out(lab, trials, epochs)),
        ),
    )


def best_epoch(worths: Sequence[Sequence[float]]) -> int:
    """Return the epoch, from 1, that was worth most on average, of those that all fits have."""
    fewest = min(len(one) for one in worths)
    return int(np.argmax(np.mean([one[:fewest] for one in worths], axis=0))) + 1


def name_of(folds: Sequence[str]) -> str:
    """Return what the fit without ``folds`` is called."""
    return f"without-{'-'.join(folds)}" if folds else "all"


class _Lab:
    """What all fits of a run share: the body, the radiographs, and the network of the last one."""

    def __init__(
        self, recipe: TunedRecipe, settings: Settings, body: Body, rows: Sequence[Row]
    ) -> None:
        self.recipe = recipe
        self.settings = settings
        self.body = body
        splits = fitted_splits(rows, recipe.data)
        others = [row for split in splits for row in fitting_rows(rows, split, settings.limit)]
        loader = Loader(body, settings, recipe.tune.from_block, others)
        self.fitted = {split: loader.load(rows, split, views=recipe.views) for split in splits}
        self.val = loader.load(rows, CHOSEN_ON, views=0)
        self.probe_seconds = 0.0

    def fit(self, folds: Sequence[str], *, epochs: int | None) -> Progress:
        """Fit without ``folds``: ``epochs`` of them, or until it is no longer better."""
        tune, share = self.recipe.tune, self.recipe.data.second_hospital
        parts = [looks.without(folds) for looks in self.fitted.values()]
        strata = strata_of(parts, second_hospital=share)
        features = build_features(self.body, self.recipe.probe.blocks, tune.from_block)
        began = time.perf_counter()
        self.head = fit_probe(strata, features, self.recipe.probe)
        self.probe_seconds += time.perf_counter() - began
        self.model = build_network(features, self.head, tune)
        watched = {"val": self.val} | ({"held_out": self.held_out(folds)} if folds else {})
        fit = Fit(
            strata=strata,
            watched=watched,
            epochs=epochs or tune.epochs,
            patience=None if epochs else tune.patience,
            seed=self.settings.seed,
            state=self.settings.out / "state" / f"{name_of(folds)}.npz",
        )
        return run_fit(self.model, fit, tune)

    def held_out(self, folds: Sequence[str]) -> Looks:
        """Return the radiographs of ``folds``."""
        return self.fitted[SECOND].of_folds(folds)


def _held_out(lab: _Lab, trials: Sequence[Progress], epoch: int | None) -> Iterator[HeldOut]:
    """Yield what the fits without them said, at the epoch that was chosen, of those held out."""
    for folds, trial in zip(lab.recipe.data.folds_apart, trials, strict=True):
        logits = trial.logits["held_out"][(epoch or 1) - 1]
        yield from held_out_of(lab.held_out(folds).rows, logits, lab.settings.data)
