"""A tiny network behind the real path."""

import numpy as np
import pytest

from inference.bundle import read_bundle
from inference.classifier import Classifier
from inference.vgg16 import layer_shapes
from tests.bundles import tiny_bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    """Return the bundle of a tiny network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERREAD_ALLOW_TEST_BUNDLE", "1")
        return read_bundle(tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny-0.0.1"))


@pytest.fixture
def tiny_classifier(bundle, airlock):
    """Return its classifier, with the airlock of the session."""
    with Classifier(bundle, airlock) as classifier:
        yield classifier


@pytest.fixture(scope="session")
def weights():
    """Random arrays whose activations neither fade nor explode (He et al. 2015)."""
    rng = np.random.default_rng(0)
    return {
        name: rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0.01, shape)
        .astype(np.float16)
        .astype(np.float32)
        for name, shape in layer_shapes().items()
    }


@pytest.fixture(scope="session")
def pixels():
    return np.random.default_rng(1).random((3, 224, 224), np.float32)
