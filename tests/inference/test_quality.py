"""What nobody can read is said before any network is asked."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from inference.classifier import Radiograph
from inference.measured import FigureInvalid
from inference.preprocess import squash
from inference.quality import BOUNDS, check_quality, structure
from tests.dicom_files import chest_pixels, child_chest

NOISE = np.random.default_rng(0).random((224, 224), np.float32)
CHEST = squash(chest_pixels(0).astype(np.float32) / 4095)
ROW, COLUMN = (axis.astype(np.float32) for axis in np.mgrid[:224, :224])


def test_an_ordinary_picture_has_the_quality_to_be_read():
    assert check_quality(CHEST, colour=0.04) is None


@pytest.mark.parametrize(
    ("pixels", "code", "outcome"),
    [
        (np.full((224, 224), 0.5, np.float32), "no_contrast", "rejected_quality"),
        (np.eye(224, dtype=np.float32)[:, ::-1].copy(), "saturated", "rejected_quality"),
        (np.full((224, 224), np.nan, np.float32), "pixel_values_invalid", "failed"),
        (
            np.tile(np.linspace(0, 1, 224, dtype=np.float32), (224, 1)),
            "no_structure",
            "rejected_quality",
        ),
        (((ROW - 112) ** 2 + COLUMN**2) / 70_000, "no_structure", "rejected_quality"),
        (NOISE, "noise", "rejected_quality"),
        (squash(NOISE[:64, :64]), "noise", "rejected_quality"),
        (
            np.indices((224, 224)).sum(0).astype(np.float32) % 2 * 0.8 + 0.1,
            "noise",
            "rejected_quality",
        ),
    ],
)
def test_what_nobody_can_read_is_rejected(pixels, code, outcome):
    refusal = check_quality(pixels)
    assert refusal is not None
    assert (refusal.code, refusal.outcome) == (code, outcome)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"spread_minimum": 0.9}, "no_contrast"),
        ({"extreme_maximum": 0.0}, "saturated"),
        ({"roughness_maximum": 0.0}, "noise"),
        ({"structure_minimum": 1.0}, "no_structure"),
        ({"colour_maximum": 0.03}, "not_grey"),
    ],
)
def test_the_bounds_are_those_that_are_given(change, code):
    pixels = np.clip(CHEST * 1.1, 0, 1)
    assert check_quality(pixels, colour=0.04) is None
    bounds = dataclasses.replace(BOUNDS, **change)
    assert check_quality(pixels, colour=0.04, bounds=bounds).code == code


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_bound_is_a_share(value):
    with pytest.raises(FigureInvalid, match="roughness_maximum"):
        dataclasses.replace(BOUNDS, roughness_maximum=value)


@pytest.mark.parametrize("shape", [(1, 200), (200, 1), (8, 200)])
def test_of_a_line_or_two_no_more_is_taken_off_than_shades(shape):
    """What is left of each line is what a parabola along it leaves, and no less."""
    line = np.random.default_rng(3).random(200).astype(np.float32)
    pixels = np.broadcast_to(line if shape[0] < shape[1] else line[:, None], shape)
    seen = line[::4].astype(np.float64)
    at = np.linspace(-1, 1, len(seen))
    rest = seen - np.polyval(np.polyfit(at, seen, 2), at)
    assert structure(pixels) == pytest.approx(rest.var() / seen.var(), rel=1e-6)


def test_a_grainy_radiograph_is_not_taken_for_noise():
    assert check_quality(np.clip(CHEST + 0.2 * (NOISE - 0.5), 0.0, 1.0)) is None


def test_a_coloured_picture_is_rejected():
    refusal = check_quality(CHEST, colour=0.37)
    assert (refusal.code, refusal.outcome) == ("not_grey", "rejected_quality")
    assert refusal.found == "37% of the pixels"


def painted(share):
    """Return a grey chest of which ``share`` of the rows are painted red, (n, n, 3) uint8."""
    rgb = np.repeat((CHEST * 200).astype(np.uint8)[..., None], 3, axis=-1)
    rgb[: round(share * len(rgb)), :, 0] = 255
    return rgb


def png(rgb):
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("wrap", [png, lambda rgb: child_chest(pixels=rgb)], ids=["png", "dicom"])
@pytest.mark.parametrize(("share", "code"), [(0.0, ""), (0.03, ""), (0.5, "not_grey")])
def test_colour_is_seen_by_the_airlock_and_refused(tiny_classifier, wrap, share, code):
    (answer,) = tiny_classifier.classify([Radiograph(wrap(painted(share)))])
    assert getattr(answer, "code", "") == code


def test_colour_does_not_depend_on_the_size_of_the_picture(airlock):
    large = np.repeat(np.repeat(painted(0.5), 7, axis=0), 7, axis=1)
    for content in (png(large), child_chest(pixels=large)):
        assert airlock.decode(content).quality["colour"] == pytest.approx(0.5, abs=0.01)


def test_the_gates_can_be_left_out(tiny_classifier):
    (answer,) = tiny_classifier.classify([png(painted(0.5))], gates=False)
    assert 0 < answer.probability < 1
