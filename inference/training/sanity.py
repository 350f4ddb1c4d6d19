"""Whether the maps of a network depend on what it learned.

A map that stays as it is when weights are replaced by chance shows edges of the radiograph and
nothing of the network (Adebayo et al. 2018, arXiv:1810.03292). The weights are replaced from the
head down, each step with those before it; the maps are compared by rank.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from inference.gradcam import METHOD, alpha_of
from inference.manifest import Head, MapCheck
from inference.vgg16 import BLOCKS, build_body, set_weights, to_input

Floats = npt.NDArray[np.float32]
Arrays = Mapping[str, npt.NDArray[np.floating]]

BOUND = 0.5
"""Largest mean rank correlation, whatever its sign, of maps that are said to have changed."""
IMAGES = 24
DRAWS = 5
"""Heads by chance that are averaged: one alone may resemble what was learned."""
STEPS = ("head", "block 5", "block 4")
_BATCH = 8


def check_maps(
    head: Head, arrays: Arrays, body: Arrays, *, convention: str, pixels: Floats, seed: int
) -> MapCheck | None:
    """Return how much the maps of ``pixels`` change; None for a head that has none.

    Parameters
    ----------
    body : mapping
        The trained weights of the body.
    pixels : (n, 224, 224) float32
        Radiographs that were not fitted.
    """
    alpha = alpha_of(head, arrays)
    if alpha is None:
        return None
    rng = np.random.default_rng(seed)
    # What a head by chance makes of a channel: weights of the same spread as the learned ones.
    alphas = [rng.normal(0, alpha.std(), alpha.shape).astype(np.float32) for _ in range(DRAWS)]
    run = _last_convolution(convention)
    weights = dict(body)
    learned = run(weights, pixels)
    maps = _maps(learned, alpha)
    found = {"head": _mean_correlation(maps, learned, alphas)}
    for step, block in zip(STEPS[1:], (5, 4), strict=True):
        weights |= _by_chance(weights, block, rng)
        found[step] = _mean_correlation(maps, run(weights, pixels), alphas)
    passed = all(value <= BOUND for value in found.values())
    return MapCheck(METHOD, len(pixels), seed, found, BOUND, passed)


def rank_correlation(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> float:
    """Return Spearman's rank correlation of two arrays, ties counted half; 0 if one is constant."""
    ranks = [_ranks(values.ravel()) for values in (one, other)]
    a, b = (rank - rank.mean() for rank in ranks)
    spread = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / spread if spread else 0.0


def _ranks(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2.0)[place], np.float64)


def _maps(activations: Floats, alpha: Floats) -> Floats:
    return np.asarray(np.maximum(activations @ alpha, 0), np.float32)


def _mean_correlation(maps: Floats, activations: Floats, alphas: Sequence[Floats]) -> float:
    """Return the mean over radiographs and heads, 0 to 1; an empty map says nothing.

    Without its sign: a map that is turned inside out still follows the radiograph.
    """
    others = [_maps(activations, alpha) for alpha in alphas]
    found = [
        abs(rank_correlation(one, other[number]))
        for number, one in enumerate(maps)
        if one.max() > 0
        for other in others
    ]
    return round(float(np.mean(found)), 4) if found else 1.0


def _by_chance(weights: Arrays, block: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Return the arrays of one block, drawn anew with the spread of the learned ones."""
    names = [name for name in weights if name.startswith(f"block{block}_")]
    return {
        name: rng.normal(0, float(weights[name].std()), weights[name].shape).astype(np.float32)
        for name in names
    }


def _last_convolution(convention: str) -> Callable[[Arrays, Floats], Floats]:
    """Return a function from weights and pixels to the (n, 14, 14, 512) last convolution."""
    import tensorflow as tf
    from tensorflow import keras

    body = build_body()
    last = body.get_layer(f"block{len(BLOCKS)}_conv{len(BLOCKS[-1])}").output
    tap = keras.Model(body.input, last)
    traced = tf.function(lambda pixels: tap(to_input(pixels, convention), training=False))

    def run(weights: Arrays, pixels: Floats) -> Floats:
        set_weights(body, weights)
        starts = range(0, len(pixels), _BATCH)
        parts = [traced(tf.constant(pixels[at : at + _BATCH])).numpy() for at in starts]
        return np.concatenate(parts)

    return run
