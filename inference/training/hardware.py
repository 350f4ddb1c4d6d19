"""What a fit makes of the machine: one processor, one GPU, or several."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference.training.recipe import Recipe, TunedRecipe

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
HALVES = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16", "float32": "float32"}
"""Precision of the multiplications to Keras's policy: weights and sums are always float32."""
CPU_FLAGS = Path("/proc/cpuinfo")


def precision_of(wanted: str, device: str, recipe: Recipe) -> str:
    """Return ``float32``, ``bfloat16`` or ``float16``: ``wanted``, unless that is ``auto``.

    Automatically it is float16 on a GPU, and bfloat16 on a processor that multiplies matrices of
    it in hardware (AMX), where a step takes a fifth of the time; elsewhere, and for the article's
    recipe and a head alone on a processor, float32.
    """
    if wanted != "auto":
        return wanted
    if device == "gpu":
        return "float16"
    amx = CPU_FLAGS.is_file() and "amx_bf16" in CPU_FLAGS.read_text(encoding="utf-8")
    return "bfloat16" if amx and isinstance(recipe, TunedRecipe) else "float32"


@contextmanager
def machine(precision: str) -> Iterator[None]:
    """Compute with ``precision``, and on several GPUs with a part of each batch."""
    import tensorflow as tf
    from tensorflow import keras

    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(HALVES[precision])
    try:
        many = len(tf.config.get_visible_devices("GPU")) > 1
        strategy = tf.distribute.MirroredStrategy() if many else tf.distribute.get_strategy()
        with strategy.scope():
            yield
    finally:
        keras.mixed_precision.set_global_policy(before)
