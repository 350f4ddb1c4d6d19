"""What a fit makes of the machine that it finds."""

import pytest

from inference.processors import cores
from inference.training import hardware
from inference.training.hardware import Machine, machine, precision_of, this_machine
from inference.training.recipe import read_recipe, recipe_text

OURS, ARTICLE = (read_recipe(recipe_text(name)) for name in ("multi-source", "article"))


@pytest.fixture
def flags(tmp_path, monkeypatch):
    """Return a function that says what flags the processor has."""
    path = tmp_path / "cpuinfo"
    monkeypatch.setattr(hardware, "CPU_FLAGS", path)
    return lambda text: path.write_text(f"flags : fpu {text} avx2\n")


def test_a_processor_that_multiplies_halves_fits_our_recipes_in_them(flags):
    flags("amx_bf16")
    assert precision_of("auto", "cpu", OURS) == "bfloat16"
    assert precision_of("auto", "cpu", ARTICLE) == "float32"


def test_another_processor_or_system_computes_in_float32(flags):
    assert precision_of("auto", "cpu", OURS) == "float32"
    flags("avx512f")
    assert precision_of("auto", "cpu", OURS) == "float32"


def test_the_machine_is_named(tmp_path, monkeypatch):
    path = tmp_path / "cpuinfo"
    path.write_text("model name : Fast One\nflags : fpu amx_bf16\nmodel name : Fast One\n")
    monkeypatch.setattr(hardware, "CPU_FLAGS", path)
    assert this_machine() == Machine("Fast One", cores(), amx=True)
    monkeypatch.setattr(hardware, "CPU_FLAGS", tmp_path / "none")
    assert this_machine().processor
    assert not this_machine().amx


def test_a_gpu_fits_in_halves(flags):
    flags("")
    assert precision_of("auto", "gpu", ARTICLE) == "float16"


def test_what_is_asked_for_is_taken(flags):
    flags("amx_bf16")
    assert precision_of("float32", "cpu", OURS) == "float32"
    assert precision_of("bfloat16", "gpu", OURS) == "bfloat16"


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_weights_are_float32_whatever_is_multiplied(precision):
    from tensorflow import keras

    with machine(precision):
        layer = keras.layers.Dense(2)
        layer.build((None, 3))
        assert layer.compute_dtype == precision
        assert layer.variable_dtype == "float32"
    assert keras.mixed_precision.global_policy().name == "float32"
