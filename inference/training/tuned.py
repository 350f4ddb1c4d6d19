"""The fitted blocks and a head: their layers, the probe that they start from, what they say."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from inference.training.body import Body
from inference.training.recipe import Probe, Tune
from inference.training.stems import STEMS, Looks
from inference.vgg16 import BLOCKS, SIZE, STEM, FeatureSpec, build_body, set_weights, to_input

if TYPE_CHECKING:
    from tensorflow import keras

Floats = npt.NDArray[np.float32]
Arrays = Mapping[str, npt.NDArray[np.floating]]

AT_ONCE = 32
SILENT = 1e-12
CLIPPED = 1.0
"""Longest gradient of a step."""
LEAST = 0.05
"""Share of the rate that is left at the end."""


def tuned_layers(from_block: int) -> tuple[str, ...]:
    """Return the names of the convolutions of ``from_block`` and of the blocks after it."""
    return tuple(
        f"block{block}_conv{number}"
        for block in range(from_block, len(BLOCKS) + 1)
        for number in range(1, len(BLOCKS[block - 1]) + 1)
    )


def build_features(body: Body, blocks: tuple[int, ...], from_block: int) -> "keras.Model":
    """Return the features of ``blocks``, [4, 5] or [5], read as `inference.vgg16.FeatureSpec` says.

    In: what `inference.training.stems.Looks.read` gives. Out: (n, length) features. The blocks
    before ``from_block`` are frozen.
    """
    return (
        _from_stem(body, blocks) if from_block == len(BLOCKS) else _whole(body, blocks, from_block)
    )


def _from_stem(body: Body, blocks: tuple[int, ...]) -> "keras.Model":
    from tensorflow import keras

    stem = keras.Input(STEM, name="stem")
    pooled = keras.Input((FeatureSpec("pooled", STEMS.blocks).length,), name="pooled")
    flow = stem
    for name in tuned_layers(len(BLOCKS)):
        flow = keras.layers.Conv2D(512, 3, padding="same", activation="relu", name=name)(flow)
    parts = [pooled[:, -3 * BLOCKS[3][-1] :]] if blocks[0] < len(BLOCKS) else []
    parts += _pool(flow)
    model = keras.Model([stem, pooled], keras.ops.concatenate(parts, axis=-1), name="features")
    for name in tuned_layers(len(BLOCKS)):
        for kind in ("kernel", "bias"):
            array = np.asarray(body.weights[f"{name}/{kind}"], np.float32)
            getattr(model.get_layer(name), kind).assign(array)
    return model


def _whole(body: Body, blocks: tuple[int, ...], from_block: int) -> "keras.Model":
    from tensorflow import keras

    network = build_body()
    set_weights(network, body.weights)
    pixels = keras.Input((SIZE, SIZE), name="pixels")
    flow = keras.layers.Lambda(
        partial(to_input, convention=body.input_convention),
        output_shape=(SIZE, SIZE, 3), dtype="float32",
    )(pixels)  # fmt: skip
    tuned = tuned_layers(from_block)
    taps = {f"block{block}_conv{len(BLOCKS[block - 1])}" for block in blocks}
    parts: list[object] = []
    for layer in network.layers[1:]:
        layer.trainable = layer.name in tuned
        flow = layer(flow)
        parts += _pool(flow) if layer.name in taps else []
    return keras.Model([pixels], keras.ops.concatenate(parts, axis=-1), name="features")


def _pool(flow: "keras.KerasTensor") -> list["keras.KerasTensor"]:
    """Return mean, maximum and deviation over the positions, in float32 whatever ``flow`` is in."""
    from tensorflow import keras

    ops = keras.ops
    flow = keras.layers.Activation("linear", dtype="float32")(flow)
    # The gradient of a root is infinite at 0, where a channel is silent; so it stays clear of it.
    deviation = ops.sqrt(ops.maximum(ops.var(flow, (1, 2)), SILENT))
    return [ops.mean(flow, (1, 2)), ops.max(flow, (1, 2)), deviation]


def build_network(features: "keras.Model", head: Arrays, tune: Tune) -> "keras.Model":
    """Return ``features`` with a head that begins as ``head``, compiled; its output is a logit."""
    from tensorflow import keras

    mean, scale = (np.asarray(head[name], np.float32) for name in ("mean", "scale"))
    flow = (features.output - mean) * scale
    flow = keras.layers.Dropout(tune.dropout, seed=0, name="dropout")(flow)
    flow = keras.layers.Dense(1, name="dense1", dtype="float32")(flow)
    model = keras.Model(features.input, flow, name="tuned")
    model.get_layer("dense1").set_weights(
        [np.asarray(head[f"dense1/{kind}"]) for kind in ("kernel", "bias")]
    )
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, tune.epochs * tune.steps, alpha=LEAST,
        warmup_target=tune.rate, warmup_steps=max(1, tune.steps // 2),
    )  # fmt: skip
    model.compile(
        keras.optimizers.Adam(
            rate, use_ema=True, ema_momentum=tune.average, global_clipnorm=CLIPPED
        ),
        keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=tune.label_smoothing),
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
        jit_compile=False,
    )
    return model


def fit_probe(
    strata: Sequence[tuple[Looks, float]], features: "keras.Model", probe: Probe
) -> dict[str, Floats]:
    """Return the head that a logistic regression gives, each stratum with its share of the weight.

    As arrays of `inference.engines.DenseHead`: ``mean``, ``scale``, ``dense1/kernel`` and
    ``dense1/bias``.
    """
    from sklearn.linear_model import LogisticRegression

    read, labels, weights = [], [], []
    for looks, share in strata:
        views = min(probe.views, len(looks.views))
        for view in range(views):
            read.append(predict(features, looks, view=view, named=f"probe, view {view}"))
            labels.append(looks.labels)
            weights.append(np.full(len(looks.rows), share / (len(looks.rows) * views)))
    x, y, w = (np.concatenate(part) for part in (read, labels, weights))
    mean, scale = standardisation(x)
    model = LogisticRegression(C=probe.strength, max_iter=2000)
    model.fit((x - mean) * scale, y, sample_weight=w * len(w))
    return {
        "mean": mean,
        "scale": scale,
        "dense1/kernel": model.coef_.T.astype(np.float32),
        "dense1/bias": model.intercept_.astype(np.float32),
    }


def standardisation(features: Floats) -> tuple[Floats, Floats]:
    """Return mean and reciprocal deviation of each feature; those that never vary get 0."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    floor = 0.01 * float(np.median(spread)) + 1e-6  # a feature that hardly varies must not shout
    return mean, np.where(spread > floor, 1 / np.maximum(spread, floor), 0).astype(np.float32)


