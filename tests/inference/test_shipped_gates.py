"""The gates of the released bundle, on pictures that packages ship and on real radiographs."""

import dataclasses
import io
from collections import defaultdict
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
import skimage
import sklearn.datasets
from PIL import Image

from inference.bundle import read_bundle
from inference.classifier import Classifier
from inference.likeness import REASONS
from inference.preprocess import squash
from inference.quality import BOUNDS
from inference.score import Score
from inference.training.features import read_grey
from inference.training.gates import arranged
from inference.training.splits import of_split, read_rows
from tests.bundles import SHIPPED
from tests.dicom_files import child_chest

OTHER_MODALITIES = {"CT", "MR", "US", "NM"}


@pytest.fixture(scope="module")
def classifier(airlock):
    with Classifier(read_bundle(SHIPPED), airlock) as classifier:
        yield classifier


def png(pixels, *, stretch=True):
    """Return a grey picture of an array, over the range that it has or over that of 0 to 1."""
    values = pixels.astype(np.float64)
    grey = values * 255
    if stretch:
        grey = (values - values.min()) / max(np.ptp(values), 1e-9) * 255
    stream = io.BytesIO()
    Image.fromarray(grey.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def photographs():
    """Return the pictures that scikit-image and scikit-learn ship, colours and all."""
    folder = Path(skimage.__file__).parent / "data"
    files = [path for end in ("png", "jpg") for path in sorted(folder.glob(f"*.{end}"))]
    grey = [png(one.mean(-1)) for one in sklearn.datasets.load_sample_images().images]
    return [*(path.read_bytes() for path in files), *grey]


def slices():
    """Return pictures of other modalities, by modality: one grey frame of each readable file."""
    found = defaultdict(list)
    for path in pydicom.data.get_testdata_files("*.dcm"):
        try:
            dataset = pydicom.dcmread(path)
            if dataset.get("Modality") not in OTHER_MODALITIES:
                continue
            pixels = dataset.pixel_array
        except Exception:  # noqa: BLE001 - many are broken on purpose
            continue
        colour = pixels.ndim > 2 and pixels.shape[-1] in {3, 4}
        while pixels.ndim > 2 + colour:
            pixels = pixels[len(pixels) // 2]
        pixels = pixels if pixels.ndim == 2 else pixels[..., :3].mean(-1)
        if min(pixels.shape) >= 32 and np.ptp(pixels) > 0:
            found[dataset.Modality].append(png(pixels))
    return found


def drawings():
    """Return noise, gradients and smooth blobs."""
    rng = np.random.default_rng(0)
    row, column = np.mgrid[:224, :224] / 224
    shades = [row, column, row + column, row**2 - column, (row - 0.5) ** 2 + (column - 0.5) ** 2]
    blobs = [
        np.asarray(Image.fromarray(rng.random((8, 8), np.float32)).resize((224, 224)))
        for _ in range(5)
    ]
    return [png(one) for one in [*shades, *blobs, *rng.random((5, 224, 224))]]


@pytest.mark.filterwarnings("ignore")
def test_what_is_no_chest_radiograph_is_refused(classifier):
    kinds = {"photographs": photographs(), "drawings": drawings()} | slices()
    assert set(kinds) >= OTHER_MODALITIES
    assert len(kinds["photographs"]) >= 25
    named = [kind for kind, pictures in kinds.items() for _ in pictures]
    answers = classifier.classify([one for pictures in kinds.values() for one in pictures])
    through = [kind for kind, one in zip(named, answers, strict=True) if isinstance(one, Score)]
    assert len(through) / len(named) <= 0.05, through
    assert not {"photographs", "drawings"} & set(through), through
    assert {answer.outcome for answer in answers if not isinstance(answer, Score)} == {
        "not_applicable",
        "rejected_quality",
    }


def test_the_bounds_of_quality_are_those_of_the_bundle(airlock):
    bundle = read_bundle(SHIPPED)
    gates = dataclasses.replace(
        bundle.manifest.gates, quality=dataclasses.replace(BOUNDS, spread_minimum=0.9)
    )
    stricter = dataclasses.replace(
        bundle, manifest=dataclasses.replace(bundle.manifest, gates=gates)
    )
    with Classifier(stricter, airlock) as classifier:
        (answer,) = classifier.classify([child_chest()])
    assert answer.code == "no_contrast"


def test_a_photograph_in_colour_is_refused(classifier):
    (image,) = sklearn.datasets.load_sample_images().images[:1]
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG")
    (answer,) = classifier.classify([stream.getvalue()])
    assert answer.code == "not_grey"


def chest_that_pydicom_ships():
    pixels = pydicom.dcmread(pydicom.data.get_testdata_file("RG1_J2KI.dcm")).pixel_array
    return squash(pixels.astype(np.float32) / np.float32(pixels.max()))


def test_a_real_radiograph_is_scored_upright_and_named_where_it_is_not(classifier):
    pixels = 1 - chest_that_pydicom_ships() if inverted() else chest_that_pydicom_ships()
    both = np.stack([pixels, pixels[:, ::-1]])  # its mirror image is what stands beside it
    assert isinstance(classifier.classify([png(pixels)])[0], Score)
    codes = {how: classifier.classify([png(arranged(both, how)[0])])[0] for how in REASONS}
    refused = {how for how, answer in codes.items() if not isinstance(answer, Score)}
    assert len(refused) >= len(REASONS) - 1, codes
    assert codes["inverted"].code == "inverted"


def inverted():
    path = pydicom.data.get_testdata_file("RG1_J2KI.dcm")
    return pydicom.dcmread(path).PhotometricInterpretation == "MONOCHROME1"


@pytest.mark.data
@pytest.mark.timeout(900)  # hundreds of radiographs, on whatever there is
def test_few_real_radiographs_of_another_hospital_are_refused(classifier, data_dir):
    rows = of_split(read_rows(data_dir / "cxr"), "external_report")
    answers = classifier.classify([row.file for row in rows])
    assert np.mean([not isinstance(answer, Score) for answer in answers]) <= 0.02


@pytest.mark.data
@pytest.mark.parametrize("how", REASONS)
def test_radiographs_that_are_not_upright_are_refused_for_that(classifier, data_dir, how):
    rows = of_split(read_rows(data_dir / "cxr"), "val")[::26]
    pixels = np.stack([squash(read_grey(row.file)) for row in rows])
    answers = classifier.classify([png(one, stretch=False) for one in arranged(pixels, how)])
    codes = [getattr(answer, "code", "") for answer in answers]
    assert np.mean([code != "" for code in codes]) >= 0.8, codes
    assert np.mean([code == REASONS[how] for code in codes]) >= 0.75, codes
