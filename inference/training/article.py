"""The recipe of the article that Overread grew from, unchanged, to measure others against.

VGG16 without its top, frozen but for the layers at index -2, -3 and -4; Flatten; Dropout 0.3;
Dense 128 ReLU with L2 0.05; Dropout 0.2; Dense 2 sigmoid; Adam, binary cross-entropy, accuracy.
What the article leaves open is read as: 224 px, pixels / 255, batch 32, 10 epochs, no flips.
"""

import json
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from inference.manifest import Head, Layer
from inference.training.body import Body, load_body, rounded
from inference.training.features import View
from inference.training.recipe import ArticleRecipe, Settings
from inference.training.run import Record, Trained, origin_of
from inference.training.splits import CHOSEN_ON, FITTED, Row, fitting_rows, labels_of
from inference.vgg16 import SIZE, build_body, get_weights, set_weights, to_input

if TYPE_CHECKING:
    from tensorflow import keras

Floats = npt.NDArray[np.floating]


def train_article(rows: Sequence[Row], recipe: ArticleRecipe, settings: Settings) -> Trained:
    """Return the article's network, fitted as it says: for real, and slowly.

    An interrupted run goes on with the epoch that it was in.

    Raises
    ------
    BadData
        The base weights or a file cannot be read.
    """
    from tensorflow import keras

    base = load_body(settings.base_weights)
    keras.utils.set_random_seed(settings.seed)
    body = build_body()
    set_weights(body, base.weights)
    model = build_article(body, recipe)
    model.summary()
    fitted, chosen_on = (fitting_rows(rows, split, settings.limit) for split in (FITTED, CHOSEN_ON))
    train = batches(fitted, base.input_convention, recipe.batch, seed=settings.seed)
    state = settings.out / "state"
    state.mkdir(parents=True, exist_ok=True)
    history = _History(state / "history.json")
    model.fit(
        train,
        validation_data=batches(chosen_on, base.input_convention, recipe.batch),
        epochs=recipe.epochs,
        shuffle=False,  # the batches do it
        callbacks=[
            keras.callbacks.BackupAndRestore(str(state / "backup"), delete_checkpoint=False),
            keras.callbacks.LambdaCallback(
                on_epoch_begin=partial(_begin, model, train, settings.seed),
                on_epoch_end=history.add,
            ),
        ],
    )
    return Trained(
        body=_tuned(base, body),
        head=Head("flattened", (), (Layer(recipe.hidden, "relu"), Layer(2, "linear")), 1),
        head_arrays=_arrays(model),
        record=Record(
            recipe=settings.recipe_name,
            seed=settings.seed,
            about=recipe.about,
            views=("plain",),
            precision=settings.precision,
            images={FITTED: len(fitted)},
            histories={"all": {name: tuple(values) for name, values in history.figures.items()}},
            kept_epoch=recipe.epochs,
            seconds={"epochs": round(sum(history.seconds), 1)},
            seconds_an_epoch=round(sum(history.seconds) / len(history.seconds), 1),
            origin=origin_of(settings, base),
            held_out=(),
        ),
    )


class _History:
    """The figures of each epoch, on disk: Keras forgets those of before an interruption."""

    def __init__(self, file: Path) -> None:
        self.file = file
        kept = json.loads(file.read_text()) if file.is_file() else {"figures": {}, "seconds": []}
        self.figures: dict[str, list[float]] = kept["figures"]
        self.seconds: list[float] = kept["seconds"]
        self._began = time.perf_counter()

    def add(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Note the figures of ``epoch``, counted from 0, instead of any noted before."""
        now = time.perf_counter()
        self.seconds[epoch:] = [now - self._began]
        self._began = now
        for name, value in logs.items():
            self.figures.setdefault(name, [])[epoch:] = [float(value)]
        self.file.write_text(json.dumps({"figures": self.figures, "seconds": self.seconds}))


def _begin(
    model: "keras.Model", train: "keras.utils.PyDataset", seed: int, epoch: int, logs: object
) -> None:
    """Make what is random in ``epoch`` depend on its number: resumed or not, it is the same."""
    del logs
    train.shuffle(epoch)
    for number in (1, 2):
        generator = getattr(model.get_layer(f"dropout{number}"), "seed_generator", None)
        if generator is not None:
            generator.state.assign([seed, 2 * epoch + number])


def build_article(body: "keras.Model", recipe: ArticleRecipe) -> "keras.Model":
    """Return the article's network on ``body``, compiled; (n, 224, 224, 3) in, (n, 2) out."""
    from tensorflow import keras

    body.trainable = True
    tuned = [body.layers[index] for index in recipe.tuned_layers]
    for layer in body.layers:
        layer.trainable = layer in tuned
    flow = keras.layers.Flatten(name="flatten")(body.output)
    flow = keras.layers.Dropout(recipe.dropout_features, seed=0, name="dropout1")(flow)
    penalty = keras.regularizers.L2(recipe.l2)
    flow = keras.layers.Dense(recipe.hidden, "relu", kernel_regularizer=penalty, name="dense1")(
        flow
    )
    flow = keras.layers.Dropout(recipe.dropout_hidden, seed=0, name="dropout2")(flow)
    flow = keras.layers.Dense(2, "sigmoid", name="dense2")(flow)
    model = keras.Model(body.input, flow, name="article")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def batches(
    rows: Sequence[Row], convention: str, batch: int, *, seed: int | None = None
) -> "keras.utils.PyDataset":
    """Return batches of (images, one-hot labels); shuffled anew each epoch if there is a seed."""
    from tensorflow import keras

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.view = View("article", rows)
            self.labels = np.eye(2, dtype=np.float32)[labels_of(rows)]
            self.order = np.arange(len(rows))

        def __len__(self) -> int:
            return (len(rows) + batch - 1) // batch

        def __getitem__(self, index: int) -> tuple[object, npt.NDArray[np.float32]]:
            chosen = self.order[index * batch : (index + 1) * batch]
            pixels = np.stack([self.view.pixels(one) for one in chosen])
            return to_input(pixels, convention), self.labels[chosen]

        def shuffle(self, epoch: int) -> None:
            if seed is not None:
                self.order = np.random.default_rng([seed, epoch]).permutation(len(rows))

    return Batches()


def _tuned(base: Body, body: "keras.Model") -> Body:
    return Body(
        name=f"{base.name}-article",
        weights=rounded(get_weights(body)),
        input_convention=base.input_convention,
        provenance=f"{base.provenance}; block 5 fitted by the article's recipe",
    )


def _arrays(model: "keras.Model") -> dict[str, Floats]:
    """Return the head's arrays; its sigmoid is left to the calibration, which ends in one."""
    length = (SIZE // 32) ** 2 * 512
    arrays: dict[str, Floats] = {
        "mean": np.zeros(length, np.float16),
        "scale": np.ones(length, np.float16),
    }
    for name in ("dense1", "dense2"):
        layer = model.get_layer(name)
        arrays[f"{name}/kernel"] = np.asarray(layer.kernel, np.float16)
        arrays[f"{name}/bias"] = np.asarray(layer.bias, np.float32)
    return arrays