def predict(
    model: "keras.Model", looks: Looks, *, view: int = 0, named: str | None = None
) -> Floats:
    """Return what ``model`` makes of each of ``looks`` in one view, (n, outputs) float32.

    Progress is shown under what it is ``named``, if it is.
    """
    found = []
    with tqdm(desc=named, total=len(looks.rows), unit="image", disable=named is None) as bar:
        for chosen in _pieces(len(looks.rows)):
            found.append(np.asarray(model.predict_on_batch(looks.read(view, chosen))))
            bar.update(len(chosen))
    return np.concatenate(found)


def head_of(model: "keras.Model", head: Arrays) -> dict[str, npt.NDArray[np.floating]]:
    """Return the head of ``model`` as it is shipped: its kernel in float16."""
    kernel, bias = model.get_layer("dense1").get_weights()
    return {
        "mean": head["mean"],
        "scale": head["scale"],
        "dense1/kernel": kernel.astype(np.float16),
        "dense1/bias": bias.astype(np.float32),
    }


def blocks_of(model: "keras.Model", from_block: int) -> dict[str, npt.NDArray[np.float16]]:
    """Return the arrays of the fitted blocks as they are shipped: in float16."""
    return {
        f"{name}/{kind}": np.asarray(getattr(model.get_layer(name), kind), np.float16)
        for name in tuned_layers(from_block)
        for kind in ("kernel", "bias")
    }


def _pieces(count: int) -> Iterator[npt.NDArray[np.intp]]:
    for start in range(0, count, AT_ONCE):
        yield np.arange(start, min(start + AT_ONCE, count))
