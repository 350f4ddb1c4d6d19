"""Fitting block 5 and the head, epoch by epoch; what was done is kept, and not done again."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from inference.calibration import auc, sigmoid
from inference.training.recipe import Tune
from inference.training.splits import Row
from inference.training.stems import SECOND, Looks, batches_of
from inference.training.tuned import predict

if TYPE_CHECKING:
    from tensorflow import keras

Floats = npt.NDArray[np.floating]


@dataclass(slots=True)
class Progress:
    """What has been fitted so far, one entry an epoch.

    ``logits`` holds, for each watched set, what the averaged weights said of it.
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    logits: dict[str, list[list[float]]] = field(default_factory=dict)
    best_epoch: int = 0
    seconds: float = 0.0

    @property
    def epochs(self) -> int:
        """Return how many epochs are done."""
        return len(self.history.get("loss", ()))

    def add(self, **figures: float) -> None:
        """Append the figures of an epoch."""
        for name, value in figures.items():
            self.history.setdefault(name, []).append(round(value, 6))


def worth(rows: Sequence[Row], logits: Floats, labels: npt.NDArray[np.integer]) -> float:
    """Return the AUC; at the second hospital the mean of those of its views.

    The view alone tells the classes apart there, so the AUC of all together would reward that.
    """
    views = np.array([row.view if row.split == SECOND else "" for row in rows])
    found = [auc(logits[views == view], labels[views == view]) for view in sorted(set(views))]
    return float(np.nanmean(found))


@dataclass(frozen=True, slots=True)
class Fit:
    """One fit: what is drawn from, what is watched, and where its state is kept.

    Parameters
    ----------
    strata : sequence of (Looks, float)
        See `inference.training.stems.strata_of`.
    watched : mapping of str to Looks
        ``val``, and what is held out of the second hospital.
    epochs : int
        How many at most.
    patience : int, optional
        End after so many epochs that were no better; None: go to the end and keep the last.
    state : Path
        The file of what has been done; it goes on from there.
    """

    strata: Sequence[tuple[Looks, float]]
    watched: Mapping[str, Looks]
    epochs: int
    patience: int | None
    seed: int
    state: Path


def run_fit(model: "keras.Model", fit: Fit, tune: Tune) -> Progress:
    """Fit ``model`` and leave the weights that are kept in it; return how it went."""
    progress, best = _resume(model, fit.state)
    while progress.epochs < fit.epochs and not _over(progress, fit.patience):
        began = time.perf_counter() - progress.seconds
        _one_epoch(model, fit, tune, progress)
        tuned = model.get_weights()
        model.optimizer.finalize_variable_values(model.trainable_variables)
        _watch(model, fit, progress)
        if fit.patience is None or _is_best(progress):
            progress.best_epoch, best = progress.epochs, model.get_weights()
        model.set_weights(tuned)
        progress.seconds = round(time.perf_counter() - began, 1)
        _keep(model, fit.state, progress, best)
    model.set_weights(best)
    return progress


def _one_epoch(model: "keras.Model", fit: Fit, tune: Tune, progress: Progress) -> None:
    """Do the steps of the next epoch, and note what the training loss was."""
    from tensorflow import keras

    done = progress.epochs
    dropout = model.get_layer("dropout")
    if tune.dropout:
        # Its state is not among the weights; so it starts anew with each epoch, resumed or not.
        dropout.seed_generator.state.assign([fit.seed, done])
    batches = batches_of(fit.strata, steps=tune.steps, batch=tune.batch, seed=[fit.seed, done])
    name = f"{fit.state.stem}, epoch {done + 1}"
    with tqdm(desc=name, total=tune.steps, unit="step") as bar:
        tick = keras.callbacks.LambdaCallback(on_train_batch_end=lambda *_, **__: bar.update())
        model.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[tick])
    figures = {name: float(values[0]) for name, values in model.history.history.items()}
    progress.add(loss=figures["loss"], accuracy=figures["accuracy"])


def _watch(model: "keras.Model", fit: Fit, progress: Progress) -> None:
    """Note what the averaged weights, which are in ``model``, say of what is watched."""
    found = []
    for name, looks in fit.watched.items():
        logits = predict(model, looks)[:, 0]
        progress.logits.setdefault(name, []).append([round(float(one), 5) for one in logits])
        right = (logits > 0) == (looks.labels == 1)
        chance = np.where(looks.labels == 1, sigmoid(logits), sigmoid(-logits))
        value = worth(looks.rows, logits, looks.labels)
        figures = {
            "loss": float(-np.log(np.maximum(chance, 1e-12)).mean()),
            "accuracy": float(right.mean()),
            "auc": value,
        }
        progress.add(**{f"{name}_{key}": figure for key, figure in figures.items()})
        found.append(value)
    progress.add(worth=float(np.mean(found)))


def _is_best(progress: Progress) -> bool:
    *before, now = progress.history["worth"]
    return not before or now > max(before)


def _over(progress: Progress, patience: int | None) -> bool:
    return patience is not None and progress.epochs - progress.best_epoch >= patience


def _keep(model: "keras.Model", path: Path, progress: Progress, best: Sequence[Floats]) -> None:
    """Write all that is needed to go on, at once or not at all."""
    arrays = {f"now/{n}": array for n, array in enumerate(model.get_weights())}
    arrays |= {f"best/{n}": array for n, array in enumerate(best)}
    arrays |= {
        f"optimizer/{n}": np.asarray(value) for n, value in enumerate(model.optimizer.variables)
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    with half.open("wb") as stream:
        np.savez(stream, progress=np.array(json.dumps(asdict(progress))), **arrays)
    os.replace(half, path)  # noqa: PTH105


def _resume(model: "keras.Model", path: Path) -> tuple[Progress, list[Floats]]:
    """Return what was done before, if anything, with ``model`` as it was then."""
    model.optimizer.build(model.trainable_variables)
    if not path.is_file():
        return Progress(), model.get_weights()
    with np.load(path, allow_pickle=False) as kept:
        parts = {
            name: [kept[f"{name}/{n}"] for n in range(sum(k.startswith(f"{name}/") for k in kept))]
            for name in ("now", "best", "optimizer")
        }
        progress = Progress(**json.loads(str(kept["progress"])))
    model.set_weights(parts["now"])
    for variable, value in zip(model.optimizer.variables, parts["optimizer"], strict=True):
        variable.assign(value)
    return progress, parts["best"]
