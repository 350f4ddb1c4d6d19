"""The recipe of the article that Overread grew from, unchanged, to measure others against.

VGG16 without its top, frozen but for the layers at index -2, -3 and -4; Flatten; Dropout 0.3;
Dense 128 ReLU with L2 0.05; Dropout 0.2; Dense 2 sigmoid; Adam, binary cross-entropy, accuracy.
What the article leaves open is read as: 224 px, pixels / 255, batch 32, 10 epochs, no flips.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from inference.manifest import Head, Layer
from inference.training.body import Body, load_body, rounded
from inference.training.features import View
from inference.training.recipe import Floats, Settings, Trained, labels_of, rows_of
from inference.training.splits import CHOSEN_ON, FITTED, Row
from inference.vgg16 import SIZE, FeatureSpec, build_body, get_weights, set_weights, to_input

if TYPE_CHECKING:
    from tensorflow import keras

EPOCHS = 10
BATCH = 32
TUNED = (-2, -3, -4)


def train_article(rows: Sequence[Row], settings: Settings) -> Trained:
    """Return the article's network, fitted as it says: for real, and slowly.

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
    model = build_article(body)
    model.summary()
    fitted, chosen_on = (rows_of(rows, split, settings) for split in (FITTED, CHOSEN_ON))
    started = time.perf_counter()
    model.fit(
        batches(fitted, base.input_convention, seed=settings.seed),
        validation_data=batches(chosen_on, base.input_convention),
        epochs=settings.epochs or EPOCHS,
    )
    epochs = model.history.history
    return Trained(
        body=_tuned(base, body),
        spec=FeatureSpec("flattened", ()),
        head=Head("flattened", (), (Layer(128, "relu"), Layer(2, "linear")), 1),
        head_arrays=_arrays(model),
        history={name: [float(v) for v in values] for name, values in epochs.items()},
        best_epoch=len(epochs["loss"]),
        seconds_an_epoch=(time.perf_counter() - started) / len(epochs["loss"]),
        images=len(fitted),
        views=("plain",),
        note="the article's recipe; base weights as given, which may not be ImageNet's",
    )


def build_article(body: "keras.Model") -> "keras.Model":
    """Return the article's network on ``body``, compiled; (n, 224, 224, 3) in, (n, 2) out."""
    from tensorflow import keras

    body.trainable = True
    tuned = [body.layers[index] for index in TUNED]
    for layer in body.layers:
        layer.trainable = layer in tuned
    flow = keras.layers.Flatten(name="flatten")(body.output)
    flow = keras.layers.Dropout(0.3, name="dropout1")(flow)
    penalty = keras.regularizers.L2(0.05)
    flow = keras.layers.Dense(128, "relu", kernel_regularizer=penalty, name="dense1")(flow)
    flow = keras.layers.Dropout(0.2, name="dropout2")(flow)
    flow = keras.layers.Dense(2, "sigmoid", name="dense2")(flow)
    model = keras.Model(body.input, flow, name="article")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def batches(
    rows: Sequence[Row], convention: str, *, seed: int | None = None
) -> "keras.utils.PyDataset":
    """Return batches of (images, one-hot labels); shuffled anew each epoch if there is a seed."""
    from tensorflow import keras

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.view = View("article", rows)
            self.labels = np.eye(2, dtype=np.float32)[labels_of(rows)]
            self.rng = np.random.default_rng(seed)
            self.order = np.arange(len(rows))
            self.on_epoch_end()

        def __len__(self) -> int:
            return (len(rows) + BATCH - 1) // BATCH

        def __getitem__(self, index: int) -> tuple[object, npt.NDArray[np.float32]]:
            chosen = self.order[index * BATCH : (index + 1) * BATCH]
            pixels = np.stack([self.view.pixels(one) for one in chosen])
            return to_input(pixels, convention), self.labels[chosen]

        def on_epoch_end(self) -> None:
            if seed is not None:
                self.rng.shuffle(self.order)

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
