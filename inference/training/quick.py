"""The default recipe: a frozen body, its features computed once a view, a small head on them."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from inference.manifest import Head, Layer
from inference.training.body import load_body
from inference.training.features import FeatureCache, View
from inference.training.recipe import (
    CACHED,
    Floats,
    Settings,
    Trained,
    labels_of,
    open_cache,
    plain_features,
    rows_of,
)
from inference.training.splits import CHOSEN_ON, FITTED, Row
from inference.vgg16 import FeatureSpec

if TYPE_CHECKING:
    from tensorflow import keras

EPOCHS = 60
PATIENCE = 10
BATCH = 64
HIDDEN = 128
DROPOUT = 0.5
L2 = 1e-3
RATE = 3e-4
"""Learning rate of Adam. All of these were chosen on val (docs/model-card.md)."""
HEAD_BLOCKS = (4, 5)
STOPPED_BY = "val_cross_entropy"
"""Without the penalty on the weights, which falls for as long as one trains."""


def train_quick(rows: Sequence[Row], settings: Settings) -> Trained:
    """Return a head on the frozen body, stopped where the loss on val was lowest.

    Raises
    ------
    BadData
        The base weights or a file cannot be read.
    """
    body = load_body(settings.base_weights)
    cache = open_cache(body, CACHED, settings)
    fitted, chosen_on = (rows_of(rows, split, settings) for split in (FITTED, CHOSEN_ON))
    train = _features(cache, FITTED, fitted, settings)
    val = _features(cache, CHOSEN_ON, chosen_on, settings)
    labels = np.tile(labels_of(fitted), settings.views + 1)
    mean, scale = standardisation(train)
    model = build_head(train.shape[1], settings.seed)
    started = time.perf_counter()
    history, best = _fit(
        model,
        ((train - mean) * scale, labels[:, None]),
        ((val - mean) * scale, labels_of(chosen_on)[:, None]),
        epochs=settings.epochs or EPOCHS,
    )
    return Trained(
        body=body,
        spec=FeatureSpec("pooled", HEAD_BLOCKS),
        head=Head("pooled", HEAD_BLOCKS, (Layer(HIDDEN, "relu"), Layer(1, "linear")), 0),
        head_arrays={"mean": mean, "scale": scale} | _arrays(model),
        history=history,
        best_epoch=best,
        seconds_an_epoch=(time.perf_counter() - started) / len(history["loss"]),
        images=len(fitted),
        views=("plain", *("augmented",) * settings.views),
        note="body frozen; head on mean, maximum and deviation of its last blocks",
    )


def _features(
    cache: FeatureCache, split: str, rows: Sequence[Row], settings: Settings
) -> npt.NDArray[np.float32]:
    """Return the features of the plain view and, if they are to be fitted, of augmented ones."""
    augmented = settings.views if split == FITTED else 0
    views = [View(f"{split}-{n}", rows, n, settings.seed) for n in range(1, augmented + 1)]
    found = [plain_features(cache, split, rows), *(cache.load(view) for view in views)]
    return np.concatenate([CACHED.select(one, HEAD_BLOCKS) for one in found])


def standardisation(
    features: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return mean and reciprocal deviation of each feature; those that never vary get 0."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    floor = 0.01 * float(np.median(spread)) + 1e-6  # a feature that hardly varies must not shout
    return mean, np.where(spread > floor, 1 / np.maximum(spread, floor), 0).astype(np.float32)


def build_head(length: int, seed: int) -> "keras.Model":
    """Return the untrained head: (n, length) standardised features in, (n, 1) logits out."""
    from tensorflow import keras

    keras.utils.set_random_seed(seed)
    penalty = keras.regularizers.L2(L2)
    return keras.Sequential(
        [
            keras.Input((length,)),
            keras.layers.Dropout(DROPOUT),
            keras.layers.Dense(HIDDEN, "relu", kernel_regularizer=penalty, name="dense1"),
            keras.layers.Dropout(DROPOUT),
            keras.layers.Dense(1, kernel_regularizer=penalty, name="dense2"),
        ]
    )


def _fit(
    model: "keras.Model",
    train: tuple[Floats, npt.NDArray[np.int64]],
    val: tuple[Floats, npt.NDArray[np.int64]],
    *,
    epochs: int,
) -> tuple[dict[str, list[float]], int]:
    """Fit ``model`` and return its history and the epoch, from 1, whose weights it keeps."""
    from tensorflow import keras

    model.compile(
        keras.optimizers.Adam(RATE),
        keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[
            keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0),  # of logits
            keras.metrics.BinaryCrossentropy(name="cross_entropy", from_logits=True),
        ],
    )
    stop = keras.callbacks.EarlyStopping(
        STOPPED_BY, mode="min", patience=PATIENCE, restore_best_weights=True
    )
    with tqdm(desc="head", total=epochs, unit="epoch") as bar:
        tick = keras.callbacks.LambdaCallback(on_epoch_end=lambda _, __: bar.update())
        model.fit(
            *train, batch_size=BATCH, epochs=epochs, validation_data=val, verbose=0,
            callbacks=[stop, tick],
        )  # fmt: skip
    history = {name: [float(v) for v in values] for name, values in model.history.history.items()}
    return history, int(np.argmin(history[STOPPED_BY])) + 1


def _arrays(model: "keras.Model") -> dict[str, Floats]:
    """Return the arrays of the head as they are shipped: kernels in float16."""
    arrays: dict[str, Floats] = {}
    for name in ("dense1", "dense2"):
        layer = model.get_layer(name)
        arrays[f"{name}/kernel"] = np.asarray(layer.kernel, np.float16)
        arrays[f"{name}/bias"] = np.asarray(layer.bias, np.float32)
    return arrays
