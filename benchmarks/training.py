"""A step of fitting by our recipes, beside one of the article's recipe run as it is written.

Ours with the precision that `fit` chooses on the machine, the article's in float32. All take
steps of as many radiographs in one process, in turn. The article's step computes the frozen part
anew each time; where only block 5 or the head is fitted, ours was computed once a view and kept.
What computing it once takes is told too, on what computes it and on TensorFlow.
"""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.training import frozen
from inference.training.article import build_article
from inference.training.body import Body, rounded
from inference.training.hardware import machine, precision_of, this_machine
from inference.training.recipe import ArticleRecipe, TunedRecipe, read_recipe, recipe_text
from inference.training.stems import STEMS
from inference.training.tuned import build_features, build_network
from inference.vgg16 import SIZE, STEM, build_body, get_weights, set_weights, to_input

BATCH = 32
ROUNDS = 5
FROZEN = 8
"""Radiographs whose frozen part is computed in a round."""
Floats = npt.NDArray[np.float32]
Step = Callable[[], object]


def main() -> None:
    """Measure all steps and print their ratios to the article's."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    rng = np.random.default_rng(0)
    body = Body("random", rounded(get_weights(build_body())), "rgb_0_1", "of a benchmark")
    labels = rng.integers(0, 2, BATCH)
    pixels = rng.random((BATCH, SIZE, SIZE), np.float32)
    steps = {
        "the article's": article_step(body, pixels, labels),
        "ours from block 3": tuned_step(body, 3, (pixels,), labels),
        "ours from block 5": tuned_step(body, 5, stems(rng), labels),
        "the head alone": head_step(rng, labels),
    }
    took = in_turn(steps)
    article = took["the article's"]
    on = this_machine()
    print(f"on {on.processor}, AMX: {on.amx}, steps of {BATCH} radiographs", flush=True)
    for name, took_it in took.items():
        middle, times = statistics.median(took_it), _times(article, took_it)
        print(f"{name:18} {middle:8.3f} s, {times:.2f} times", flush=True)
    once = in_turn(frozen_parts(body, pixels[:FROZEN]))
    ours, theirs = once.values()
    print(
        f"the frozen part, once a view: {statistics.median(ours) / FROZEN:.3f} s a radiograph, "
        f"{_times(theirs, ours):.2f} times as fast as on TensorFlow"
    )
    print("aims, times the article's: 3.5 from block 5, 50 for the head alone", flush=True)


def _times(theirs: list[float], ours: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(theirs, ours, strict=True))


def in_turn(acts: Mapping[str, Step]) -> dict[str, list[float]]:
    """Return what each took in `ROUNDS` rounds, after one that warms up."""
    took: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(ROUNDS + 1):
        for name, act in acts.items():
            started = time.perf_counter()
            act()
            took[name].append(time.perf_counter() - started)
    return {name: seconds[1:] for name, seconds in took.items()}


def article_step(body: Body, pixels: Floats, labels: npt.NDArray[np.integer]) -> Step:
    """Return a step of the article's recipe."""
    recipe = read_recipe(recipe_text("article"))
    assert isinstance(recipe, ArticleRecipe)
    network = build_body()
    set_weights(network, body.weights)
    model = build_article(network, recipe)
    wanted = np.eye(2, dtype=np.float32)[labels]
    return lambda: model.train_on_batch(to_input(pixels, body.input_convention), wanted)


def tuned_step(
    body: Body, from_block: int, inputs: tuple[Floats, ...], labels: npt.NDArray[np.integer]
) -> Step:
    """Return a step of our recipe that fits from ``from_block`` on."""
    recipe = read_recipe(recipe_text("multi-source"))
    assert isinstance(recipe, TunedRecipe)
    with machine(precision_of("auto", "cpu", recipe)):
        features = build_features(body, recipe.probe.blocks, from_block)
        length = int(features.output.shape[-1])
        head: dict[str, npt.NDArray[np.floating[Any]]] = {
            "mean": np.zeros(length), "scale": np.ones(length),
            "dense1/kernel": np.zeros((length, 1)), "dense1/bias": np.zeros(1),
        }  # fmt: skip
        model = build_network(features, head, recipe.tune)
    wanted = labels.astype(np.float32)[:, None]
    return lambda: model.train_on_batch(list(inputs), wanted)


def stems(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return what was kept of a batch: the input of block 5, and what is pooled before it."""
    kept = rng.random((BATCH, *STEM), np.float32)
    return kept, rng.random((BATCH, STEMS.length - STEMS.whole), np.float32)


def head_step(rng: np.random.Generator, labels: npt.NDArray[np.integer]) -> Step:
    """Return a step of a head of one layer on kept features of blocks 4 and 5."""
    from tensorflow import keras

    features = rng.random((BATCH, 2 * 3 * STEM[-1]), np.float32)
    model = keras.Sequential([keras.Input(features.shape[1:]), keras.layers.Dense(1)])
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    wanted = labels.astype(np.float32)[:, None]
    return lambda: model.train_on_batch(features, wanted)


def frozen_parts(body: Body, pixels: Floats) -> dict[str, Step]:
    """Return what computes the frozen part: as `fit` does here, and TensorFlow."""
    ours = frozen.frozen_part(body, STEMS)
    theirs = frozen.on_tensorflow(body, STEMS)
    return {"ours": lambda: ours.run(pixels), "tensorflow": lambda: theirs.run(pixels)}


if __name__ == "__main__":
    main()
