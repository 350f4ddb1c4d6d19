"""A tiny network behind the real path."""

import pytest

from inference.bundle import read_bundle
from inference.classifier import Classifier
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
