"""What a fit makes of the machine: one processor, one GPU, or several."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from inference.processors import cores
from inference.training.recipe import Recipe, TunedRecipe

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
HALVES = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16", "float32": "float32"}
"""Precision of the multiplications to Keras's policy: weights and sums are always float32."""
CPU_FLAGS = Path("/proc/cpuinfo")
LIBRARIES = ("tensorflow", "keras", "numpy", "scikit-learn", "pillow", "ncnn")
"""What a fit computes with: another version may end with other weights."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a fit ran on: seconds mean nothing without it.

    Parameters
    ----------
    amx : bool
        Whether its processor multiplies matrices of bfloat16 in hardware.
    """

    processor: str
    cores: int
    amx: bool


def this_machine() -> Machine:
    """Return what is known of this machine."""
    said = CPU_FLAGS.read_text(encoding="utf-8") if CPU_FLAGS.is_file() else ""
    named = [line.partition(":")[2].strip() for line in said.splitlines() if "model name" in line]
    name = next(iter(named), "") or platform.processor() or platform.machine()
    return Machine(name, cores(), "amx_bf16" in said)


def library_versions() -> dict[str, str]:
    """Return the version of each of `LIBRARIES`, and of Python."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


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
    may_halve = this_machine().amx and isinstance(recipe, TunedRecipe)
    return "bfloat16" if may_halve else "float32"


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
